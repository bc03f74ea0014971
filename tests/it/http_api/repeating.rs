//! The same request twice: `Idempotency-Key`.

use std::thread;

use serde_json::{Value, json};

use super::ask::Answer;
use super::{Api, code, create, echo};

fn post(api: &Api, key: &str, body: &str) -> Answer {
    api.ask("POST", "/api/v1/jobs")
        .header("Idempotency-Key", key)
        .json(body)
        .send()
}

#[tokio::test]
async fn a_repeated_request_is_answered_the_same_and_stores_nothing() {
    let api = Api::new().await;
    let first = post(&api, "a-1", &echo(1));
    let again = post(
        &api,
        "\"a-1\"",
        r#" {"payload":{"value": 1},"kind":"debug.echo"} "#,
    );
    assert_eq!((first.status, again.status), (201, 201), "{again:?}");
    assert_eq!(first.json(), again.json());
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(api.stored().await, 1);
}

#[tokio::test]
async fn a_key_with_another_content_is_refused() {
    let api = Api::new().await;
    assert_eq!(post(&api, "k", &echo(1)).status, 201);
    for body in [
        echo(2),
        r#"{"kind":"debug.echo","payload":{"value":1},"tags":["a"]}"#.to_owned(),
        format!("[{},{}]", echo(1), echo(1)),
    ] {
        let refused = post(&api, "k", &body);
        assert_eq!(refused.status, 422, "{body}");
        assert_eq!(code(&refused), "idempotency-key-reused");
    }
    assert_eq!(api.stored().await, 1);
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let api = Api::new().await;
    assert_eq!(
        post(&api, "k", r#"{"kind":"debug.echo","payload":{}}"#).status,
        422
    );
    assert_eq!(post(&api, "k", &echo(1)).status, 201);
}

#[tokio::test]
async fn another_token_with_the_same_key_is_another_request() {
    let mut api = Api::new().await;
    let first = post(&api, "k", &echo(1)).json();
    api.token = create(&api.world, "other", &["--scope", "jobs:enqueue"]);
    let other = post(&api, "k", &echo(2));
    assert_eq!(other.status, 201);
    assert_ne!(first["id"], other.json()["id"]);
}

#[tokio::test]
async fn the_same_request_many_times_at_once_is_one_job() {
    let api = Api::new().await;
    let answers: Vec<Value> = thread::scope(|scope| {
        let ask = || scope.spawn(|| post(&api, "k", &echo(7)));
        let asked: Vec<_> = (0..16).map(|_| ask()).collect();
        let answers = asked.into_iter().map(|asked| asked.join().unwrap());
        answers
            .map(|answer| {
                assert_eq!(answer.status, 201, "{answer:?}");
                answer.json()
            })
            .collect()
    });
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert_eq!(api.stored().await, 1);
}

#[tokio::test]
async fn many_jobs_are_repeated_as_one_request_and_a_job_that_is_gone_stays_gone() {
    let api = Api::new().await;
    let body = format!("[{},{}]", echo(1), echo(2));
    let first = post(&api, "many", &body);
    assert_eq!(first.status, 201);
    // As a long-finished job is: pruned.
    let client = api.world.client().await;
    let id = first.json()["jobs"][0]["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    client
        .wait_in("debug", &id, std::time::Duration::from_secs(20))
        .await
        .unwrap();
    let keys = client.keyspace().queue("debug");
    for key in [keys.job(), keys.run(), keys.result()] {
        crate::world::redis_command(api.world.redis.port(), &format!("HDEL {key} {id}"));
    }
    crate::world::redis_command(
        api.world.redis.port(),
        &format!("ZREM {} {id}", keys.completed()),
    );
    let again = post(&api, "many", &body);
    assert_eq!(first.json(), again.json());
    assert_eq!(api.stored().await, 2);
    assert!(client.job("debug", &id).await.unwrap().is_none());
}

#[tokio::test]
async fn keys_that_are_none_are_refused() {
    let api = Api::new().await;
    for key in ["", "\"\"", &"x".repeat(256), "é"] {
        let refused = post(&api, key, &echo(1));
        assert_eq!(code(&refused), "invalid-header", "{key}");
    }
    let twice = api
        .ask("POST", "/api/v1/jobs")
        .header("Idempotency-Key", "a")
        .header("Idempotency-Key", "b");
    let body = json!({ "kind": "debug.echo", "payload": { "value": 1 } }).to_string();
    assert_eq!(code(&twice.json(&body).send()), "invalid-header");
    assert_eq!(api.stored().await, 0);
}
