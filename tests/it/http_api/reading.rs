//! Jobs and kinds as a caller sees them.

use super::{Api, code, create};
use crate::world::eventually;

#[tokio::test]
async fn a_job_is_found_by_its_place_and_by_its_id() {
    let api = Api::new().await;
    let id = api.echo(3);
    for path in [
        format!("/api/v1/jobs/{id}?wait=20"),
        format!("/api/v1/queues/debug/jobs/{id}"),
    ] {
        let answer = api.ask("GET", &path).send();
        assert_eq!(answer.status, 200, "{answer:?}");
        let job = answer.json();
        assert_eq!(
            (&job["id"], &job["kind"]),
            (&id.as_str().into(), &"debug.echo".into())
        );
        assert_eq!(job["state"], "completed");
        assert!(job["enqueued_at"].is_string() && job["finished_at"].is_string());
    }
}

#[tokio::test]
async fn results_and_payloads_are_shown_to_those_who_may_see_them_only() {
    let api = Api::new().await;
    let id = api.echo(4711);
    let path = |more: &str| format!("/api/v1/jobs/{id}?{more}");
    let usual = api.ask("GET", &path("wait=20")).send();
    assert_eq!(usual.status, 200);
    assert!(!usual.body.contains("4711"), "{usual:?}");
    assert_eq!(
        code(&api.ask("GET", &path("payload=true")).send()),
        "forbidden"
    );
    let seeing = create(
        &api.world,
        "seeing",
        &["--scope", "jobs:read,payloads:read"],
    );
    let ask = |more| {
        let ask = super::ask::Ask::new(api.port, "GET", &path(more));
        ask.token(&seeing).send().json()
    };
    assert_eq!(ask("")["result"], 4711);
    assert!(ask("").get("payload").is_none());
    assert_eq!(ask("payload=true")["payload"]["value"], 4711);
}

#[tokio::test]
async fn a_large_payload_is_read_back_from_where_it_is() {
    let api = Api::with("jobs:enqueue,jobs:read,payloads:read", &[]).await;
    let text = "x".repeat(100_000);
    let body =
        serde_json::json!({ "kind": "debug.echo", "payload": { "value": text }, "delay": "1h" });
    let receipt = api.post(&body.to_string()).json();
    let path = format!("{}?payload=true", receipt["url"].as_str().unwrap());
    let job = api.ask("GET", &path).send().json();
    assert_eq!(job["payload"]["value"], text);
}

#[tokio::test]
async fn a_failure_is_told_with_its_errors() {
    let api = Api::new().await;
    let body = r#"{"kind":"debug.fail","payload":{"message":"as asked","permanent":true}}"#;
    let answer = api.ask("POST", "/api/v1/jobs?wait=20").json(body).send();
    let job = answer.json();
    assert_eq!((answer.status, &job["state"]), (200, &"discarded".into()));
    assert_eq!(job["errors"][0]["attempt"], 1);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_that_says_so() {
    let api = Api::new().await;
    for path in [
        "/api/v1/jobs/01J",
        "/api/v1/jobs/%FF",
        "/api/v1/jobs/a%3Ab",
        "/api/v1/jobs/a%0d%0aSet-Cookie:%20a=b",
        "/api/v1/queues/debug/jobs/01J",
        "/api/v1/queues/%7Bdebug%7D/jobs/01J",
        "/api/v1/queues/debug%7D:job/jobs/01J",
    ] {
        let answer = api.ask("GET", path).send();
        assert_eq!(
            (answer.status, code(&answer).as_str()),
            (404, "unknown-job"),
            "{path}"
        );
        assert_eq!(answer.header("set-cookie"), None);
    }
    let nothing = api.ask("GET", "/api/v1/jbos").send();
    assert_eq!(code(&nothing), "not-found");
    let wrong = api.ask("DELETE", "/api/v1/jobs").send();
    assert_eq!(
        (wrong.status, code(&wrong).as_str()),
        (405, "method-not-allowed")
    );
    assert_eq!(wrong.header("allow"), Some("POST"));
    for query in [
        "wait=0",
        "wait=61",
        "wait=x",
        "wait=1&wait=2",
        "wiat=1",
        "payload=yes",
    ] {
        let answer = api.ask("GET", &format!("/api/v1/jobs/01J?{query}")).send();
        assert_eq!(
            (answer.status, code(&answer).as_str()),
            (400, "invalid-query"),
            "{query}"
        );
    }
}

#[tokio::test]
async fn kinds_and_document_are_those_that_the_token_may_use() {
    let api = Api::new().await;
    let all = api.ask("GET", "/api/v1/kinds").send().json();
    assert_eq!(
        all["kinds"].as_array().unwrap().len(),
        crm_job_contract::KINDS.len()
    );
    let one = api.ask("GET", "/api/v1/kinds/debug.sleep").send().json();
    assert_eq!(one["schema"]["properties"]["ms"]["type"], "integer");
    let limited = create(
        &api.world,
        "limited",
        &["--scope", "jobs:read", "--kind", "exports.*"],
    );
    let ask = |path| {
        super::ask::Ask::new(api.port, "GET", path)
            .token(&limited)
            .send()
    };
    assert!(!ask("/api/v1/kinds").body.contains("debug."));
    assert_eq!(code(&ask("/api/v1/kinds/debug.sleep")), "unknown-kind");
    let document = ask("/api/v1/openapi.json");
    assert!(document.body.contains("Payload.exports.export_records"));
    assert!(!document.body.contains("debug.sleep"));
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_path() {
    let api = Api::new().await;
    let id = api.echo(1);
    api.ask("GET", &format!("/api/v1/jobs/{id}")).send();
    api.ask("GET", "/secret/path").send();
    let page = eventually("the page is fresh", || async {
        let page = crate::world::get(api.worker.port(), "/metrics").body;
        page.contains(r#"route="/api/v1/jobs/{id}""#)
            .then_some(page)
    })
    .await;
    assert!(page.contains(
        r#"rouage_http_requests_total{method="POST",route="/api/v1/jobs",status="201"} 1"#
    ));
    assert!(
        page.contains(r#"rouage_http_requests_total{method="GET",route="none",status="403"} 1"#)
    );
    assert!(page.contains("rouage_http_request_duration_seconds_bucket"));
    assert!(!page.contains("secret") && !page.contains(&id));
}
