use rouage::ingress::celery::wire::{
    Act, Exception, Limits, Origin, Outcome, after, canvas, publish, read,
};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{NOW_MS, as_worker, decoded_body, fixture, message};

const CHAIN_ERROR: &str = "boom";

fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap()
}

fn origin_of(raw: &[u8]) -> Origin {
    let message = read(raw, NOW_MS, &Limits::default()).unwrap();
    message.origin("celery", false)
}

/// The origin of a message that a flow fixture shows with its body decoded.
fn origin_in(pushed: &Value) -> Origin {
    use base64::Engine as _;
    let mut envelope = pushed["message"].clone();
    let body = envelope["body"].to_string();
    envelope["body"] = base64::engine::general_purpose::STANDARD
        .encode(body)
        .into();
    envelope["content-type"] = json!("application/json");
    envelope["content-encoding"] = json!("utf-8");
    origin_of(envelope.to_string().as_bytes())
}

fn succeed(origin: &Origin, result: &Value) -> Vec<Act> {
    let result = raw(result);
    as_worker(|sender| after(origin, Outcome::Success { result: &result }, sender))
}

fn fail(origin: &Origin) -> Vec<Act> {
    let exception = Exception::job_failed(CHAIN_ERROR);
    let outcome = Outcome::Failure {
        exception: &exception,
        traceback: None,
    };
    as_worker(|sender| after(origin, outcome, sender))
}

fn published(acts: &[Act]) -> Vec<Value> {
    let raws = acts.iter().filter_map(|act| match act {
        Act::Publish { raw, .. } => Some(raw),
        _ => None,
    });
    raws.map(|raw| {
        let mut envelope: Value = serde_json::from_str(raw).unwrap();
        envelope["body"] = decoded_body(&envelope);
        envelope
    })
    .collect()
}

fn stored(acts: &[Act]) -> Vec<(String, Value)> {
    acts.iter()
        .filter_map(|act| match act {
            Act::Store { task_id, meta, .. } => {
                Some((task_id.clone(), serde_json::from_str(meta).unwrap()))
            }
            _ => None,
        })
        .collect()
}

/// As a client or a Celery worker sent it, but for what differs between any two publications.
fn assert_same_message(ours: &Value, theirs: &Value) {
    let mut theirs = theirs.clone();
    let mut ours = ours.clone();
    for envelope in [&mut ours, &mut theirs] {
        envelope["properties"]["delivery_tag"] = json!("any");
        for name in ["argsrepr", "kwargsrepr", "origin"] {
            envelope["headers"][name] = json!("any");
        }
        envelope.as_object_mut().unwrap().remove("content-type");
        envelope.as_object_mut().unwrap().remove("content-encoding");
    }
    assert_eq!(ours, theirs);
}

#[test]
fn a_chain_goes_on_exactly_as_a_celery_worker_would_send_it() {
    let flow = fixture("flow-chain");
    let acts = succeed(&origin_in(&flow["pushed"][0]), &json!(2));
    let sent = published(&acts);
    assert_eq!(sent.len(), 1);
    assert_same_message(&sent[0], &flow["pushed"][1]["message"]);
    let results = &flow["results"]["celery-task-meta-00000000-0000-4000-8000-000000000300"];
    let theirs: Value = serde_json::from_str(results[1].as_str().unwrap()).unwrap();
    assert_eq!(
        stored(&acts),
        [("00000000-0000-4000-8000-000000000300".to_owned(), theirs)]
    );
    assert!(
        matches!(acts[0], Act::Publish { .. }),
        "sent before the result is stored"
    );
}

