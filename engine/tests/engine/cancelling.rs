//! Cancelling running jobs: a request stands until the job is over, whatever restarts meanwhile.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use devkit::{Direction, Persistence};
use rouage::{
    Cancelled, Job, JobError, JobId, Registry, RetryPolicy, State, Timeout, WorkerOptions,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::stage::{Act, Gate, Stage, act, eventually, options, play};

/// Hears of a cancellation by message only.
fn without_beats(slots: usize) -> WorkerOptions {
    WorkerOptions {
        lease: Duration::from_secs(1800),
        beat: Duration::from_secs(600),
        ..options(slots)
    }
}

/// A request whose message nobody hears: what `cancel` leaves in Redis.
async fn ask_without_a_message(stage: &Stage, id: &JobId) {
    let _: u64 = stage
        .redis(&["SADD", "test:{test}:cancelling", id.as_str()])
        .await;
}

async fn is_cancelled_and_forgotten(stage: &Stage, id: &JobId) {
    let job = stage.reaches(id, State::Cancelled).await;
    assert_eq!(job.reason, "requested");
    let marks: u64 = stage.redis(&["EXISTS", "test:{test}:cancelling"]).await;
    assert_eq!(marks, 0, "the request went with it");
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_request_whose_message_is_lost_is_seen_with_the_next_beat() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, cx| async move {
        cx.token().cancelled().await;
        Err(JobError::Cancelled)
    }));
    let id = stage.client.enqueue(&act("long")).await.unwrap();
    stage.reaches(&id, State::Running).await;
    ask_without_a_message(&stage, &id).await;
    is_cancelled_and_forgotten(&stage, &id).await;
    worker.drain().await;
}

#[tokio::test]
async fn a_deaf_handler_is_dropped_after_its_time_to_tidy_up_and_frees_its_slot() {
    let stage = Stage::new().await;
    let worker = stage.work_with(
        play(|job, _| async move {
            if job.part == "deaf" {
                std::future::pending::<()>().await;
            }
            Ok(Value::Null)
        }),
        options(1),
    );
    let deaf = stage.client.enqueue(&act("deaf")).await.unwrap();
    let next = stage.client.enqueue(&act("next")).await.unwrap();
    stage.reaches(&deaf, State::Running).await;
    // It may run for a minute, and has a second to tidy up.
    assert_eq!(
        stage.client.cancel("test", &deaf).await.unwrap(),
        Cancelled::Asked
    );
    is_cancelled_and_forgotten(&stage, &deaf).await;
    stage.reaches(&next, State::Completed).await;
    worker.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_handler_that_blocks_its_thread_loses_its_lease_and_its_job_is_cancelled() {
    let stage = Stage::new().await;
    let (release, blocked) = mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let runs = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&runs);
    let worker = stage.work(play(move |_, _| {
        counter.fetch_add(1, Ordering::SeqCst);
        // Blocks the thread until the test drops the other end.
        let _ = blocked.lock().unwrap().recv();
        async { Ok(Value::Null) }
    }));
    let id = stage.client.enqueue(&act("blocking")).await.unwrap();
    stage.reaches(&id, State::Running).await;
    stage.client.cancel("test", &id).await.unwrap();
    is_cancelled_and_forgotten(&stage, &id).await;
    drop(release);
    worker.drain().await;
    assert_eq!(stage.job(&id).await.state, State::Cancelled, "and stays so");
    assert_eq!(runs.load(Ordering::SeqCst), 1, "it did not run again");
}

#[tokio::test]
async fn a_request_that_the_worker_never_heard_stands_when_it_hands_the_job_back() {
    let stage = Stage::new().await;
    let gate = Gate::new();
    let impatient = WorkerOptions {
        grace: Duration::ZERO,
        ..without_beats(1)
    };
    let worker = stage.work_with(gate.jobs(), impatient);
    let id = stage.client.enqueue(&act("handed back")).await.unwrap();
    gate.arrived(1).await;
    ask_without_a_message(&stage, &id).await;
    worker.drain().await;
    is_cancelled_and_forgotten(&stage, &id).await;
}

/// Fails so that its next attempt is far away.
#[derive(Serialize, Deserialize)]
struct Late;

impl Job for Late {
    type Output = Value;
    const KIND: &'static str = "test.late";
    const QUEUE: &'static str = Act::QUEUE;
    const RETRY: RetryPolicy =
        RetryPolicy::attempts(3).delays(Duration::from_secs(600), Duration::from_secs(600));
    const TIMEOUT: Timeout = Timeout::after(Duration::from_secs(60));
}

