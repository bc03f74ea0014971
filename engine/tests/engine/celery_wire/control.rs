use rouage::ingress::celery::wire::control::{
    EventsWish, Method, Request, flagged_as_revoked, parse, reply, reply_lists,
};
use rouage::ingress::celery::wire::events::{WorkerEvent, WorkerNow, worker};
use rouage::ingress::celery::wire::{BrokerKeys, Limits, ResultKeys};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{NOW_MS, decoded_body, fixture, fixtures};

const NODE: &str = "worker1@example";

fn request(name: &str) -> Request {
    let fixture = fixture(name);
    let raw = fixture["request"].as_str().unwrap();
    parse(raw.as_bytes(), NOW_MS, NODE, &Limits::default())
        .unwrap()
        .unwrap_or_else(|| panic!("{name} is for us"))
}

/// A ping with other members in its body.
fn asked(members: &Value) -> Option<Request> {
    use base64::Engine as _;
    let fixture = fixture("control-ping");
    let mut body = fixture["request_body"].clone();
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    let mut envelope: Value = serde_json::from_str(fixture["request"].as_str().unwrap()).unwrap();
    envelope["body"] = base64::engine::general_purpose::STANDARD
        .encode(body.to_string())
        .into();
    parse(
        envelope.to_string().as_bytes(),
        NOW_MS,
        NODE,
        &Limits::default(),
    )
    .unwrap()
}

#[test]
fn every_request_of_a_real_client_is_understood() {
    for name in fixtures("control-") {
        let request = request(&name);
        assert_eq!(request.clock, 1, "{name}");
        assert_ne!(request.method, Method::Unknown, "{name}");
        let asked = &fixture(&name)["request_body"];
        let to = request
            .reply
            .unwrap_or_else(|| panic!("{name} wants an answer"));
        assert_eq!(to.ticket, asked["ticket"], "{name}");
    }
    assert_eq!(request("control-ping").method, Method::Ping);
    assert_eq!(
        request("control-enable_events").method,
        Method::Events(EventsWish::Enable)
    );
    assert_eq!(
        request("control-shutdown").method,
        Method::Unsupported("shutdown")
    );
    assert_eq!(
        request("control-hello").method,
        Method::Hello {
            from: "other@example".to_owned(),
            revoked: Vec::new()
        }
    );
    assert_eq!(
        request("control-revoke").method,
        Method::Revoke {
            ids: vec!["00000000-0000-4000-8000-000000000001".to_owned()],
            terminate: false,
            signal: Some("SIGTERM".to_owned()),
        }
    );
}

#[test]
fn an_answer_is_the_one_of_a_real_worker() {
    let keys = BrokerKeys::default();
    for name in fixtures("control-") {
        let fixture = fixture(&name);
        let Some(theirs) = fixture["reply"].as_object() else {
            continue;
        };
        let to = request(&name).reply.unwrap();
        assert_eq!(
            reply_lists(&keys, &to, &[]),
            [fixture["reply_key"].as_str().unwrap()]
        );
        let answer = RawValue::from_string(theirs["body"][NODE].to_string()).unwrap();
        let tag = theirs["properties"]["delivery_tag"].as_str().unwrap();
        let ours = reply(&to, NODE, &answer, 1, tag);
        let mut ours: Value = serde_json::from_str(&ours).unwrap();
        ours["body"] = decoded_body(&ours);
        for part in ["headers", "properties", "body"] {
            assert_eq!(ours[part], theirs[part], "{name}");
        }
    }
}

#[test]
fn an_expired_request_is_dropped() {
    let fixture = fixture("control-ping");
    let raw = fixture["request"].as_str().unwrap().as_bytes();
    let at = |now| parse(raw, now, NODE, &Limits::default()).unwrap();
    assert!(at(NOW_MS + 1000).is_some());
    assert!(at(NOW_MS + 1001).is_none());
}

#[test]
fn a_request_for_others_is_dropped() {
    assert!(asked(&json!({"destination": ["other@example"]})).is_none());
    assert!(asked(&json!({"destination": ["other@example", NODE]})).is_some());
    assert!(asked(&json!({"destination": []})).is_none());
    for (pattern, ours) in [
        ("worker*", true),
        ("*@example", true),
        ("*1*e", true),
        ("worker?@example", true),
        ("worker[0-9]@*", true),
        ("worker[!0-9]@*", false),
        ("worker[", false),
        ("other*", false),
        ("", false),
        ("worker1@example*", true),
    ] {
        assert_eq!(
            asked(&json!({"pattern": pattern})).is_some(),
            ours,
            "{pattern}"
        );
    }
    let pcre = json!({"pattern": ".*", "matcher": "pcre"});
    assert!(asked(&pcre).is_none(), "no stranger's expression is run");
}

