use rouage::ingress::celery::wire::{Exception, Origin, State, Subject, meta};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{NOW_MS, fixture, fixtures};

fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap()
}

/// Writes a stored result anew, from nothing but what it says.
fn rewritten(stored: &Value, task: &str) -> Value {
    let mut origin: Origin = serde_json::from_value(json!({
        "id": stored["task_id"],
        "task": task,
        "queue": "celery",
        "group": stored["group_id"],
        "parent_id": stored["parent_id"],
    }))
    .unwrap();
    if stored.get("args").is_some() {
        let arguments = json!({"args": stored["args"], "kwargs": stored["kwargs"]});
        origin.arguments = Some(serde_json::from_str(&arguments.to_string()).unwrap());
    }
    let children: Vec<String> = stored["children"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|child| child[0][0].as_str().unwrap().to_owned())
        .collect();
    let result = raw(&stored["result"]);
    let exception = serde_json::from_str::<Exception>(result.get()).ok();
    let traceback = stored["traceback"].as_str();
    let status = stored["status"].as_str().unwrap();
    let state = match status {
        "STARTED" => State::Started {
            pid: 1,
            hostname: "worker1@example",
        },
        "SUCCESS" => State::Success { result: &result },
        "RETRY" => State::Retry {
            exception: exception.as_ref().unwrap(),
            traceback,
        },
        "FAILURE" => State::Failure {
            exception: exception.as_ref().unwrap(),
            traceback,
        },
        "REVOKED" => State::Revoked {
            exception: exception.as_ref().unwrap(),
        },
        name => State::Progress {
            name,
            report: &result,
        },
    };
    let subject = Subject::of(&origin, "worker1@example");
    serde_json::from_str(&meta(&subject, &state, &children, NOW_MS)).unwrap()
}

#[test]
fn every_result_of_a_real_worker_is_written_the_same() {
    let mut seen = 0;
    for name in fixtures("result-") {
        let fixture = fixture(&name);
        for text in fixture["published"].as_array().unwrap() {
            let mut stored: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
            let task = stored["name"].as_str().unwrap_or("demo.add").to_owned();
            let ours = rewritten(&stored, &task);
            if stored["children"].is_null() {
                stored["children"] = json!([]);
            }
            assert_eq!(ours, stored, "{name}");
            seen += 1;
        }
    }
    assert!(seen > 30, "only {seen} results were compared");
}

#[test]
fn the_exceptions_of_a_real_worker_are_ours() {
    for (name, ours) in [
        (
            "result-failure-not-registered",
            Exception::not_registered("demo.nope"),
        ),
        ("result-revoked", Exception::revoked()),
        ("result-revoked-expired", Exception::expired()),
        ("result-revoked-terminated", Exception::terminated()),
        ("result-failure-soft-limit", Exception::soft_time_limit()),
        ("result-failure-hard-limit", Exception::time_limit(1.0)),
    ] {
        let stored: Value =
            serde_json::from_str(fixture(name)["stored"].as_str().unwrap()).unwrap();
        assert_eq!(
            serde_json::to_value(&ours).unwrap(),
            stored["result"],
            "{name}"
        );
    }
}

#[test]
fn no_exception_names_a_module_that_a_client_might_have_for_something_else() {
    let all = [
        Exception::job_failed("x"),
        Exception::job_discarded("x"),
        Exception::job_held("x"),
        Exception::wrong_arguments("x"),
        Exception::worker_lost("x"),
        Exception::invalid_task("x"),
        Exception::decode_error("x"),
        Exception::content_disallowed("x"),
        Exception::chord_error("id", "x"),
    ];
    for exception in all {
        assert!(
            [
                "builtins",
                "celery.exceptions",
                "billiard.exceptions",
                "kombu.exceptions",
                "rouage"
            ]
            .contains(&exception.exc_module.as_str())
        );
    }
}

#[test]
fn a_result_that_looks_like_a_python_type_gets_other_keys() {
    let result = RawValue::from_string(
        r#"{"a": [{"__type__": "x", "__value__": {"__value__": 1, "__type__": "decimal"}}], "__type__": 1}"#.to_owned(),
    )
    .unwrap();
    let text = meta(
        &Subject::bare("id"),
        &State::Success { result: &result },
        &[],
        NOW_MS,
    );
    let stored: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        stored["result"],
        json!({"a": [{"type": "x", "value": {"type": "decimal", "value": 1}}], "__type__": 1})
    );
}

#[test]
fn a_custom_state_is_in_upper_case_and_never_one_with_a_meaning() {
    let report = raw(&json!(1));
    let name = |name| {
        State::Progress {
            name,
            report: &report,
        }
        .name()
        .into_owned()
    };
    assert_eq!(name("progress"), "PROGRESS");
    assert_eq!(name("halfway"), "HALFWAY");
    assert_eq!(name("success"), "PROGRESS");
    assert_eq!(name(" FAILURE "), "PROGRESS");
}

#[test]
fn an_exception_shows_itself_as_python_does() {
    let repr = |message: Value| {
        Exception {
            exc_type: "ValueError".to_owned(),
            exc_message: message.as_array().unwrap().clone(),
            exc_module: "builtins".to_owned(),
        }
        .repr()
    };
    assert_eq!(repr(json!(["boom"])), "ValueError('boom')");
    assert_eq!(
        repr(json!(["it's", 1, null])),
        "ValueError(\"it's\", 1, None)"
    );
    assert_eq!(repr(json!([])), "ValueError()");
}

#[test]
fn a_date_with_a_fraction_is_as_python_writes_it() {
    let null = raw(&Value::Null);
    let state = State::Success { result: &null };
    let text = meta(&Subject::bare("id"), &state, &[], NOW_MS + 5);
    assert!(
        text.contains("\"2030-01-01T00:00:00.005000+00:00\""),
        "{text}"
    );
    // No clock that is wrong ends in a panic.
    assert!(meta(&Subject::bare("id"), &state, &[], u64::MAX).contains("9999-12-31"));
}

#[test]
fn a_result_is_under_its_own_id_beside_those_of_group_and_parent() {
    let null = raw(&Value::Null);
    let subject = Subject {
        group: Some("group"),
        parent_id: Some("parent"),
        ..Subject::bare("own")
    };
    let text = meta(&subject, &State::Success { result: &null }, &[], NOW_MS);
    let stored: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(stored["task_id"], "own");
    assert_eq!(stored["group_id"], "group");
    assert_eq!(stored["parent_id"], "parent");
}
