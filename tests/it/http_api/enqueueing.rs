//! `POST /api/v1/jobs`: what is stored, and what is refused before anything is.

use serde_json::{Value, json};

use super::{Api, code, echo};

#[tokio::test]
async fn a_job_is_stored_with_everything_that_was_asked_for() {
    let api = Api::new().await;
    let body = json!({
        "kind": "debug.sleep",
        "payload": { "ms": 1 },
        "run_at": "2099-01-01T00:00:00+01:00",
        "priority": 2,
        "expires_at": "2099-01-02T00:00:00Z",
        "unique": { "key": "only:this", "window": "1h" },
        "group": { "key": "mailbox:7", "limit": 2 },
        "tags": ["campaign:12", "été"],
        "max_attempts": 3,
        "timeout": "90s",
        "dry_run": true,
    });
    let answer = api.post(&body.to_string());
    assert_eq!(answer.status, 201, "{answer:?}");
    let receipt = answer.json();
    let url = receipt["url"].as_str().unwrap();
    assert_eq!(answer.header("location"), Some(url));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let job = api.ask("GET", url).send().json();
    for (field, value) in [
        ("state", json!("scheduled")),
        ("due_at", json!("2098-12-31T23:00:00.000Z")),
        ("expires_at", json!("2099-01-02T00:00:00.000Z")),
        ("priority", json!(2)),
        ("unique", json!("only:this")),
        ("group", json!({ "key": "mailbox:7", "limit": 2 })),
        ("tags", json!(["campaign:12", "été"])),
        ("dry_run", json!(true)),
    ] {
        assert_eq!(job[field], value, "{field}: {job}");
    }
    let id = receipt["id"].as_str().unwrap().parse().unwrap();
    let stored = api.world.client().await.job("debug", &id).await.unwrap();
    assert_eq!(stored.unwrap().payload, Some(json!({ "ms": 1 })));
}

#[tokio::test]
async fn a_taken_unique_key_is_answered_with_the_job_that_has_it() {
    let api = Api::new().await;
    let body = json!({
        "kind": "debug.echo", "payload": { "value": 1 }, "delay": "1h", "unique": { "key": "one" },
    });
    let first = api.post(&body.to_string());
    let second = api.post(&body.to_string());
    assert_eq!((first.status, second.status), (201, 200));
    assert_eq!(first.json()["id"], second.json()["id"]);
    assert_eq!(second.json()["stored"], false);
}

#[tokio::test]
async fn many_jobs_are_stored_in_their_order_in_either_shape() {
    let api = Api::new().await;
    let jobs: Vec<Value> = (0..3)
        .map(|value| serde_json::from_str(&echo(value)).unwrap())
        .collect();
    for body in [json!(jobs), json!({ "jobs": jobs })] {
        let answer = api.post(&body.to_string());
        assert_eq!(answer.status, 201, "{answer:?}");
        let client = api.world.client().await;
        for (value, receipt) in answer.json()["jobs"].as_array().unwrap().iter().enumerate() {
            let id = receipt["id"].as_str().unwrap().parse().unwrap();
            let job = client.job("debug", &id).await.unwrap().unwrap();
            assert_eq!(job.payload, Some(json!({ "value": value })));
        }
    }
    assert_eq!(api.stored().await, 6);
}

#[tokio::test]
async fn one_bad_job_among_many_keeps_all_of_them_out_and_every_fault_is_told() {
    let api = Api::new().await;
    let mut jobs = vec![serde_json::from_str::<Value>(&echo(1)).unwrap(); 700];
    jobs[650] = json!({ "kind": "debug.echo", "payload": { "valeu": "ann@example.org" } });
    jobs[699] = json!({
        "kind": "debug.echo", "payload": { "value": 1 }, "priority": 10, "tags": [""],
    });
    let answer = api.post(&json!({ "jobs": jobs }).to_string());
    assert_eq!(
        (answer.status, code(&answer).as_str()),
        (422, "invalid-body")
    );
    let problem = answer.json();
    let fields: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["field"].as_str().unwrap())
        .collect();
    assert!(fields[0].starts_with("/jobs/650/payload"), "{problem}");
    assert_eq!(fields[1..], ["/jobs/699/priority", "/jobs/699/tags/0"]);
    assert!(!answer.body.contains("ann@"), "{problem}");
    assert_eq!(api.stored().await, 0);
}

#[tokio::test]
async fn whoever_waits_gets_the_job_at_its_end_or_as_it_is() {
    let api = Api::with("jobs:enqueue,jobs:read,payloads:read", &[]).await;
    let wait = |seconds: u32, body: &str| {
        let path = format!("/api/v1/jobs?wait={seconds}");
        api.ask("POST", &path).json(body).send()
    };
    let done = wait(20, &echo(41));
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(done.json()["state"], "completed");
    assert_eq!(done.json()["result"], 41);
    let asleep = r#"{"kind":"debug.sleep","payload":{"ms":60000}}"#;
    let late = wait(1, asleep);
    assert_eq!(late.status, 202, "{late:?}");
    let place = late.header("location").unwrap().to_owned();
    assert_eq!(api.ask("GET", &place).send().status, 200);
}

#[tokio::test]
async fn wrong_wishes_are_refused_with_their_field() {
    let api = Api::new().await;
    let wishes = [
        (json!({ "kind": "debug.ecko" }), "/kind"),
        (json!({ "payload": { "valeu": 1 } }), "/payload"),
        (json!({ "payload": { } }), "/payload/value"),
        (json!({ "payload": null }), "/payload"),
        (
            json!({ "delay": "1h", "run_at": "2099-01-01T00:00:00Z" }),
            "/delay",
        ),
        (json!({ "delay": 5 }), "/delay"),
        (json!({ "run_at": "tomorrow" }), "/run_at"),
        (json!({ "priority": -1 }), "/priority"),
        (json!({ "max_attempts": 0 }), "/max_attempts"),
        (json!({ "timeout": "0s" }), "/timeout"),
        (json!({ "timeout": "2d" }), "/timeout"),
        (json!({ "tags": "a" }), "/tags"),
        (json!({ "tags": ["a\u{7}"] }), "/tags/0"),
        (json!({ "tags": ["a", "a"] }), "/tags/1"),
        (json!({ "tags": vec!["a"; 17] }), "/tags"),
        (json!({ "unique": { "key": "" } }), "/unique/key"),
        (json!({ "unique": { "window": "1h" } }), "/unique/key"),
        (json!({ "group": { "key": "x".repeat(201) } }), "/group/key"),
        (
            json!({ "group": { "key": "x", "limit": 0 } }),
            "/group/limit",
        ),
        (json!({ "colour": "red" }), "/colour"),
    ];
    for (wish, field) in wishes {
        let mut body = json!({ "kind": "debug.echo", "payload": { "value": 1 } });
        for (key, value) in wish.as_object().unwrap() {
            body[key] = value.clone();
        }
        let answer = api.post(&body.to_string());
        assert_eq!(
            (answer.status, code(&answer).as_str()),
            (422, "invalid-body"),
            "{wish}"
        );
        let told = answer.json()["field"].as_str().unwrap().to_owned();
        assert!(told.starts_with(field), "{wish} is refused at {told}");
    }
    let typo = api.post(r#"{"kind":"debug.ecko","payload":{"value":1}}"#);
    assert_eq!(typo.json()["hint"], "did you mean debug.echo?");
    assert_eq!(api.stored().await, 0);
}
