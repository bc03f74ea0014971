//! The Celery protocol against what real clients and workers wrote: `tests/fixtures/celery`.

mod canvas;
mod control;
mod hostile;
mod messages;
mod refusals;
mod results;

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rouage::ingress::celery::wire::Sender;
use serde_json::Value;

/// The clock of all fixtures: 2030-01-01T00:00:00Z.
const NOW_MS: u64 = 1_893_456_000_000;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/celery")
}

fn fixture(name: &str) -> Value {
    let text = std::fs::read_to_string(directory().join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The names of all fixtures of a kind, such as `msg-`.
fn fixtures(prefix: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .filter(|name| name.starts_with(prefix))
        .collect();
    names.sort();
    names
}

/// A list element as bytes; some are described instead of stored.
fn raw_of(fixture: &Value) -> Vec<u8> {
    if let Some(raw) = fixture["raw"].as_str() {
        raw.as_bytes().to_vec()
    } else if let Some(raw) = fixture["raw_base64"].as_str() {
        BASE64.decode(raw).unwrap()
    } else {
        assert_eq!(fixture["name"], "bad-deep-nesting", "an unknown generator");
        let body = format!(
            "[[{}{}, 2], {{}}, {{}}]",
            "[".repeat(2001),
            "]".repeat(2001)
        );
        with_body(&self::fixture("bad-wrong-arity"), &body)
    }
}

/// A message with another body.
fn with_body(fixture: &Value, body: &str) -> Vec<u8> {
    let raw = raw_of(fixture);
    let mut envelope: Value = serde_json::from_slice(&raw).unwrap();
    envelope["body"] = BASE64.encode(body).into();
    envelope.to_string().into_bytes()
}

/// The single message of a fixture.
fn message(name: &str) -> Vec<u8> {
    raw_of(&fixture(name)["messages"][0])
}

/// A real message with a header set to another value.
fn with_header(name: &str, value: Value) -> Vec<u8> {
    let mut envelope: Value = serde_json::from_slice(&message("msg-args")).unwrap();
    envelope["headers"][name] = value;
    envelope.to_string().into_bytes()
}

fn decoded_body(envelope: &Value) -> Value {
    let body = BASE64.decode(envelope["body"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// Calls `act` as the worker of the fixtures, with countable ids.
fn as_worker<T>(act: impl FnOnce(&mut Sender<'_>) -> T) -> T {
    let mut count = 0;
    let mut fresh = || {
        count += 1;
        format!("fresh-{count}")
    };
    act(&mut Sender {
        node: "worker1@example",
        now_ms: NOW_MS,
        fresh: &mut fresh,
    })
}
