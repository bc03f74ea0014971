//! D2: what nobody should ever store. Each is refused or held, and the worker lives.

use rouage::{Client, ClientError, Envelope, Job, JobId, NewJob, Priority, Registry, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::stage::{Act, Running, Stage, act, eventually, options, play};

/// A job that takes any JSON.
#[derive(Serialize, Deserialize)]
struct Bag {
    load: Value,
}

impl Job for Bag {
    type Output = Value;
    const KIND: &'static str = "test.bag";
    const QUEUE: &'static str = "test";
}

fn work(stage: &Stage) -> Running {
    let registry = Registry::new()
        .function(|_: Act, _| async { Ok(Value::Null) })
        .function(|bag: Bag, _| async move { Ok(bag.load) });
    stage.work_with(registry, options(4))
}

fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap()
}

/// Stores bytes as a job's envelope, past the client.
async fn smuggle(client: &Client, id: &[u8], envelope: &[u8]) {
    let mut pipeline = redis::pipe();
    pipeline
        .cmd("HSET")
        .arg("test:{test}:job")
        .arg(id)
        .arg(envelope)
        .ignore()
        .cmd("ZADD")
        .arg("test:{test}:ready")
        .arg(1)
        .arg(id)
        .ignore()
        .cmd("HINCRBY")
        .arg("test:{test}:count")
        .arg("enqueued")
        .arg(1)
        .ignore();
    let () = client.link().pipeline(&pipeline).await.unwrap();
}

