//! The process that serves: alone, refused, within its bounds.

use std::io::Write;
use std::net::TcpStream;

use devkit::Template;

use super::ask::Ask;
use super::{Api, port};
use crate::world::{Worker, World, end_of, eventually, get};

#[tokio::test]
async fn a_process_may_serve_the_api_and_run_no_jobs() {
    let world = World::new(Template::Empty).await;
    let mut command = world.command();
    command.env("CRM_WORKER__PANEL__BIND", "127.0.0.1:0");
    let worker = Worker::start(command.args(["run", "--roles", "panel"]));
    let health = Ask::new(port(&worker), "GET", "/healthz").send();
    assert_eq!(health.status, 200);
    eventually("it is ready", || async {
        (get(worker.port(), "/readyz").status == 200).then_some(())
    })
    .await;
    assert!(world.client().await.workers().await.unwrap().is_empty());
    worker.signal("TERM");
    assert_eq!(worker.ended().0, 0);
}

#[tokio::test]
async fn the_role_that_was_asked_for_needs_an_address_and_no_other_process_has_it() {
    let world = World::new(Template::Empty).await;
    let ended = world.run(&["run", "--roles", "panel"]);
    assert_eq!(ended.code, 78, "{ended:?}");
    assert!(ended.stderr.contains("panel.bind is empty"), "{ended:?}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = world.command();
    command.env("CRM_WORKER__PANEL__BIND", &address);
    let ended = end_of(command.args(["run", "--roles", "panel"]));
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stderr.contains("see panel.bind"), "{ended:?}");
    let mut wrong = world.command();
    wrong.env("CRM_WORKER__PANEL__BIND", "9181");
    let ended = end_of(wrong.arg("run"));
    assert!(
        ended.code == 78 && ended.stderr.contains("0.0.0.0:9181"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn who_finds_no_free_connection_is_served_when_one_is() {
    let settings = [("CRM_WORKER__PANEL__CONNECTIONS", "1")];
    let api = Api::with(super::USUAL, &settings).await;
    let mut first = TcpStream::connect(("127.0.0.1", api.port)).unwrap();
    first.write_all(b"GET /healthz HTTP/1.1\r\n").unwrap();
    eventually("it has the place", || async {
        let page = get(api.worker.port(), "/metrics").body;
        page.contains("rouage_http_connections 1").then_some(())
    })
    .await;
    let port = api.port;
    let second = std::thread::spawn(move || Ask::new(port, "GET", "/healthz").send());
    drop(first);
    assert_eq!(second.join().unwrap().status, 200);
}
