//! Rate limits that kinds declare, and operators change.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rouage::{
    ClientError, Job, RateLimit, Registry, RetryPolicy, State, Timeout, Worker, WorkerError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::stage::{Stage, act, eventually, options, play};

/// A job whose every attempt takes permits.
#[derive(Debug, Serialize, Deserialize)]
struct Mail {
    weight: u32,
}

impl Job for Mail {
    type Output = Value;
    const KIND: &'static str = "test.mail";
    const QUEUE: &'static str = "test";
    const RETRY: RetryPolicy = RetryPolicy::NEVER;
    const TIMEOUT: Timeout = Timeout::after(Duration::from_millis(300)).tidy(Duration::ZERO);
    const LIMIT: Option<&'static str> = Some("provider");

    fn permits(&self) -> u32 {
        self.weight
    }
}

/// A handler that answers when it started, in µs of Redis' clock, and counts its starts.
fn sends(stage: &Stage, starts: &Arc<AtomicU64>, limit: RateLimit) -> Registry {
    let (client, starts) = (stage.client.clone(), Arc::clone(starts));
    let registry = Registry::new().function(move |_: Mail, _| {
        let client = client.clone();
        starts.fetch_add(1, Ordering::SeqCst);
        async move { Ok(json!(redis_micros(&client).await)) }
    });
    registry.limit(limit)
}

async fn redis_micros(client: &rouage::Client) -> u64 {
    let (seconds, micros): (u64, u64) = client.link().command(&redis::cmd("TIME")).await.unwrap();
    seconds * 1_000_000 + micros
}

/// When the completed jobs started, in order, each as many times as it is heavy.
async fn permits_used(stage: &Stage) -> Vec<u64> {
    let list = stage.client.list("test", State::Completed, 0, 1000);
    let done = list.await.unwrap();
    let mut used: Vec<u64> = done
        .iter()
        .flat_map(|job| {
            let weight = job.payload.as_ref().unwrap()["weight"].as_u64().unwrap();
            let start = job.result.as_ref().unwrap().as_u64().unwrap();
            std::iter::repeat_n(start, weight as usize)
        })
        .collect();
    used.sort_unstable();
    used
}