/// The worker still works.
async fn lives(stage: &Stage, worker: Running) {
    let id = stage.client.enqueue(&act("good")).await.unwrap();
    stage.reaches(&id, State::Completed).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn d2_a_payload_of_ten_megabytes_is_refused_and_one_that_was_smuggled_in_harms_nobody() {
    let stage = Stage::new().await;
    let text = format!(r#"{{"load":"{}"}}"#, "x".repeat(10 * 1024 * 1024));
    let refused = NewJob::from_parts("test", Bag::KIND, raw(text.clone()), Priority::NORMAL);
    assert!(
        matches!(refused, Err(ClientError::PayloadTooLarge { bytes, .. }) if bytes == text.len())
    );
    let id: JobId = "ten-megabytes".parse().unwrap();
    let envelope = format!(r#"{{"v":1,"kind":"test.bag","enqueued_at":1,"payload":{text}}}"#);
    smuggle(&stage.client, id.as_str().as_bytes(), envelope.as_bytes()).await;
    let worker = work(&stage);
    // Looked at once only: it is large.
    eventually("it ran", || async {
        (stage.completed().await == 1).then_some(())
    })
    .await;
    let job = stage.job(&id).await;
    assert!(job.result.unwrap()["dropped_output_bytes"].as_u64() > Some(10_000_000));
    lives(&stage, worker).await;
}

#[tokio::test]
async fn d2_json_of_ten_thousand_levels_is_held() {
    let stage = Stage::new().await;
    let worker = work(&stage);
    let deep = format!(r#"{{"load":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let job = NewJob::from_parts("test", Bag::KIND, raw(deep), Priority::NORMAL).unwrap();
    let id = job.id.clone();
    stage.client.enqueue_all(vec![job]).await.unwrap();
    let held = stage.reaches(&id, State::Held).await;
    assert_eq!(held.reason, "undecodable");
    let page = stage.client.list("test", State::Held, 0, 10).await.unwrap();
    assert_eq!(page.len(), 1, "it can be listed");
    lives(&stage, worker).await;
}

#[tokio::test]
async fn d2_bytes_that_are_no_utf8_and_versions_nobody_knows_are_held() {
    let stage = Stage::new().await;
    let cases: [(&str, &[u8]); 6] = [
        ("no-utf8", b"\xff\xfe\x00\xc3\x28"),
        ("no-utf8-inside", b"{\"v\":1,\"kind\":\"test.act\",\"enqueued_at\":1,\"payload\":{\"part\":\"\xc3\x28\"}}"),
        ("empty", b""),
        ("older", br#"{"v":0,"kind":"test.act","enqueued_at":1,"payload":{"part":""}}"#),
        ("newer", br#"{"v":3,"job":{"kind":"test.act"}}"#),
        ("not-yet-imagined", br#"{"v":"3.1","kind":"test.act"}"#),
    ];
    for (id, envelope) in cases {
        smuggle(&stage.client, id.as_bytes(), envelope).await;
    }
    let worker = work(&stage);
    for (id, _) in cases {
        let job = stage.reaches(&id.parse().unwrap(), State::Held).await;
        assert_eq!(
            (job.reason.as_str(), job.attempt),
            ("undecodable", 1),
            "{id}"
        );
    }
    assert_eq!(
        stage
            .client
            .list("test", State::Held, 0, 10)
            .await
            .unwrap()
            .len(),
        6
    );
    lives(&stage, worker).await;
}

#[tokio::test]
async fn d2_an_id_that_cannot_be_one_does_not_stop_its_neighbours() {
    let stage = Stage::new().await;
    let neighbour = stage.client.enqueue(&act("neighbour")).await.unwrap();
    let envelope = br#"{"v":1,"kind":"test.act","enqueued_at":1,"payload":{"part":""}}"#;
    smuggle(&stage.client, b"no id: \xff", envelope).await;
    let worker = work(&stage);
    let job = eventually("the neighbour ends", || async {
        let job = stage.job(&neighbour).await;
        matches!(job.state, State::Completed | State::Held).then_some(job)
    })
    .await;
    assert_eq!((job.state, job.reason.as_str()), (State::Completed, ""));
    assert_eq!((job.attempt, job.lost), (1, 0));
    worker.drain().await;
}

#[tokio::test]
async fn d2_an_index_entry_without_a_record_is_dropped() {
    let stage = Stage::new().await;
    let ghost = stage.client.enqueue(&act("ghost")).await.unwrap();
    let () = stage
        .redis(&["HDEL", "test:{test}:job", ghost.as_str()])
        .await;
    let () = stage
        .redis(&["HINCRBY", "test:{test}:count", "enqueued", "-1"])
        .await;
    let worker = work(&stage);
    lives(&stage, worker).await;
}

#[tokio::test]
async fn d2_jobs_that_cannot_be_read_are_held_with_a_reason_and_the_worker_goes_on() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let new = |kind: &str, payload: &str| {
        NewJob::from_parts("test", kind, raw(payload), Priority::NORMAL).unwrap()
    };
    let mut future: NewJob = new(Act::KIND, "{}");
    future.envelope = Envelope {
        v: 9,
        ..future.envelope
    };
    let unknown = new("test.forgotten", "{}");
    let misfit = new(Act::KIND, r#"{"part":["secret"]}"#);
    let ids = [future.id.clone(), unknown.id.clone(), misfit.id.clone()];
    stage
        .client
        .enqueue_all(vec![future, unknown, misfit])
        .await
        .unwrap();
    for (id, reason) in ids
        .iter()
        .zip(["undecodable", "unknown_kind", "undecodable"])
    {
        let job = stage.reaches(id, State::Held).await;
        assert_eq!(job.reason, reason);
        assert!(
            !job.last_message().contains("secret"),
            "{}",
            job.last_message()
        );
    }
    let good = stage.client.enqueue(&act("good")).await.unwrap();
    stage.reaches(&good, State::Completed).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn d2_bytes_that_are_no_envelope_are_held() {
    let stage = Stage::new().await;
    let id = stage.client.enqueue(&act("to be broken")).await.unwrap();
    let () = stage
        .redis(&[
            "HSET",
            "test:{test}:job",
            id.as_str(),
            "\u{0}\u{1}{not json",
        ])
        .await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    let job = stage.reaches(&id, State::Held).await;
    assert_eq!(job.reason, "undecodable");
    worker.drain().await;
}