#[test]
fn a_chain_keeps_what_is_behind_the_next() {
    let acts = succeed(&origin_of(&message("msg-chain")), &json!(2));
    let sent = &published(&acts)[0];
    assert_eq!(sent["body"][0], json!([2, 10]));
    assert_eq!(sent["body"][2]["chain"][0]["task"], "demo.echo");
    let last = succeed(&origin_of(sent_raw(&acts).as_bytes()), &json!(12));
    let sent = &published(&last)[0];
    assert_eq!(
        sent["body"][0],
        json!(["x"]),
        "immutable: no result before it"
    );
    assert_eq!(
        sent["headers"]["root_id"],
        "00000000-0000-4000-8000-000000000037"
    );
    assert_eq!(
        sent["headers"]["parent_id"],
        "00000000-0000-4000-8000-000000000038"
    );
}

fn sent_raw(acts: &[Act]) -> String {
    let raw = acts.iter().find_map(|act| match act {
        Act::Publish { raw, .. } => Some(raw.clone()),
        _ => None,
    });
    raw.unwrap()
}

#[test]
fn a_chain_that_breaks_fails_everything_behind() {
    let acts = fail(&origin_of(&message("msg-chain")));
    let stored = stored(&acts);
    let ids: Vec<&str> = stored.iter().map(|(id, _)| &id[id.len() - 2..]).collect();
    assert_eq!(ids, ["37", "38", "39"]);
    for (id, meta) in &stored {
        assert_eq!(meta["status"], "FAILURE");
        assert_eq!(meta["task_id"], *id);
        assert_eq!(meta["result"]["exc_message"], json!([CHAIN_ERROR]));
    }
    assert!(published(&acts).is_empty());
}

#[test]
fn a_revoked_chain_is_revoked_to_its_end() {
    let exception = Exception::expired();
    let origin = origin_of(&message("msg-chain"));
    let outcome = Outcome::Revoked {
        exception: &exception,
    };
    let acts = as_worker(|sender| after(&origin, outcome, sender));
    let states: Vec<Value> = stored(&acts)
        .iter()
        .map(|(_, meta)| meta["status"].clone())
        .collect();
    assert_eq!(states, ["REVOKED", "REVOKED", "REVOKED"]);
}

#[test]
fn a_link_gets_the_result_and_an_errback_the_id() {
    let origin = origin_of(&message("msg-link"));
    let acts = succeed(&origin, &json!(3));
    let sent = published(&acts);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["headers"]["task"], "demo.tsum");
    assert_eq!(sent[0]["body"][0], json!([3]));
    assert_eq!(
        stored(&acts)[0].1["children"],
        json!([[["00000000-0000-4000-8000-000000000032", null], null]])
    );

    let acts = fail(&origin);
    let sent = published(&acts);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["headers"]["task"], "demo.echo");
    assert_eq!(sent[0]["headers"]["parent_id"], origin.id);
    assert_eq!(
        sent[0]["body"][0],
        json!(["failed"]),
        "immutable: its own arguments"
    );

    let mut mutable = serde_json::to_value(&origin).unwrap();
    mutable["embed"]["errbacks"][0]["immutable"] = json!(false);
    let mutable: Origin = serde_json::from_str(&mutable.to_string()).unwrap();
    let sent = published(&fail(&mutable));
    assert_eq!(sent[0]["body"][0], json!([origin.id, "failed"]));
}

#[test]
fn a_chord_is_gathered_exactly_as_a_celery_worker_would() {
    let flow = fixture("flow-chord");
    let mut members = Vec::new();
    let mut last = None;
    for (index, value) in [(0, 2), (1, 4)] {
        let origin = origin_in(&flow["pushed"][index]);
        let acts = succeed(&origin, &json!(value));
        let Some(Act::Chord(part)) = acts.last() else {
            panic!("no part of a chord in {acts:?}");
        };
        assert_eq!(part.group, "00000000-0000-4000-8000-000000000305");
        assert_eq!(part.index, Some(index as i64));
        assert_eq!(part.seen, format!("{}:{index}", origin.id));
        members.push(part.member.clone());
        last = Some((origin, part.body.clone()));
    }
    assert_eq!(
        members[0],
        r#"[1,"00000000-0000-4000-8000-000000000302","SUCCESS",2]"#
    );
    let (origin, body) = last.unwrap();
    let acts = as_worker(|sender| canvas::gather(&origin, &body, &members, sender));
    assert_same_message(&published(&acts)[0], &flow["pushed"][2]["message"]);
}

