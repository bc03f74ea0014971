use std::time::Duration;

use rouage::ingress::celery::wire::{Limits, Reason, read, salvage};
use serde_json::{Value, json};

use super::messages::read_one;
use super::{NOW_MS, fixture, fixtures, message, raw_of, with_body, with_header};

#[test]
fn pickle_and_yaml_are_refused_for_their_content_type() {
    for name in ["msg-pickle", "msg-yaml"] {
        let refusal = read_one(&message(name)).unwrap_err();
        assert_eq!(refusal.reason, Reason::ContentType, "{name}");
        assert!(refusal.task_id.is_some(), "{name}");
        assert_eq!(refusal.exception.exc_type, "ContentDisallowed", "{name}");
        assert_eq!(refusal.exception.exc_module, "kombu.exceptions", "{name}");
    }
}

#[test]
fn every_malformed_message_has_the_end_it_should() {
    for name in fixtures("bad-") {
        let fixture = fixture(&name);
        let should = fixture["expect"]["foreign_worker_should"].as_str().unwrap();
        let outcome = read_one(&raw_of(&fixture));
        match should {
            _ if should.starts_with("run") || should.starts_with("schedule") => {
                outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
            }
            // The registry and the handler refuse these; the message itself is sound.
            "FAILURE" | "FAILURE NotRegistered + dead-letter" => {
                outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
            }
            "dead-letter" => {
                let refusal = outcome.expect_err(&name);
                assert_eq!(refusal.task_id, None, "{name}");
            }
            _ => {
                assert!(
                    should.starts_with("dead-letter + FAILURE"),
                    "{name}: {should}"
                );
                let refusal = outcome.expect_err(&name);
                let id = refusal.task_id.as_deref();
                assert_eq!(id, Some("00000000-0000-4000-8000-000000000900"), "{name}");
                assert!(!refusal.ignore_result, "{name}");
                assert!(!refusal.exception.exc_message.is_empty(), "{name}");
            }
        }
    }
}

#[test]
fn a_refusal_names_its_reason() {
    for (name, code) in [
        ("bad-not-json", "not_json"),
        ("bad-json-list", "not_an_object"),
        ("bad-invalid-utf8", "not_utf8"),
        ("bad-deep-nesting", "too_deep"),
        ("bad-no-id", "no_id"),
        ("bad-id-number", "no_id"),
        ("bad-no-task", "no_task"),
        ("bad-no-headers", "no_task"),
        ("bad-retries-text", "invalid_retries"),
        ("bad-eta-text", "invalid_eta"),
        ("bad-eta-number", "invalid_eta"),
        ("bad-expires-text", "invalid_expires"),
        ("bad-content-type-null", "content_type"),
        ("bad-content-type-charset", "content_type"),
        ("bad-body-missing", "no_body"),
        ("bad-body-encoding-unknown", "body_encoding"),
        ("bad-bad-base64", "invalid_base64"),
        ("bad-compression-unknown", "compression"),
        ("bad-compression-lie", "corrupt_compression"),
        ("bad-body-not-json", "body_not_json"),
        ("bad-body-dict", "body_shape"),
        ("bad-body-two-items", "body_shape"),
        ("bad-args-dict", "invalid_args"),
        ("bad-kwargs-list", "invalid_kwargs"),
        ("bad-type-tag-unknown", "unknown_type_tag"),
        ("bad-type-tag-bad-value", "invalid_type_tag"),
    ] {
        let refusal = read_one(&raw_of(&fixture(name))).unwrap_err();
        assert_eq!(refusal.reason.code(), code, "{name}");
    }
}

#[test]
fn a_refusal_quotes_nothing_of_the_message() {
    for name in fixtures("bad-") {
        if let Err(refusal) = read_one(&raw_of(&fixture(&name))) {
            let sentence = format!("{refusal} {:?}", refusal.exception.exc_message);
            for secret in ["tomorrow", "12345", "builtins", "demo.add"] {
                assert!(!sentence.contains(secret), "{name}: {sentence}");
            }
        }
    }
}

#[test]
fn who_wants_no_result_is_known_even_of_a_refused_message() {
    let mut raw: Value = serde_json::from_slice(&with_header("eta", json!("tomorrow"))).unwrap();
    raw["headers"]["ignore_result"] = json!(true);
    let refusal = read_one(raw.to_string().as_bytes()).unwrap_err();
    assert_eq!(refusal.reason, Reason::InvalidEta);
    assert!(refusal.ignore_result);
}

#[test]
fn an_eta_beyond_the_horizon_is_refused() {
    let limits = Limits {
        horizon: Some(Duration::from_secs(3600)),
        ..Limits::default()
    };
    let at = |written: &str| read(&with_header("eta", json!(written)), NOW_MS, &limits);
    assert!(at("2030-01-01T01:00:00").is_ok());
    let refusal = at("2030-01-01T01:00:01").unwrap_err();
    assert_eq!(refusal.reason, Reason::BeyondHorizon);
    assert!(at("1999-01-01").is_ok(), "the past is no horizon");
}

#[test]
fn headers_of_a_wrong_type_are_refused_with_the_id() {
    for (name, value) in [
        ("group_index", json!("x")),
        ("group", json!(7)),
        ("timelimit", json!([1])),
        ("timelimit", json!(["1", null])),
        ("timelimit", json!([-1, null])),
        ("retries", json!(-1)),
        ("retries", json!(1.5)),
        ("compression", json!(7)),
        ("root_id", json!({})),
    ] {
        let refusal = read_one(&with_header(name, value)).unwrap_err();
        assert!(refusal.task_id.is_some(), "{name}");
    }
}

#[test]
fn what_was_to_follow_a_refused_message_can_be_ended() {
    let limits = Limits::default();
    let body = r#"[[{"__type__": "x", "__value__": 1}], {}, {"chain": [
        {"task": "next", "args": [], "kwargs": {}, "options": {"task_id": "waited-for"}}]}]"#;
    let raw = with_body(&fixture("bad-wrong-arity"), body);
    assert_eq!(read_one(&raw).unwrap_err().reason, Reason::UnknownTypeTag);
    let origin = salvage(&raw, "celery", &limits).unwrap();
    assert_eq!(
        origin.embed.chain[0].task_id().as_deref(),
        Some("waited-for")
    );

    let mut late: Value = serde_json::from_slice(&message("msg-chord")).unwrap();
    late["headers"]["eta"] = json!("tomorrow");
    let origin = salvage(late.to_string().as_bytes(), "celery", &limits).unwrap();
    assert!(origin.group.is_some() && origin.embed.chord.is_some());

    for name in ["bad-no-id", "bad-content-type-text", "bad-json-list"] {
        assert!(salvage(&raw_of(&fixture(name)), "celery", &limits).is_none());
    }
}
