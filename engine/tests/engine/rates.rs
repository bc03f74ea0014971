//! Rate limits that all workers share.

use rouage::{RateLimit, State};
use serde_json::{Value, json};

use crate::stage::{Stage, act, numbered, play};

async fn redis_micros(client: &rouage::Client) -> u64 {
    let (seconds, micros): (u64, u64) = client.link().command(&redis::cmd("TIME")).await.unwrap();
    seconds * 1_000_000 + micros
}

/// Two workers run jobs that need a permit each; answers the time from before the first to after
/// the last permit, in ms of Redis' clock. Being late only makes it longer.
async fn span_of_permits(stage: &Stage, limit: RateLimit, jobs: u64) -> u64 {
    let client = stage.client.clone();
    let registry = play(move |_, cx| {
        let client = client.clone();
        async move {
            cx.limit("provider").acquire(1).await?;
            Ok(json!(redis_micros(&client).await))
        }
    });
    let before = redis_micros(&stage.client).await;
    let workers = [
        stage.work(registry.clone().limit(limit.clone())),
        stage.work(registry.limit(limit)),
    ];
    stage.client.enqueue_many(&numbered(0..jobs)).await.unwrap();
    stage.counts(State::Completed, jobs).await;
    let done = stage
        .client
        .list("test", State::Completed, 0, 1000)
        .await
        .unwrap();
    let last = done
        .into_iter()
        .filter_map(|job| job.result?.as_u64())
        .max()
        .unwrap();
    for worker in workers {
        worker.drain().await;
    }
    (last - before) / 1000
}

#[tokio::test]
async fn a_rate_limit_holds_across_workers() {
    let stage = Stage::new().await;
    let span = span_of_permits(&stage, RateLimit::per_second("provider", 20), 16).await;
    assert!(span >= 15 * 50 - 5, "16 permits at 50 ms within {span} ms");
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
    let stage = Stage::new().await;
    let span = span_of_permits(&stage, RateLimit::per_second("provider", 5).burst(6), 8).await;
    assert!(
        span >= 2 * 200 - 5,
        "6 at once and 2 at 200 ms within {span} ms"
    );
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_long_wait_for_permits_is_a_snooze_that_costs_no_attempt() {
    let stage = Stage::new().await;
    let registry =
        play(|_, cx| async move { cx.limit("slow").acquire(1).await.map(|()| Value::Null) });
    let worker = stage.work(registry.limit(RateLimit::per_minute("slow", 1)));
    stage.client.enqueue_many(&numbered(0..2)).await.unwrap();
    stage.counts(State::Completed, 1).await;
    stage.counts(State::Scheduled, 1).await;
    let snoozed = stage
        .client
        .list("test", State::Scheduled, 0, 1)
        .await
        .unwrap();
    assert_eq!((snoozed[0].attempt, snoozed[0].errors.len()), (0, 0));
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn an_undeclared_limit_fails_for_good_and_names_those_there_are() {
    let stage = Stage::new().await;
    let registry =
        play(|_, cx| async move { cx.limit("resnd").acquire(1).await.map(|()| Value::Null) });
    let worker = stage.work(registry.limit(RateLimit::per_second("resend", 1)));
    let id = stage.client.enqueue(&act("typo")).await.unwrap();
    let job = stage.reaches(&id, State::Discarded).await;
    assert!(
        job.last_message()
            .contains("\"resnd\" is not declared; declared are: resend"),
        "{}",
        job.last_message()
    );
    worker.drain().await;
}
