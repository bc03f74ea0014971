//! When a breaker opens, and what its jobs do then.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rouage::inspect::BreakerState;
use rouage::{JobError, Registry, State};
use serde_json::Value;

use super::{Call, HOUR_MS, Long, World, becomes, breaker, calls, one_waits};
use crate::stage::{Stage, eventually};

#[tokio::test]
async fn a_breaker_opens_on_the_ratio_and_its_jobs_wait_without_losing_an_attempt() {
    let stage = Stage::new().await;
    let world = World::broken();
    let worker = stage.work(world.handlers::<HOUR_MS>());
    stage
        .client
        .enqueue_many(&calls::<HOUR_MS>(4))
        .await
        .unwrap();
    let view = becomes(&stage, "test.call", BreakerState::Open).await;
    assert_eq!((view.openings, view.probes_running), (1, 0));
    one_waits(&stage, Call::<HOUR_MS>::default).await;
    let (started, waiting) = (world.starts(), stage.count(State::Scheduled).await);
    stage
        .client
        .enqueue_many(&calls::<HOUR_MS>(20))
        .await
        .unwrap();
    stage.counts(State::Scheduled, waiting + 20).await;
    assert_eq!(world.starts(), started, "nothing runs while it is open");
    let list = stage.client.list("test", State::Scheduled, 0, 100);
    for job in list.await.unwrap() {
        assert_eq!(job.reason, "breaker:test.call");
        assert_eq!((job.attempt, job.errors.len()), (0, 0));
    }
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_breaker_stays_closed_below_its_ratio_and_below_its_least_attempts() {
    let stage = Stage::new().await;
    let world = World::broken();
    let worker = stage.work(world.handlers::<HOUR_MS>());
    let counted = |attempts, failures| {
        let stage = &stage;
        eventually("the results are told", move || async move {
            let view = breaker(stage, "test.call").await?;
            ((view.attempts, view.failures) == (attempts, failures)).then_some(view.state)
        })
    };
    stage
        .client
        .enqueue_many(&calls::<HOUR_MS>(3))
        .await
        .unwrap();
    assert_eq!(counted(3, 3).await, BreakerState::Closed, "3 are too few");
    stage.counts(State::Retrying, 3).await;
    let reset = stage.client.reset_breaker("test.call").await;
    assert!(reset.unwrap());

    world.repair();
    stage
        .client
        .enqueue_many(&calls::<HOUR_MS>(6))
        .await
        .unwrap();
    assert_eq!(counted(6, 0).await, BreakerState::Closed);
    world.broken.store(true, Ordering::SeqCst);
    stage
        .client
        .enqueue_many(&calls::<HOUR_MS>(5))
        .await
        .unwrap();
    assert_eq!(
        counted(11, 5).await,
        BreakerState::Closed,
        "5 of 11 is less than half"
    );
    stage
        .client
        .enqueue_many(&calls::<HOUR_MS>(1))
        .await
        .unwrap();
    becomes(&stage, "test.call", BreakerState::Open).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn panics_and_timeouts_are_failures_and_what_says_nothing_is_not_counted() {
    let stage = Stage::new().await;
    let registry = Registry::new().function(|job: Long, cx| async move {
        match job.how.as_str() {
            "panic" => panic!("as it should"),
            "discard" => Err(JobError::discard("bad input")),
            "snooze" => Err(JobError::snooze(Duration::from_hours(1))),
            "hang" => cx
                .sleep(Duration::from_hours(1))
                .await
                .map(|()| Value::Null),
            _ => Ok(Value::Null),
        }
    });
    let worker = stage.work(registry);
    let job = |how: &str| Long {
        how: how.to_owned(),
        ..Long::default()
    };
    for how in ["discard", "discard", "snooze", "snooze", "discard"] {
        stage.client.enqueue(&job(how)).await.unwrap();
    }
    let asked = stage.client.enqueue(&job("hang")).await.unwrap();
    stage.reaches(&asked, State::Running).await;
    stage.client.cancel("test", &asked).await.unwrap();
    stage.reaches(&asked, State::Cancelled).await;
    stage.counts(State::Scheduled, 2).await;
    stage.counts(State::Discarded, 3).await;
    for how in ["good", "good", "panic", "hang"] {
        let soft = Duration::from_millis(50);
        stage
            .client
            .enqueue(&job(how))
            .timeout(soft)
            .max_attempts(1)
            .await
            .unwrap();
    }
    let view = becomes(&stage, "test.call", BreakerState::Open).await;
    assert_eq!(view.openings, 1);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_breaker_that_cannot_be_asked_stops_nothing() {
    let stage = Stage::new().await;
    let world = World::default();
    let key = "test:breaker:{test.call}:state";
    // A key of another type makes the script fail as a Redis in trouble does.
    let () = stage.redis(&["SET", key, "not a hash"]).await;
    let worker = stage.work(world.handlers::<HOUR_MS>());
    stage
        .client
        .enqueue_many(&calls::<HOUR_MS>(3))
        .await
        .unwrap();
    stage.counts(State::Completed, 3).await;
    worker.drain().await;
}