#[test]
fn a_chord_with_a_failed_part_fails_its_body_in_the_same_words() {
    let flow = fixture("flow-chord-error");
    let origin = origin_in(&flow["pushed"][1]);
    let exception: Exception = serde_json::from_value(json!({
        "exc_type": "ValueError", "exc_message": ["boom"], "exc_module": "builtins"
    }))
    .unwrap();
    let outcome = Outcome::Failure {
        exception: &exception,
        traceback: None,
    };
    let acts = as_worker(|sender| after(&origin, outcome, sender));
    let part = acts.iter().find_map(|act| match act {
        Act::Chord(part) => Some(part),
        _ => None,
    });
    let part = part.unwrap();
    let first = r#"[1, "00000000-0000-4000-8000-000000000306", "SUCCESS", 2]"#.to_owned();
    let members = [first, part.member.clone()];
    let acts = as_worker(|sender| canvas::gather(&origin, &part.body, &members, sender));
    let (id, meta) = &stored(&acts)[0];
    assert_eq!(id, "00000000-0000-4000-8000-000000000308");
    let theirs = &flow["results"][format!("celery-task-meta-{id}")][0];
    let theirs: Value = serde_json::from_str(theirs.as_str().unwrap()).unwrap();
    assert_eq!(meta["result"], theirs["result"]);
    assert!(published(&acts).is_empty());
}

#[test]
fn a_part_that_cannot_be_read_fails_the_chord() {
    let flow = fixture("flow-chord");
    let origin = origin_in(&flow["pushed"][0]);
    let body = origin.embed.chord.clone().unwrap();
    let members = ["nonsense".to_owned()];
    let acts = as_worker(|sender| canvas::gather(&origin, &body, &members, sender));
    assert_eq!(stored(&acts)[0].1["status"], "FAILURE");
}

#[test]
fn a_canvas_inside_of_a_canvas_is_refused_on_every_id() {
    let nested = json!([{
        "task": "celery.group", "args": [], "options": {"task_id": "group-id"}, "immutable": false,
        "subtask_type": "group",
        "kwargs": {"tasks": [
            {"task": "a", "args": [], "kwargs": {}, "options": {"task_id": "inner-1"}, "subtask_type": null},
            {"task": "b", "args": [], "kwargs": {}, "options": {"task_id": "inner-2"}, "subtask_type": null},
        ]},
    }]);
    for place in ["callbacks", "chain", "errbacks"] {
        let mut origin = serde_json::to_value(origin_of(&message("msg-args"))).unwrap();
        origin["embed"][place] = nested.clone();
        let origin: Origin = serde_json::from_str(&origin.to_string()).unwrap();
        let exception = canvas::refused(&origin.embed).unwrap();
        let outcome = Outcome::Failure {
            exception: &exception,
            traceback: None,
        };
        let acts = as_worker(|sender| after(&origin, outcome, sender));
        let mut ids: Vec<String> = stored(&acts).into_iter().map(|(id, _)| id).collect();
        ids.sort();
        let own = origin.id.clone();
        assert_eq!(ids, [&own, "group-id", "inner-1", "inner-2"], "{place}");
        assert!(published(&acts).is_empty());
    }
    assert!(canvas::refused(&origin_of(&message("msg-chain")).embed).is_none());
}

#[test]
fn who_wants_no_result_gets_none_but_the_chain_goes_on() {
    let mut origin = origin_of(&message("msg-chain"));
    origin.ignore_result = true;
    let acts = succeed(&origin, &json!(1));
    assert!(stored(&acts).is_empty());
    assert_eq!(published(&acts).len(), 1);
}

