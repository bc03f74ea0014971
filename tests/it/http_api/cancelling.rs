//! `POST …/cancel`.

use super::{Api, code};
use crate::world::eventually;

#[tokio::test]
async fn a_waiting_job_is_cancelled_once_and_for_all() {
    let api = Api::new().await;
    let body = r#"{"kind":"debug.echo","payload":{"value":1},"delay":"1h"}"#;
    let receipt = api.post(body).json();
    let url = receipt["url"].as_str().unwrap();
    let id = receipt["id"].as_str().unwrap();
    for path in [format!("{url}/cancel"), format!("/api/v1/jobs/{id}/cancel")] {
        let answer = api.ask("POST", &path).send();
        assert_eq!(
            (answer.status, answer.json()["outcome"].as_str()),
            (200, Some("cancelled"))
        );
    }
    assert_eq!(api.ask("GET", url).send().json()["state"], "cancelled");
}

#[tokio::test]
async fn a_running_job_is_asked_to_end() {
    let api = Api::new().await;
    let receipt = api
        .post(r#"{"kind":"debug.sleep","payload":{"ms":600000}}"#)
        .json();
    let url = receipt["url"].as_str().unwrap();
    eventually("it runs", || async {
        (api.ask("GET", url).send().json()["state"] == "running").then_some(())
    })
    .await;
    let answer = api.ask("POST", &format!("{url}/cancel")).send();
    assert_eq!(
        (answer.status, answer.json()["outcome"].as_str()),
        (202, Some("asked"))
    );
    let ended = api.ask("GET", &format!("{url}?wait=20")).send();
    assert_eq!(
        (ended.status, ended.json()["state"].as_str()),
        (200, Some("cancelled"))
    );
}

#[tokio::test]
async fn a_job_that_completed_cannot_be_cancelled() {
    let api = Api::new().await;
    let id = api.echo(1);
    assert_eq!(
        api.ask("GET", &format!("/api/v1/jobs/{id}?wait=20"))
            .send()
            .status,
        200
    );
    let refused = api.ask("POST", &format!("/api/v1/jobs/{id}/cancel")).send();
    assert_eq!((refused.status, code(&refused).as_str()), (409, "job-over"));
    let unknown = api.ask("POST", "/api/v1/jobs/nobody/cancel").send();
    assert_eq!(code(&unknown), "unknown-job");
}
