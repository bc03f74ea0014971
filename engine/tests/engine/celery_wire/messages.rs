use rouage::ingress::celery::wire::{
    BrokerKeys, Limits, Message, Reason, Refusal, Signature, head, read,
};
use serde_json::{Value, json};
use std::time::Duration;

use super::{NOW_MS, fixture, fixtures, message, raw_of, with_body, with_header};

pub(super) fn read_one(raw: &[u8]) -> Result<Message, Refusal> {
    read(raw, NOW_MS, &Limits::default())
}

fn args(message: &Message) -> Value {
    let items = message.args.iter().map(|raw| raw.get());
    let items: Vec<Value> = items
        .map(|raw| serde_json::from_str(raw).unwrap())
        .collect();
    items.into()
}

fn kwargs(message: &Message) -> Value {
    serde_json::to_value(&message.kwargs).unwrap()
}

fn seconds(ms: Option<u64>) -> Value {
    ms.map_or(Value::Null, |ms| json!(ms as f64 / 1000.0))
}

#[test]
fn every_message_of_a_real_client_is_what_it_says() {
    let mut seen = 0;
    for name in fixtures("msg-") {
        let fixture = fixture(&name);
        for stored in fixture["messages"].as_array().into_iter().flatten() {
            let Some(expect) = stored["expect"].as_object() else {
                continue;
            };
            let message =
                read_one(&raw_of(stored)).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(message.id, expect["id"], "{name}");
            assert_eq!(message.task, expect["task"], "{name}");
            assert_eq!(message.retries, expect["retries"], "{name}");
            assert_eq!(seconds(message.eta_ms), expect["eta_unix"], "{name}");
            assert_eq!(
                seconds(message.expires_ms),
                expect["expires_unix"],
                "{name}"
            );
            let given = expect["priority"].as_u64().unwrap();
            assert_eq!(u64::from(message.priority), given.min(9), "{name}");
            if name != "msg-python-types" && name != "msg-big-numbers" {
                assert_eq!(args(&message), expect["args"], "{name}");
                assert_eq!(kwargs(&message), expect["kwargs"], "{name}");
            }
            seen += 1;
        }
    }
    assert!(seen > 40, "only {seen} messages were compared");
}

#[test]
fn every_head_agrees_with_its_message() {
    for name in fixtures("msg-") {
        for stored in fixture(&name)["messages"].as_array().into_iter().flatten() {
            let raw = raw_of(stored);
            let Ok(message) = read_one(&raw) else {
                continue;
            };
            let head = head(&raw, &Limits::default()).unwrap();
            assert_eq!(head.id, message.id, "{name}");
            assert_eq!(head.task, message.task, "{name}");
            assert_eq!(head.retries, message.retries, "{name}");
            assert_eq!(head.delivery_tag, message.delivery_tag, "{name}");
        }
    }
}

#[test]
fn the_list_of_every_message_is_the_one_its_client_chose() {
    let keys = BrokerKeys::default();
    for name in fixtures("msg-") {
        let fixture = fixture(&name);
        let keys = match name.as_str() {
            "msg-priority-custom-steps" => BrokerKeys {
                separator: ":".to_owned(),
                steps: (0..=9).collect(),
                ..keys.clone()
            },
            "msg-global-keyprefix" => BrokerKeys {
                prefix: "shop:".to_owned(),
                ..keys.clone()
            },
            _ => keys.clone(),
        };
        for stored in fixture["messages"].as_array().into_iter().flatten() {
            let Ok(message) = read_one(&raw_of(stored)) else {
                continue;
            };
            let list = stored["key"].as_str().unwrap();
            let queue = match name.as_str() {
                "msg-topic-exchange" => "orders",
                "msg-custom-queue" => list,
                _ => "celery",
            };
            assert_eq!(keys.list(queue, message.priority), list, "{name}");
        }
    }
}