#[test]
fn an_answer_goes_nowhere_but_to_an_asker() {
    let to = |exchange: &str, key: &str| {
        let to = json!({"exchange": exchange, "routing_key": key});
        asked(&json!({"reply_to": to})).unwrap().reply
    };
    let uuid = "ffffffff-0000-4000-8000-000000000002";
    assert!(to("reply.celery.pidbox", uuid).is_some());
    assert!(to("other", uuid).is_none());
    assert!(to("reply.celery.pidbox", "celery").is_none());
    assert!(
        to(
            "reply.celery.pidbox",
            "../../../../-0000-4000-8000-000000000"
        )
        .is_none()
    );
    let keys = BrokerKeys::default();
    let asker = to("reply.celery.pidbox", uuid).unwrap();
    let route = |queue: &str| keys.binding_member(uuid, "", queue);
    let own = format!("{uuid}.reply.celery.pidbox");
    let bindings = [route("celery"), route(&own)];
    assert_eq!(reply_lists(&keys, &asker, &bindings), [own]);
}

#[test]
fn ids_to_revoke_come_as_text_or_as_a_list() {
    let ids = |arguments: Value| {
        let asked = asked(&json!({"method": "revoke", "arguments": arguments}));
        match asked.unwrap().method {
            Method::Revoke { ids, terminate, .. } => (ids, terminate),
            other => panic!("{other:?}"),
        }
    };
    let long = "x".repeat(256);
    assert_eq!(ids(json!({"task_id": "a"})), (vec!["a".to_owned()], false));
    assert_eq!(
        ids(json!({"task_id": ["a", "b", "", long], "terminate": true})),
        (vec!["a".to_owned(), "b".to_owned()], true)
    );
    assert_eq!(ids(json!({"task_id": {"a": 1}})), (Vec::new(), false));
    assert_eq!(ids(json!({})), (Vec::new(), false));
    assert_eq!(
        flagged_as_revoked(&["a".to_owned()]),
        json!({"ok": "tasks {'a'} flagged as revoked"})
    );
    assert_eq!(
        asked(&json!({"method": "rm -rf"})).unwrap().method,
        Method::Unknown
    );
}

#[test]
fn keys_have_the_names_that_kombu_gives_them() {
    let keys = BrokerKeys {
        prefix: "shop:".to_owned(),
        database: 3,
        ..BrokerKeys::default()
    };
    assert_eq!(
        keys.lists("q"),
        [
            "shop:q",
            "shop:q\u{6}\u{16}3",
            "shop:q\u{6}\u{16}6",
            "shop:q\u{6}\u{16}9"
        ]
    );
    assert_eq!(keys.control_channel(), "shop:/3.celery.pidbox");
    assert_eq!(
        keys.event_channel("worker-online"),
        "shop:/3.celeryev/worker.online"
    );
    assert_eq!(keys.unacked_index(), "shop:unacked_index");
    assert_eq!(keys.binding("celery"), "shop:_kombu.binding.celery");
    let topic = fixture("msg-topic-exchange");
    assert_eq!(
        topic["bindings"]["_kombu.binding.shop"][0],
        keys.binding_member("orders.#", "^orders\\..*?$", "orders")
    );
    for (prefix, key) in [
        ("", "celery-task-meta-i"),
        ("shop", "shop_celery-task-meta-i"),
        ("shop:", "shop:celery-task-meta-i"),
        ("shop-", "shop-celery-task-meta-i"),
    ] {
        assert_eq!(ResultKeys::new(prefix).result("i"), key);
    }
    assert_eq!(
        ResultKeys::default().chord("g").size,
        "celery-taskset-meta-g.s"
    );
}

#[test]
fn a_worker_tells_of_itself_as_a_celery_worker_does() {
    let now = WorkerNow {
        node: NODE,
        pid: 1,
        clock: 1,
        active: 0,
        processed: 0,
        load: [0.1, 0.1, 0.1],
        version: "5.7.0",
    };
    for event in [
        WorkerEvent::Online,
        WorkerEvent::Heartbeat,
        WorkerEvent::Offline,
    ] {
        let theirs = fixture(&format!("event-{}", event.kind()));
        let mut told: Value = serde_json::from_str(theirs["raw"].as_str().unwrap()).unwrap();
        let mut body = decoded_body(&told);
        body["sw_ident"] = json!("rouage");
        let tag = told["properties"]["delivery_tag"]
            .as_str()
            .unwrap()
            .to_owned();
        let now = WorkerNow {
            processed: body["processed"].as_u64().unwrap(),
            ..now
        };
        let ours = worker(event, &now, NOW_MS, &tag);
        let mut ours: Value = serde_json::from_str(&ours).unwrap();
        let mut our_body = decoded_body(&ours);
        // 0 and 0.0 are the same to Python.
        for body in [&mut our_body, &mut body] {
            body["utcoffset"] = json!(body["utcoffset"].as_f64());
        }
        assert_eq!(our_body, body);
        for message in [&mut ours, &mut told] {
            message["body"] = json!(null);
        }
        assert_eq!(ours, told);
        let channel = BrokerKeys::default().event_channel(event.kind());
        assert_eq!(channel, theirs["channel"].as_str().unwrap());
    }
}