#[tokio::test]
async fn a_request_stands_when_the_attempt_fails_or_is_put_off() {
    let stage = Stage::new().await;
    let gate = Gate::new();
    let (fails, snoozes) = (gate.clone(), gate.clone());
    let registry = Registry::new()
        .function(move |_: Late, _| {
            let gate = fails.clone();
            async move {
                gate.pass().await;
                Err::<Value, _>(JobError::retry("not this time"))
            }
        })
        .function(move |_: Act, _| {
            let gate = snoozes.clone();
            async move {
                gate.pass().await;
                Err::<Value, _>(JobError::snooze(Duration::from_secs(600)))
            }
        });
    let worker = stage.work_with(registry, without_beats(2));
    let failing = stage.client.enqueue(&Late).await.unwrap();
    let snoozing = stage.client.enqueue(&act("put off")).await.unwrap();
    gate.arrived(2).await;
    for id in [&failing, &snoozing] {
        ask_without_a_message(&stage, id).await;
    }
    gate.open();
    stage.counts(State::Cancelled, 2).await;
    for id in [&failing, &snoozing] {
        is_cancelled_and_forgotten(&stage, id).await;
    }
    assert_eq!(
        stage.job(&failing).await.last_message(),
        "not this time",
        "what happened is kept"
    );
    worker.drain().await;
}

#[tokio::test]
async fn a_success_counts_although_the_job_was_to_be_cancelled() {
    let stage = Stage::new().await;
    let gate = Gate::new();
    let worker = stage.work_with(gate.jobs(), without_beats(1));
    let id = stage.client.enqueue(&act("nearly done")).await.unwrap();
    gate.arrived(1).await;
    ask_without_a_message(&stage, &id).await;
    gate.open();
    stage.reaches(&id, State::Completed).await;
    let marks: u64 = stage.redis(&["EXISTS", "test:{test}:cancelling"]).await;
    assert_eq!(marks, 0);
    worker.drain().await;
}

#[tokio::test]
async fn a_cancelled_job_whose_worker_died_is_not_run_again() {
    let stage = Stage::new().await;
    let id = stage.client.enqueue(&act("orphan")).await.unwrap();
    let gate = Gate::new();
    let proxy = stage.proxy().await;
    let brief = WorkerOptions {
        lease: Duration::from_millis(600),
        beat: Duration::from_millis(200),
        idle_poll: Duration::from_millis(400),
        grace: Duration::ZERO,
        ..options(1)
    };
    let dead = stage.work_through(&proxy, gate.jobs(), brief).await;
    gate.arrived(1).await;
    // For Redis it is dead from here on.
    proxy.hold(Direction::ToServer);
    assert_eq!(
        stage.client.cancel("test", &id).await.unwrap(),
        Cancelled::Asked
    );
    let runs = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&runs);
    let heir = stage.work(play(move |_, _| {
        counter.fetch_add(1, Ordering::SeqCst);
        async { Ok(Value::Null) }
    }));
    is_cancelled_and_forgotten(&stage, &id).await;
    heir.drain().await;
    assert_eq!(runs.load(Ordering::SeqCst), 0);
    proxy.pass();
    gate.open();
    dead.drain().await;
    assert_eq!(stage.job(&id).await.state, State::Cancelled);
}

#[tokio::test]
async fn a_request_survives_a_restart_of_redis() {
    let mut stage = Stage::with(Persistence::Aof).await;
    let gate = Gate::new();
    let proxy = stage.proxy().await;
    let patient = WorkerOptions {
        lease: Duration::from_secs(60),
        ..options(1)
    };
    gate.open();
    let stopping = gate.clone();
    let registry = play(move |_, cx| {
        let gate = stopping.clone();
        async move {
            gate.pass().await;
            cx.token().cancelled().await;
            Err(JobError::Cancelled)
        }
    });
    let worker = stage.work_through(&proxy, registry, patient).await;
    let id = stage.client.enqueue(&act("long")).await.unwrap();
    gate.arrived(1).await;
    proxy.refuse();
    proxy.reset();
    stage.client.cancel("test", &id).await.unwrap();
    stage.redis.stop_gracefully().unwrap();
    stage.redis.restart().unwrap();
    proxy.pass();
    eventually("the worker heard of it", || async {
        let job = stage.client.job("test", &id).await.ok()??;
        (job.state == State::Cancelled).then_some(())
    })
    .await;
    is_cancelled_and_forgotten(&stage, &id).await;
    worker.drain().await;
}