#[test]
fn pythons_types_become_plain_json() {
    let message = read_one(&message("msg-python-types")).unwrap();
    assert_eq!(
        kwargs(&message),
        json!({
            "datetime": "2030-01-01T00:00:00+00:00",
            "naive": "2030-01-01T00:00:00",
            "date": "2030-01-01",
            "time": "12:30:00",
            "decimal": "1.10",
            "uuid": "00000000-0000-4000-8000-000000000001",
            "bytes": "abc",
            "raw": "/wA=",
            "tuple": [1, 2],
        })
    );
}

#[test]
fn pythons_types_are_found_at_any_depth_and_behind_escapes() {
    let body = r#"[[{"a": [{"\u005f_type__": "decimal", "__value__": "-1e5"}]},
        {"__type__": "decimal", "__value__": "x", "more": 1}], {}, {}]"#;
    let message = read_one(&with_body(&fixture("bad-wrong-arity"), body)).unwrap();
    assert_eq!(message.args[0].get(), r#"{"a": ["-1e5"]}"#);
    assert_eq!(
        args(&message)[1]["__type__"],
        "decimal",
        "three keys are no tag"
    );
}

#[test]
fn numbers_keep_all_their_digits() {
    let stored = &fixture("msg-big-numbers")["messages"][0];
    let message = read_one(&raw_of(stored)).unwrap();
    let body = stored["body_text"].as_str().unwrap();
    assert!(message.args.iter().any(|raw| raw.get().len() > 19));
    for raw in message.args.iter().chain(message.kwargs.values()) {
        assert!(body.contains(raw.get()), "{} is not verbatim", raw.get());
    }
}

#[test]
fn what_is_no_number_becomes_null() {
    let message = read_one(&message("msg-nan")).unwrap();
    assert_eq!(args(&message), json!([null, null, null]));
}

#[test]
fn half_a_surrogate_does_not_hide_the_message() {
    let message = read_one(&message("msg-lone-surrogate")).unwrap();
    assert_eq!(message.id, "00000000-0000-4000-8000-000000000027");
    assert_eq!(args(&message), json!(["\u{fffd}"]));
}

#[test]
fn whole_surrogate_pairs_and_escapes_stay() {
    let body = r#"[["\ud83d\ude00 \\ud800 \"\ud800\ud83d\ude00 \udc00"], {}, {}]"#;
    let message = read_one(&with_body(&fixture("bad-wrong-arity"), body)).unwrap();
    let expected = "\u{1f600} \\ud800 \"\u{fffd}\u{1f600} \u{fffd}";
    assert_eq!(args(&message), json!([expected]));
}

#[test]
fn a_message_of_protocol_1_is_read_like_one_of_protocol_2() {
    let raw = message("msg-protocol-1");
    let message = read_one(&raw).unwrap();
    assert_eq!(message.protocol, 1);
    assert_eq!(message.id, "00000000-0000-4000-8000-000000000046");
    assert_eq!(message.task, "demo.add");
    assert_eq!(args(&message), json!([1, 2]));
    assert_eq!(message.eta_ms, Some(NOW_MS + 10_000));
    assert_eq!(head(&raw, &Limits::default()).unwrap().id, message.id);
}

#[test]
fn a_megabyte_of_arguments_is_read() {
    let body = format!("[[{:?}], {{}}, {{}}]", "x".repeat(1_000_000));
    let message = read_one(&with_body(&fixture("bad-wrong-arity"), &body)).unwrap();
    assert_eq!(message.args[0].get().len(), 1_000_002);
}

