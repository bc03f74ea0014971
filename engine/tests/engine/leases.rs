//! Leases, fences, and what happens to a worker that lost one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rouage::{JobError, State, StopReason};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::stage::{Stage, act, eventually, options, play};

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_blocking_handler_does_not_stop_the_beats() {
    let stage = Stage::new().await;
    // The lease is 1.5 s; the handler blocks its thread for twice as long.
    let worker = stage.work(play(|_, _| async {
        std::thread::sleep(Duration::from_secs(3));
        Ok(Value::Null)
    }));
    let id = stage.client.enqueue(&act("blocking")).await.unwrap();
    let job = stage.reaches(&id, State::Completed).await;
    assert_eq!((job.attempt, job.lost), (1, 0));
    worker.drain().await;
}

#[tokio::test]
async fn an_outcome_under_an_old_fence_changes_nothing() {
    let stage = Stage::new().await;
    let (release, started) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (released, announced) = (Arc::clone(&release), Arc::clone(&started));
    let stopped = Arc::new(AtomicU32::new(0));
    let reason = Arc::clone(&stopped);
    let worker = stage.work(play(move |_, cx| {
        let (released, announced, reason) = (
            Arc::clone(&released),
            Arc::clone(&announced),
            Arc::clone(&reason),
        );
        async move {
            announced.notify_one();
            released.notified().await;
            reason.store(
                u32::from(cx.stop_reason() == Some(StopReason::LeaseLost)),
                Ordering::SeqCst,
            );
            Ok(json!("late"))
        }
    }));
    let id = stage.client.enqueue(&act("contested")).await.unwrap();
    started.notified().await;
    // Somebody else owns the job now: its lease has another fence.
    let () = stage.redis(&["DEL", "test:{test}:lease"]).await;
    let () = stage
        .redis(&[
            "ZADD",
            "test:{test}:lease",
            "9999999999999",
            &format!("77:{id}"),
        ])
        .await;
    let () = stage
        .redis(&[
            "HSET",
            "test:{test}:run",
            id.as_str(),
            "2 0 77 0 1 0 other -",
        ])
        .await;
    tokio::time::sleep(Duration::from_millis(700)).await; // two beats: the loss is noticed
    release.notify_one();
    worker.drain().await;
    let job = stage.job(&id).await;
    assert_eq!(
        (job.state, job.worker.as_str(), job.result),
        (State::Running, "other", None)
    );
    assert_eq!(
        stopped.load(Ordering::SeqCst),
        1,
        "the handler was told that it lost its lease"
    );
}

#[tokio::test]
async fn a_job_whose_worker_died_runs_again_in_its_old_place() {
    let stage = Stage::new().await;
    let id = stage.client.enqueue(&act("orphan")).await.unwrap();
    let younger = stage.client.enqueue(&act("younger")).await.unwrap();
    claim_and_die(&stage, 200).await;
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&order);
    let lost = eventually("the lease is over", || async {
        let now: (u64, u64) = stage.redis(&["TIME"]).await;
        let first: Vec<(String, f64)> = stage
            .redis(&["ZRANGE", "test:{test}:lease", "0", "0", "WITHSCORES"])
            .await;
        (first[0].1 < (now.0 * 1000 + now.1 / 1000) as f64).then_some(())
    });
    lost.await;
    let worker = stage.work_with(
        play(move |job, _| {
            noted.lock().unwrap().push(job.part);
            async { Ok(Value::Null) }
        }),
        options(1),
    );
    let job = stage.reaches(&id, State::Completed).await;
    stage.reaches(&younger, State::Completed).await;
    assert_eq!((job.attempt, job.lost), (2, 1));
    assert_eq!(job.errors[0].kind, "lease_lost");
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_job_that_kills_its_worker_three_times_is_held_and_its_neighbour_finishes() {
    let stage = Stage::new().await;
    let killer = stage.client.enqueue(&act("killer")).await.unwrap();
    for _ in 0..3 {
        claim_and_die(&stage, 1).await;
        let sweeper = stage.work(play(|_, _| async {
            Err(JobError::snooze(Duration::from_secs(3600)))
        }));
        eventually("the sweep has seen it", || async {
            (stage.job(&killer).await.state != State::Running).then_some(())
        })
        .await;
        sweeper.drain().await;
        if stage.job(&killer).await.state == State::Scheduled {
            stage.client.retry("test", &killer).await.unwrap();
        }
    }
    let job = stage.job(&killer).await;
    assert_eq!(
        (job.state, job.reason.as_str(), job.lost),
        (State::Held, "crash_loop", 3)
    );
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    let neighbour = stage.client.enqueue(&act("neighbour")).await.unwrap();
    stage.reaches(&neighbour, State::Completed).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

/// Claims the next job with the engine's own script, as a worker does that is killed right after.
async fn claim_and_die(stage: &Stage, lease_ms: u64) {
    let prelude = include_str!("../../src/scripts/prelude.lua");
    let script = format!("{prelude}\n{}", include_str!("../../src/scripts/claim.lua"));
    let mut words = vec!["EVAL".to_owned(), script, "9".to_owned()];
    for part in [
        "ready",
        "scheduled",
        "retrying",
        "lease",
        "job",
        "run",
        "count",
        "paused",
        "checkpoint",
    ] {
        words.push(format!("test:{{test}}:{part}"));
    }
    words.extend([
        "1".to_owned(),
        lease_ms.to_string(),
        "dead".to_owned(),
        "500".to_owned(),
        "w".to_owned(),
        "1".to_owned(),
    ]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let _: redis::Value = stage.redis(&words).await;
}
