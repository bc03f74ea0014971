//! What a sweep does with jobs that nobody else will bring to an end.

use rouage::State;
use serde_json::Value;

use crate::stage::{Stage, act, play};

#[tokio::test]
async fn a_running_job_whose_record_was_deleted_is_held_and_not_lost() {
    let stage = Stage::new().await;
    let id = stage.client.enqueue(&act("nameless")).await.unwrap();
    stage.claim_and_die(1).await;
    let _: u64 = stage.redis(&["HDEL", "test:{test}:run", id.as_str()]).await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    // Without a record nobody can say before which state it is in.
    stage.counts(State::Held, 1).await;
    assert_eq!(stage.job(&id).await.reason, "crash_loop");
    stage.client.retry("test", &id).await.unwrap();
    stage.reaches(&id, State::Completed).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn whoever_waits_for_a_job_that_a_sweep_ends_is_told() {
    let stage = Stage::new().await;
    let cancelled = stage.client.enqueue(&act("cancelled")).await.unwrap();
    let held = stage.client.enqueue(&act("held")).await.unwrap();
    // An hour, so that the sweep has nothing to do before everything is ready.
    stage.claim_many_and_die(2, 3_600_000).await;
    stage.client.cancel("test", &cancelled).await.unwrap();
    let _: u64 = stage
        .redis(&["HDEL", "test:{test}:run", held.as_str()])
        .await;
    for id in [&cancelled, &held] {
        let far = "9999999999999";
        let _: u64 = stage
            .redis(&["ZADD", "test:{test}:waiting", far, id.as_str()])
            .await;
    }
    let leases: Vec<String> = stage
        .redis(&["ZRANGE", "test:{test}:lease", "0", "-1"])
        .await;
    for lease in &leases {
        let _: u64 = stage
            .redis(&["ZADD", "test:{test}:lease", "CH", "1", lease])
            .await;
    }
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    stage.reaches(&cancelled, State::Cancelled).await;
    stage.reaches(&held, State::Held).await;
    // Told and taken from the list is one step.
    let waiting: u64 = stage.redis(&["EXISTS", "test:{test}:waiting"]).await;
    assert_eq!(waiting, 0);
    worker.drain().await;
}