#[test]
fn what_belongs_to_the_task_is_kept() {
    let limits = read_one(&message("msg-time-limits")).unwrap().time_limit;
    assert_eq!(
        limits,
        (Some(Duration::from_secs(30)), Some(Duration::from_secs(20)))
    );
    let headers = read_one(&message("msg-headers")).unwrap().headers;
    assert_eq!(
        serde_json::to_value(headers).unwrap(),
        json!({"tenant": "acme", "traceparent": "00-abc-def-01"})
    );
    assert!(
        read_one(&message("msg-ignore-result"))
            .unwrap()
            .ignore_result
    );
    assert!(!read_one(&message("msg-args")).unwrap().ignore_result);
    assert!(read_one(&message("msg-redelivered")).unwrap().redelivered);
    let reply_to = read_one(&message("msg-reply-to")).unwrap().reply_to;
    assert_eq!(reply_to.as_deref(), Some("my-replies"));
    let chord = read_one(&message("msg-chord")).unwrap();
    assert_eq!(
        chord.embed.chord.unwrap().task().as_deref(),
        Some("demo.tsum")
    );
    assert_eq!(chord.group_index, Some(0));
    let chain = read_one(&message("msg-chain")).unwrap().embed.chain;
    let tasks: Vec<_> = chain.iter().filter_map(Signature::task).collect();
    assert_eq!(tasks, ["demo.echo", "demo.add"], "in the order of the wire");
}

#[test]
fn an_origin_survives_being_stored() {
    let message = read_one(&message("msg-chain")).unwrap();
    let origin = message.origin("celery", true);
    let stored = serde_json::to_string(&origin).unwrap();
    let again: rouage::ingress::celery::wire::Origin = serde_json::from_str(&stored).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), stored);
    assert_eq!(again.embed.chain.len(), 2);
    assert_eq!(again.arguments.unwrap().args.len(), 2);
}

#[test]
fn every_way_to_write_a_time_is_read() {
    for (written, ms) in [
        ("2030-01-01T00:00:00", NOW_MS),
        ("2030-01-01T00:00:00Z", NOW_MS),
        ("2030-01-01 00:00:00+00:00", NOW_MS),
        ("2030-01-01T01:00:00+01:00", NOW_MS),
        ("2030-01-01T05:30+05:30", NOW_MS),
        ("2029-12-31T19:00:00-05", NOW_MS),
        ("2029-12-31T24:00:00", NOW_MS),
        ("2030-01-01", NOW_MS),
        ("20300101T000000Z", NOW_MS),
        ("20300101", NOW_MS),
        ("2030-W01-2", NOW_MS),
        ("2030W012T00", NOW_MS),
        ("2030-001", NOW_MS),
        ("2030-01", NOW_MS),
        ("2030-01-01T00:00:00.123456", NOW_MS + 123),
        ("2030-01-01T00:00:00,5+00:00", NOW_MS + 500),
        ("1969-12-31T23:59:59Z", 0),
        ("0001-01-01T00:00:00+14:00", 0),
        ("9999-12-31T23:59:59+00:00", 253_402_300_799_000),
        (
            "9999-12-31T23:59:59-14:00",
            253_402_300_799_000 + 14 * 3_600_000,
        ),
    ] {
        let message = read_one(&with_header("eta", json!(written)));
        let message = message.unwrap_or_else(|error| panic!("{written}: {error}"));
        assert_eq!(message.eta_ms, Some(ms), "{written}");
    }
}

#[test]
fn what_is_no_time_is_refused() {
    for written in [
        "",
        "T",
        "now",
        "2030-13-01",
        "2030-02-30",
        "2030-01-01T",
        "2030-01-01T25:00",
        "2030-1-1",
        "2030-01-01T00:00:61",
        "2030-01-01T00:00:00+25:00",
        "2030-01-01T00:00:00.",
        "20300101000000",
        "2030-01-01T0:0:0",
        "2030-01-01T00:00:00+",
        "１２３４-01-01",
        "2030-W54-1",
        "2030-W01-8",
    ] {
        let refusal = read_one(&with_header("expires", json!(written))).unwrap_err();
        assert_eq!(refusal.reason, Reason::InvalidExpires, "{written:?}");
    }
}

#[test]
fn headers_that_may_be_null_may_be_null() {
    for name in [
        "timelimit",
        "ignore_result",
        "group_index",
        "stamped_headers",
        "stamps",
        "shadow",
        "root_id",
        "parent_id",
        "retries",
        "replaced_task_nesting",
        "compression",
        "group",
    ] {
        let message = read_one(&with_header(name, Value::Null));
        message.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
