//! Socket, password and ACL user, and a password that changes while a worker runs.

use std::time::Duration;

use devkit::{Persistence, RedisServer};
use rouage::startup::Severity;
use rouage::{Link, LinkOptions};

use crate::stage::{
    client, client_with, eventually, file, fsck_is_clean, listening, one_job_runs, work,
};

/// What `docs/guides/configuration.md` gives out.
pub(crate) fn documented_user(password: &str) -> String {
    let guide = include_str!("../../../docs/guides/configuration.md");
    let line = guide
        .lines()
        .find_map(|line| line.trim().strip_prefix("ACL SETUSER crm-worker "))
        .expect("the guide has the line");
    format!("ACL SETUSER crm-worker {line}").replace("PASSWORD", password)
}

fn server() -> RedisServer {
    RedisServer::start(Persistence::None).unwrap()
}

pub(crate) fn told(server: &RedisServer, command: &str) {
    let answer = server.tell(command).unwrap();
    assert!(answer.contains("+OK"), "{command}: {answer}");
}

#[tokio::test]
async fn a_worker_runs_over_a_socket() {
    let server = server();
    let unix = format!("unix://{}", server.socket().display());
    for url in [server.socket_url(), unix] {
        let client = client(&url).await;
        let worker = work(&client);
        listening(&[&server], 1).await;
        one_job_runs(&client, 1).await;
        for kind in ["normal", "pubsub"] {
            server.tell(&format!("CLIENT KILL TYPE {kind}")).unwrap();
        }
        one_job_runs(&client, 2).await;
        worker.drain().await;
        listening(&[&server], 0).await;
    }
}

#[tokio::test]
async fn a_password_in_the_url_opens_and_is_never_shown() {
    let server = server();
    let url = format!("redis://:gr%C3%BCn@127.0.0.1:{}/2", server.port());
    told(&server, "CONFIG SET requirepass grün");
    let client = client(&url).await;
    let worker = work(&client);
    one_job_runs(&client, 1).await;
    worker.drain().await;
    let shown = format!("{:?} {}", client.link(), client.link().address());
    assert!(!shown.contains("gr"), "{shown}");
    let wrong = url.replace("gr%C3%BCn", "secret");
    let refused = Link::connect(&wrong, Duration::from_secs(2)).await;
    let message = refused.unwrap_err().to_string();
    assert!(!message.contains("secret"), "{message}");
}

#[tokio::test]
async fn the_documented_acl_user_is_all_a_worker_needs() {
    let server = server();
    told(&server, &documented_user("sesame"));
    told(&server, "ACL SETUSER default off");
    let url = format!("redis://crm-worker:sesame@127.0.0.1:{}/0", server.port());
    let client = client(&url).await;
    client.mark_layout().await.unwrap();
    let findings = client.check_redis().await.unwrap();
    assert!(
        findings
            .iter()
            .all(|finding| finding.severity < Severity::Error),
        "{findings:?}"
    );
    let worker = work(&client);
    for number in 0..3 {
        one_job_runs(&client, number).await;
    }
    client.queues().await.unwrap();
    client.workers().await.unwrap();
    worker.drain().await;
    fsck_is_clean(&client).await;
    let foreign = redis::cmd("GET").arg("other:key").to_owned();
    let refused = client.link().command::<Option<String>>(&foreign).await;
    let message = refused.unwrap_err().to_string().to_lowercase();
    assert!(message.contains("no permissions"), "{message}");
}

#[tokio::test]
async fn a_rotated_password_is_read_from_its_file_without_a_restart() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "first\n");
    told(&server, &documented_user("first"));
    let options = LinkOptions {
        password_file: Some(path.clone()),
        ..LinkOptions::default()
    };
    let url = format!("redis://crm-worker@127.0.0.1:{}/0", server.port());
    let client = client_with(&url, options).await;
    let worker = work(&client);
    listening(&[&server], 1).await;
    one_job_runs(&client, 1).await;
    // Between the two the worker is locked out; it asks again until the file is right.
    told(&server, "ACL SETUSER crm-worker <first >second");
    server.tell("CLIENT KILL USER crm-worker").unwrap();
    listening(&[&server], 0).await;
    let refused = client.link().command::<()>(&redis::cmd("TIME")).await;
    assert!(refused.is_err(), "the old password still opens");
    file(&folder, "second\n");
    listening(&[&server], 1).await;
    one_job_runs(&client, 2).await;
    worker.drain().await;
    fsck_is_clean(&client).await;
}

#[tokio::test]
async fn a_missing_password_file_is_named() {
    let server = server();
    let url = format!("{}?password_file=/nowhere/password", server.url());
    let refused = Link::connect(&url, Duration::from_secs(2)).await;
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("/nowhere/password"), "{message}");
}

/// Every connection is probed while it is silent: a host that vanished says nothing by itself.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn silent_connections_are_probed() {
    let server = server();
    let client = client(&server.url()).await;
    let worker = work(&client);
    listening(&[&server], 1).await;
    let port = format!(":{:04X}", server.port());
    eventually("all four are probed", || async {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let rows = table
            .lines()
            .map(|row| row.split_whitespace().collect::<Vec<_>>());
        let ours = rows.filter(|row| row[2].ends_with(&port) && row[3] == "01");
        // 02 is the keepalive timer.
        (ours.filter(|row| row[5].starts_with("02")).count() == 4).then_some(())
    })
    .await;
    worker.drain().await;
}
