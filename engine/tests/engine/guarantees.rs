//! The guarantees of `lib.rs`, each with a test named after it.
//!
//! Here are 1, 2 and 8. The others are where their subject is tested: 3 in `effects`, 4 in
//! `capacity` and `enqueueing`, 5 in `wishes`, 6 in `capacity`, 7 in `enqueueing`, 9 in `shutdown`.
//! What breaks them is in `tests/faults`.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use rouage::startup::Severity;
use rouage::{JobId, Priority, State, StopReason};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::stage::{Stage, act, eventually, options, play};

#[tokio::test]
async fn guarantee_2_an_outcome_under_an_old_fence_changes_nothing() {
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
    // Somebody else owns the job now. The old lease goes last: a beat between these commands must
    // not find it gone while nobody else has the job yet.
    let record = "2 0 77 0 1 0 other -";
    let lease = "test:{test}:lease";
    let _: i64 = stage
        .redis(&["HSET", "test:{test}:run", id.as_str(), record])
        .await;
    let _: i64 = stage
        .redis(&["ZADD", lease, "9999999999999", &format!("77:{id}")])
        .await;
    let gone: i64 = stage.redis(&["ZREM", lease, &format!("1:{id}")]).await;
    assert_eq!(gone, 1, "it was leased under the first fence");
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

#[tokio::test]
async fn a_large_batch_whose_worker_died_goes_back_in_front_of_what_came_later() {
    let stage = Stage::new().await;
    let enqueue = async |part: &str, priority: u8| {
        let priority = Priority::new(priority).unwrap();
        for _ in 0..20 {
            stage
                .client
                .enqueue(&act(part))
                .priority(priority)
                .await
                .unwrap();
        }
    };
    enqueue("urgent", 0).await;
    enqueue("first", 9).await;
    // Of one call with two priorities each keeps its place; of one priority they share one.
    stage.claim_many_and_die(40, 1).await;
    enqueue("second", 9).await;
    stage.claim_many_and_die(40, 1).await;
    enqueue("later", 9).await;
    let order: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&order);
    let worker = stage.work_with(
        play(move |job, _| {
            noted.lock().unwrap().push(job.part);
            async { Ok(Value::Null) }
        }),
        options(1),
    );
    stage.counts(State::Completed, 80).await;
    let mut order = order.lock().unwrap().clone();
    order.dedup();
    // Something may start before the sweep has seen the leases that are over.
    let from = order.iter().position(|part| part == "urgent").unwrap();
    assert_eq!(order[from..], ["urgent", "first", "second", "later"]);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

/// A worker claimed it and is gone: there is a lease that nobody extends, and nothing else.
async fn abandoned(stage: &Stage, id: &JobId) {
    let lease = format!("1:{id}");
    let () = stage
        .redis(&["ZREM", "test:{test}:ready", id.as_str()])
        .await;
    let () = stage
        .redis(&["HSET", "test:{test}:run", id.as_str(), "1 0 1 0 1 0 gone -"])
        .await;
    let () = stage
        .redis(&["ZADD", "test:{test}:lease", "1", &lease])
        .await;
}

#[tokio::test]
async fn guarantee_1_a_job_whose_worker_is_gone_is_run_by_another() {
    let stage = Stage::new().await;
    let id = stage.client.enqueue(&act("orphan")).await.unwrap();
    abandoned(&stage, &id).await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    let job = stage.reaches(&id, State::Completed).await;
    assert_eq!((job.attempt, job.lost), (2, 1));
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn guarantee_8_what_could_lose_jobs_is_an_error_before_anything_runs() {
    let stage = Stage::new().await;
    stage.client.mark_layout().await.unwrap();
    let errors = || async {
        let findings = stage.client.check_redis().await.unwrap();
        let bad = findings
            .into_iter()
            .filter(|finding| finding.severity == Severity::Error);
        bad.map(|finding| finding.name).collect::<Vec<_>>()
    };
    assert!(errors().await.is_empty());
    let () = stage
        .redis(&["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"])
        .await;
    assert_eq!(errors().await, ["eviction"]);
    let () = stage
        .redis(&["CONFIG", "SET", "maxmemory-policy", "noeviction"])
        .await;
    let () = stage.redis(&["SET", "test:layout", "999"]).await;
    assert_eq!(errors().await, ["layout"]);
}
