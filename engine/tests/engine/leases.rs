//! Leases, fences, and what happens to a worker that lost one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rouage::{State, StopReason};
use serde_json::json;
use tokio::sync::Notify;

use crate::stage::{Stage, act, eventually, play};

#[tokio::test]
async fn an_outcome_under_an_old_fence_changes_nothing() {
    let stage = Stage::new().await;
    let started = Arc::new(Notify::new());
    let announced = Arc::clone(&started);
    let stopped = Arc::new(AtomicU32::new(0));
    let reason = Arc::clone(&stopped);
    let worker = stage.work(play(move |_, cx| {
        let (announced, reason) = (Arc::clone(&announced), Arc::clone(&reason));
        async move {
            announced.notify_one();
            cx.token().cancelled().await;
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
    eventually("the handler is told that it lost its lease", || async {
        (stopped.load(Ordering::SeqCst) == 1).then_some(())
    })
    .await;
    worker.drain().await;
    let job = stage.job(&id).await;
    assert_eq!(
        (job.state, job.worker.as_str(), job.result),
        (State::Running, "other", None)
    );
}