#[tokio::test]
async fn three_workers_together_stay_within_the_rate_of_a_kind_at_every_moment() {
    let stage = Stage::new().await;
    let limit = || RateLimit::per_second("provider", 20).burst(3);
    let starts = Arc::default();
    let before = redis_micros(&stage.client).await;
    let workers: Vec<_> = (0..3)
        .map(|_| stage.work(sends(&stage, &starts, limit())))
        .collect();
    let jobs: Vec<Mail> = (0..18).map(|n| Mail { weight: n % 3 + 1 }).collect();
    stage.client.enqueue_many(&jobs).await.unwrap();
    stage.counts(State::Completed, 18).await;
    let used = permits_used(&stage).await;
    assert_eq!(used.len(), 36);
    for (nth, at) in used.iter().enumerate() {
        // A late record only makes it later. The burst is free, then one each 50 ms.
        let earliest = before + (nth as u64 + 1).saturating_sub(3) * 50_000;
        assert!(
            *at >= earliest,
            "permit {nth} at {at}, not before {earliest}"
        );
    }
    for worker in workers {
        worker.drain().await;
    }
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn waiting_for_permits_costs_no_attempt_and_no_time() {
    let stage = Stage::new().await;
    let starts = Arc::default();
    // The second one waits a second; its attempt may last 0.3 s and is its only one.
    let limit = RateLimit::per_second("provider", 1);
    let worker = stage.work(sends(&stage, &starts, limit));
    stage
        .client
        .enqueue_many(&[Mail { weight: 1 }, Mail { weight: 1 }])
        .await
        .unwrap();
    stage.counts(State::Completed, 2).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_long_wait_is_a_snooze_whose_reason_names_the_limit() {
    let stage = Stage::new().await;
    let starts = Arc::new(AtomicU64::new(0));
    let worker = stage.work(sends(&stage, &starts, RateLimit::per_minute("provider", 1)));
    stage
        .client
        .enqueue_many(&[Mail { weight: 1 }, Mail { weight: 1 }])
        .await
        .unwrap();
    stage.counts(State::Scheduled, 1).await;
    stage.counts(State::Completed, 1).await;
    let waiting = stage.client.list("test", State::Scheduled, 0, 1).await;
    let waiting = waiting.unwrap();
    assert_eq!(waiting[0].reason, "limit:provider");
    assert_eq!((waiting[0].attempt, waiting[0].errors.len()), (0, 0));
    assert_eq!(starts.load(Ordering::SeqCst), 1);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_job_that_cannot_ask_for_its_permits_comes_back_and_loses_no_attempt() {
    let stage = Stage::new().await;
    let starts = Arc::default();
    let worker = stage.work(sends(&stage, &starts, RateLimit::per_second("provider", 9)));
    // A key of another type makes the script fail as a Redis in trouble does.
    let key = "test:limit:{provider}";
    let () = stage.redis(&["HSET", key, "not", "a number"]).await;
    let id = stage.client.enqueue(&Mail { weight: 1 }).await.unwrap();
    let job = stage.reaches(&id, State::Scheduled).await;
    assert_eq!((job.attempt, job.reason.as_str()), (0, "limit:provider"));
    let () = stage.redis(&["DEL", key]).await;
    stage.reaches(&id, State::Completed).await;
    worker.drain().await;
}

#[tokio::test]
async fn a_job_that_waits_for_permits_is_cancelled_before_its_handler_starts() {
    let stage = Stage::new().await;
    let starts = Arc::new(AtomicU64::new(0));
    // The second one's permit is due in nine seconds.
    let limit = RateLimit::per("provider", 1, Duration::from_secs(9));
    let worker = stage.work(sends(&stage, &starts, limit));
    let first = stage.client.enqueue(&Mail { weight: 1 }).await.unwrap();
    stage.reaches(&first, State::Completed).await;
    let second = stage.client.enqueue(&Mail { weight: 1 }).await.unwrap();
    stage.reaches(&second, State::Running).await;
    stage.client.cancel("test", &second).await.unwrap();
    let job = stage.reaches(&second, State::Cancelled).await;
    assert_eq!(job.reason, "requested");
    assert_eq!(starts.load(Ordering::SeqCst), 1);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_worker_refuses_a_kind_whose_limit_is_not_declared_and_names_both() {
    let stage = Stage::new().await;
    let starts = Arc::default();
    let registry = sends(&stage, &starts, RateLimit::per_second("resend", 1));
    let refused = Worker::new(stage.client.clone(), registry, options(1)).err();
    let Some(error @ WorkerError::UndeclaredLimit { .. }) = refused else {
        panic!("the worker was made");
    };
    let text = error.to_string();
    assert!(
        text.contains("\"test.mail\"") && text.contains("\"provider\""),
        "{text}"
    );
}

#[tokio::test]
async fn limits_are_listed_with_what_is_left_of_them() {
    let stage = Stage::new().await;
    let limit = RateLimit::per_minute("provider", 6).burst(4);
    let registry = play(|_, cx| async move {
        cx.limit("provider").acquire(3).await?;
        Ok(Value::Null)
    });
    let worker = stage.work(registry.limit(limit));
    let id = stage.client.enqueue(&act("three")).await.unwrap();
    stage.reaches(&id, State::Completed).await;
    let view = eventually("the worker has said what it declares", || async {
        stage.client.limits().await.unwrap().pop()
    })
    .await;
    assert_eq!(
        (view.name.as_str(), view.permits, view.per_ms, view.burst),
        ("provider", 6, 60_000, 4)
    );
    // One permit was left, and another comes every ten seconds.
    assert!((1..4).contains(&view.free), "{view:?}");
    assert_eq!((view.next_ms, view.set), (0, false));
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_rate_that_an_operator_sets_wins_on_all_workers_from_the_next_call_on() {
    let stage = Stage::new().await;
    let starts = Arc::default();
    let hourly = RateLimit::per("provider", 1, Duration::from_hours(1));
    let workers = [
        stage.work(sends(&stage, &starts, hourly.clone())),
        stage.work(sends(&stage, &starts, hourly)),
    ];
    let first = stage.client.enqueue(&Mail { weight: 1 }).await.unwrap();
    stage.reaches(&first, State::Completed).await;
    eventually("the limit is known", || async {
        (!stage.client.limits().await.unwrap().is_empty()).then_some(())
    })
    .await;
    let set = || {
        let minute = Duration::from_mins(1);
        stage.client.set_limit("provider", 60_000, minute, 1)
    };
    assert!(set().await.unwrap());
    assert!(!set().await.unwrap(), "it was so already");
    let jobs: Vec<Mail> = (0..50).map(|_| Mail { weight: 1 }).collect();
    stage.client.enqueue_many(&jobs).await.unwrap();
    stage.counts(State::Completed, 51).await;
    let view = stage.client.limits().await.unwrap().remove(0);
    assert_eq!(
        (view.set, view.permits, view.declared),
        (true, 60_000, Some((1, 3_600_000, 1)))
    );

    assert!(stage.client.reset_limit("provider").await.unwrap());
    assert!(!stage.client.reset_limit("provider").await.unwrap());
    let last = stage.client.enqueue(&Mail { weight: 1 }).await.unwrap();
    stage.reaches(&last, State::Completed).await;
    let late = stage.client.enqueue(&Mail { weight: 1 }).await.unwrap();
    assert_eq!(
        stage.reaches(&late, State::Scheduled).await.reason,
        "limit:provider"
    );
    for worker in workers {
        worker.drain().await;
    }
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_limit_nobody_declares_cannot_be_set_and_the_known_ones_are_named() {
    let stage = Stage::new().await;
    let starts = Arc::default();
    let worker = stage.work(sends(&stage, &starts, RateLimit::per_second("provider", 1)));
    eventually("the limit is known", || async {
        (!stage.client.limits().await.unwrap().is_empty()).then_some(())
    })
    .await;
    let second = Duration::from_secs(1);
    let error = stage.client.set_limit("provder", 1, second, 1).await;
    let error = error.unwrap_err();
    assert!(matches!(error, ClientError::UnknownGate { .. }), "{error}");
    assert!(error.to_string().contains("provider"), "{error}");
    let error = stage.client.set_limit("provider", 0, second, 1).await;
    assert!(matches!(error, Err(ClientError::InvalidGate { .. })));
    worker.drain().await;
}
