//! An idle worker hears of work by itself, not by polling.

use std::time::Duration;

use rouage::{State, WorkerOptions};
use serde_json::Value;

use crate::stage::running::PATIENCE;
use crate::stage::{Gate, Stage, act, eventually, options, play};

/// Polls so rarely that only the bell can explain a job that ends in time.
fn sleepy(slots: usize) -> WorkerOptions {
    WorkerOptions {
        lease: Duration::from_secs(600),
        beat: Duration::from_secs(1),
        idle_poll: Duration::from_secs(500),
        ..options(slots)
    }
}

async fn subscribed(stage: &Stage, workers: u64) {
    eventually("the workers listen", || async {
        let (_, listeners): (String, u64) =
            stage.redis(&["PUBSUB", "NUMSUB", "test:{test}:wake"]).await;
        (listeners == workers).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_idle_worker_is_woken_by_a_new_job() {
    let stage = Stage::new().await;
    let worker = stage.work_with(play(|_, _| async { Ok(Value::Null) }), sleepy(2));
    subscribed(&stage, 1).await;
    for _ in 0..5 {
        let id = stage.client.enqueue(&act("knock")).await.unwrap();
        stage.client.wait_in("test", &id, PATIENCE).await.unwrap();
    }
    worker.drain().await;
}

#[tokio::test]
async fn an_idle_worker_is_woken_for_a_job_that_is_due_earlier_than_all_it_knew() {
    let stage = Stage::new().await;
    let worker = stage.work_with(play(|_, _| async { Ok(Value::Null) }), sleepy(2));
    subscribed(&stage, 1).await;
    stage
        .client
        .enqueue(&act("far"))
        .delay(Duration::from_secs(5000))
        .await
        .unwrap();
    let near = stage
        .client
        .enqueue(&act("near"))
        .delay(Duration::from_millis(100))
        .await
        .unwrap();
    stage.reaches(&near, State::Completed).await;
    worker.drain().await;
}

#[tokio::test]
async fn what_one_worker_cannot_take_another_takes_without_a_poll() {
    let stage = Stage::new().await;
    let gate = Gate::new();
    let (first, second) = (
        stage.work_with(gate.jobs(), sleepy(2)),
        stage.work_with(gate.jobs(), sleepy(2)),
    );
    subscribed(&stage, 2).await;
    for _ in 0..20 {
        stage.client.enqueue(&act("shared")).await.unwrap();
    }
    // None ends before all four slots are taken.
    gate.arrived(4).await;
    gate.open();
    stage.counts(State::Completed, 20).await;
    first.drain().await;
    second.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn an_idle_worker_costs_few_redis_commands() {
    let stage = Stage::new().await;
    let worker = stage.work_with(
        play(|_, _| async { Ok(Value::Null) }),
        WorkerOptions {
            queues: options(2).queues,
            ..WorkerOptions::default()
        },
    );
    subscribed(&stage, 1).await;
    let processed = || async {
        let info: String = stage.redis(&["INFO", "stats"]).await;
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix("total_commands_processed:"))
            .unwrap();
        line.trim().parse::<u64>().unwrap()
    };
    // The first spans may see the end of its start.
    let mut spent = Vec::new();
    while spent.last().is_none_or(|commands| *commands > 4 * 5) {
        assert!(spent.len() < 4, "commands in 4 s each: {spent:?}");
        let before = processed().await;
        tokio::time::sleep(Duration::from_secs(4)).await; // the span that is measured
        spent.push(processed().await - before);
    }
    worker.drain().await;
}
