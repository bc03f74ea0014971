//! What is too much: bodies, jobs, requests, patience.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::ask::Ask;
use super::{Api, code, echo};
use crate::world::{eventually, redis_command};

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_whether_or_not_it_says_so() {
    let settings = [("CRM_WORKER__PANEL__BODY_BYTES", "2048")];
    let api = Api::with(super::USUAL, &settings).await;
    let large = format!("{}{}", echo(1), " ".repeat(4096));
    let announced = api.post(&large);
    assert_eq!(
        (announced.status, code(&announced).as_str()),
        (413, "body-too-large")
    );
    let chunk = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    let mut chunked = api
        .ask("POST", "/api/v1/jobs")
        .header("Content-Type", "application/json")
        .header("Transfer-Encoding", "chunked");
    chunked = chunked.raw(chunk.as_bytes());
    assert_eq!(code(&chunked.send()), "body-too-large");
    assert_eq!(api.stored().await, 0);
}

#[tokio::test]
async fn more_jobs_than_a_request_may_have_are_refused() {
    let settings = [("CRM_WORKER__PANEL__JOBS_PER_REQUEST", "2")];
    let api = Api::with(super::USUAL, &settings).await;
    let jobs = |count: usize| format!("[{}]", vec![echo(1); count].join(","));
    assert_eq!(api.post(&jobs(2)).status, 201);
    let many = api.post(&jobs(3));
    assert_eq!((many.status, code(&many).as_str()), (422, "too-many-jobs"));
    assert_eq!(code(&api.post("[]")), "invalid-body");
    assert_eq!(code(&api.post(r#"{"jobs":[]}"#)), "invalid-body");
    assert_eq!(api.stored().await, 2);
}

#[tokio::test]
async fn a_token_that_is_used_too_often_is_told_when_to_come_again() {
    let settings = [("CRM_WORKER__PANEL__REQUESTS_PER_SECOND", "1")];
    let api = Api::with(super::USUAL, &settings).await;
    let other = super::create(&api.world, "other", &["--scope", "jobs:read"]);
    let refused = (0..20).find_map(|_| {
        let answer = api.ask("GET", "/api/v1/kinds").send();
        (answer.status == 429).then_some(answer)
    });
    let refused = refused.unwrap();
    assert_eq!(code(&refused), "rate-limited");
    assert!(
        refused
            .header("retry-after")
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >= 1
    );
    let another = Ask::new(api.port, "GET", "/api/v1/kinds")
        .token(&other)
        .send();
    assert_eq!(another.status, 200, "another token is not slowed down");
}

#[tokio::test]
async fn unknown_tokens_slow_down_their_address_and_no_token_that_is_known() {
    let api = Api::new().await;
    assert_eq!(api.ask("GET", "/api/v1/kinds").send().status, 200);
    let unknown = format!("rouage_{}", "0".repeat(64));
    let slowed = (0..200).any(|_| {
        let ask = Ask::new(api.port, "GET", "/api/v1/kinds");
        ask.token(&unknown).send().status == 429
    });
    assert!(slowed);
    assert_eq!(api.ask("GET", "/api/v1/kinds").send().status, 200);
}

#[tokio::test]
async fn whoever_finds_no_place_to_wait_is_answered_at_once() {
    let settings = [("CRM_WORKER__PANEL__WAITING", "0")];
    let api = Api::with(super::USUAL, &settings).await;
    let asleep = r#"{"kind":"debug.sleep","payload":{"ms":600000}}"#;
    let answer = api.ask("POST", "/api/v1/jobs?wait=30").json(asleep).send();
    assert_eq!(answer.status, 202, "{answer:?}");
}

#[tokio::test]
async fn a_drain_ends_waiting_callers_and_idle_connections() {
    let api = Api::new().await;
    let mut idle = TcpStream::connect(("127.0.0.1", api.port)).unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let body = r#"{"kind":"debug.echo","payload":{"value":1},"delay":"1h"}"#;
    let (port, token) = (api.port, api.token.clone());
    let waiting = std::thread::spawn(move || {
        let ask = Ask::new(port, "POST", "/api/v1/jobs?wait=30").token(&token);
        ask.json(body).send()
    });
    let (client, redis) = (api.world.client().await, api.world.redis.port());
    eventually("somebody waits", || async {
        let waiting = client.keyspace().queue("debug").waiting();
        let count = redis_command(redis, &format!("ZCARD {waiting}"));
        (!count.starts_with(":0")).then_some(())
    })
    .await;
    api.worker.signal("TERM");
    assert_eq!(waiting.join().unwrap().status, 202);
    let (exit, log) = api.worker.ended();
    assert_eq!(exit, 0, "{log:#?}");
    let cut = log.iter().any(|line| {
        line["message"]
            .as_str()
            .is_some_and(|text| text.contains("cut off"))
    });
    assert!(!cut, "{log:#?}");
}