#[test]
fn the_last_task_of_a_chain_in_a_chord_counts_when_the_chain_breaks() {
    let mut origin = serde_json::to_value(origin_of(&message("msg-chain"))).unwrap();
    origin["embed"]["chain"][0]["options"] = json!({
        "task_id": "last", "group_id": "the-group", "group_index": 4,
        "chord": {"task": "body", "args": [], "kwargs": {}, "options": {"task_id": "body-id"}},
    });
    let origin: Origin = serde_json::from_str(&origin.to_string()).unwrap();
    let acts = fail(&origin);
    let part = acts.iter().find_map(|act| match act {
        Act::Chord(part) => Some(part),
        _ => None,
    });
    let part = part.unwrap();
    assert_eq!((part.group.as_str(), part.index), ("the-group", Some(4)));
    assert!(part.member.contains("FAILURE"));
    // And when it does not break, the message carries the chord on.
    let step = succeed(&origin, &json!(1));
    let last = succeed(&origin_of(sent_raw(&step).as_bytes()), &json!(2));
    let message = read(sent_raw(&last).as_bytes(), NOW_MS, &Limits::default()).unwrap();
    assert_eq!(message.group.as_deref(), Some("the-group"));
    assert_eq!(message.group_index, Some(4));
    assert_eq!(
        message.embed.chord.unwrap().task_id().as_deref(),
        Some("body-id")
    );
}

#[test]
fn options_of_a_signature_reach_its_message() {
    let mut origin = serde_json::to_value(origin_of(&message("msg-args"))).unwrap();
    origin["embed"]["callbacks"] = json!([{
        "task": "demo.echo", "args": [], "kwargs": {"k": 1}, "subtask_type": null, "immutable": true,
        "options": {
            "queue": "mail", "priority": 200, "countdown": 90, "expires": 120.5, "time_limit": 30,
            "ignore_result": true, "headers": {"tenant": "acme", "id": "forged"},
            "stamped_headers": ["run"], "run": "nightly",
            "link": {"task": "demo.add", "args": [], "kwargs": {}, "options": {}},
        },
    }]);
    let origin: Origin = serde_json::from_str(&origin.to_string()).unwrap();
    let acts = succeed(&origin, &json!(1));
    let Act::Publish {
        queue,
        priority,
        task_id,
        raw,
        ..
    } = &acts[0]
    else {
        panic!("nothing was sent: {acts:?}");
    };
    assert_eq!((queue.as_str(), *priority), ("mail", 9));
    let message = read(raw.as_bytes(), NOW_MS, &Limits::default()).unwrap();
    assert_eq!(
        message.id, *task_id,
        "the caller's headers cannot forge an id"
    );
    assert_eq!(message.eta_ms, Some(NOW_MS + 90_000));
    assert_eq!(message.expires_ms, Some(NOW_MS + 120_500));
    assert_eq!(message.headers["tenant"].get(), "\"acme\"");
    assert!(message.ignore_result);
    assert_eq!(message.time_limit.0.unwrap().as_secs(), 30);
    assert_eq!(message.embed.callbacks.len(), 1);
    let envelope = &published(&acts)[0];
    assert_eq!(envelope["headers"]["stamps"], json!({"run": "nightly"}));
    assert_eq!(envelope["properties"]["expiration"], "120500");
}

#[test]
fn a_retry_is_the_message_a_celery_worker_would_send() {
    let theirs: Value = serde_json::from_slice(&message("msg-retry")).unwrap();
    let mut first = theirs.clone();
    first["headers"]["retries"] = json!(0);
    first["headers"]["eta"] = Value::Null;
    first["headers"]["parent_id"] = Value::Null;
    first["headers"]["redelivered"] = json!(true);
    first["properties"]["delivery_info"]["redelivered"] = json!(true);
    let first = first.to_string();
    let eta = Some(NOW_MS + 2000);
    let ours = as_worker(|sender| {
        publish::retry(first.as_bytes(), 1, eta, sender, &Limits::default()).unwrap()
    });
    let ours: Value = serde_json::from_str(&ours).unwrap();
    assert_eq!(ours["properties"]["delivery_tag"], "fresh-1");
    assert_same_message(&ours, &theirs);
}
