//! The checker finds what is broken, and only that.

use rouage::State;
use serde_json::Value;

use crate::stage::{Stage, act, numbered, play};

#[tokio::test]
async fn a_job_in_two_indexes_and_one_in_none_are_found() {
    let stage = Stage::new().await;
    let twice = stage.client.enqueue(&act("twice")).await.unwrap();
    let nowhere = stage.client.enqueue(&act("nowhere")).await.unwrap();
    stage.client.enqueue_many(&numbered(0..20)).await.unwrap();
    stage.fsck_is_clean().await;
    let () = stage
        .redis(&["ZADD", "test:{test}:held", "1", twice.as_str()])
        .await;
    let () = stage
        .redis(&["ZREM", "test:{test}:ready", nowhere.as_str()])
        .await;
    let report = stage.client.fsck().await.unwrap();
    let mut found: Vec<String> = report
        .violations
        .into_iter()
        .map(|violation| violation.message)
        .collect();
    found.sort();
    let mut expected = vec![
        format!("job {nowhere} is in no index"),
        format!("job {twice} is in several indexes: available, held"),
    ];
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn strays_of_every_kind_are_found() {
    let stage = Stage::new().await;
    stage.client.enqueue(&act("fine")).await.unwrap();
    let () = stage
        .redis(&["ZADD", "test:{test}:retrying", "1", "ghost"])
        .await;
    let () = stage
        .redis(&["ZADD", "test:{test}:lease", "1", "5:ghost2"])
        .await;
    let () = stage.redis(&["SET", "test:{test}:surprise", "1"]).await;
    let () = stage
        .redis(&["HINCRBY", "test:{test}:count", "enqueued", "3"])
        .await;
    let report = stage.client.fsck().await.unwrap();
    let invariants: std::collections::BTreeSet<_> = report
        .violations
        .iter()
        .map(|violation| violation.invariant)
        .collect();
    assert_eq!(
        invariants,
        ["I2", "I3", "I7", "I8"].into(),
        "{:#?}",
        report.violations
    );
}

#[tokio::test]
async fn it_is_clean_beside_a_worker_that_moves_everything() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, cx| async move {
        if cx.attempt() == 1 {
            Err(rouage::JobError::retry("once more"))
        } else {
            Ok(Value::Null)
        }
    }));
    stage.client.enqueue_many(&numbered(0..800)).await.unwrap();
    for _ in 0..5 {
        stage.fsck_is_clean().await;
    }
    stage.counts(State::Completed, 800).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}
