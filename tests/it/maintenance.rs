//! Maintenance from outside: certificates over real TLS.

use devkit::{Template, TlsRedis};
use serde_json::Value;

use crate::world::{Worker, World};

#[tokio::test]
async fn the_days_of_a_certificate_are_read_from_a_server_and_a_strangers_is_a_failure() {
    let world = World::new(Template::Empty).await;
    let server = TlsRedis::start(false).unwrap();
    let host = server.url().trim_start_matches("rediss://").to_owned();
    let host = host.split(['/', '?']).next().unwrap().to_owned();
    let start = |authority: &str| {
        let mut command = world.command();
        command.env("CRM_WORKER__MAINTENANCE__CERTIFICATE_HOSTS", &host);
        command.env("CRM_WORKER__MAINTENANCE__CERTIFICATE_CA_FILE", authority);
        Worker::start(command.arg("run"))
    };
    let check = ["maintenance.check_certificates", "--json", "{}", "--wait"];

    let authority = server.certificates().authority();
    let trusting = start(authority.to_str().unwrap());
    let said = world.run(&[&["enqueue"][..], &check].concat()).good();
    let output: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    let days = output["output"]["days_left"][&host].as_u64().unwrap();
    assert!((28..=30).contains(&days), "{said}");
    drop(trusting);

    let _doubting = start("");
    let id = world.enqueue("maintenance.check_certificates", "{}", &[]);
    let client = world.client().await;
    let id = id.parse().unwrap();
    let error = crate::world::eventually("the first attempt failed", || async {
        let job = client.job("maintenance", &id).await.ok()??;
        (!job.errors.is_empty()).then(|| job.last_message())
    })
    .await;
    assert!(
        error.contains(&format!("{host}: ")) && error.contains("UnknownIssuer"),
        "{error}"
    );
}
