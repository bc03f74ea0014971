//! What a breaker guards: a key, or one call of a handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rouage::inspect::BreakerState;
use rouage::{Breaker, Discard, JobError, Registry, State, Worker};
use serde_json::Value;

use super::{HOUR_MS, Long, becomes, breaker, one_waits, policy};
use crate::stage::{Stage, act, eventually, options, play};

#[tokio::test]
async fn one_keys_breaker_does_not_stop_another_key() {
    let stage = Stage::new().await;
    let registry = Registry::new().function(|job: Long, _| async move {
        match job.host.as_deref() {
            Some("bad") => Err(JobError::retry_after(
                anyhow::anyhow!("503"),
                Duration::from_hours(1),
            )),
            _ => Ok(Value::Null),
        }
    });
    let worker = stage.work(registry);
    let jobs = |host: &str, number| -> Vec<Long> {
        let job = |_| Long {
            host: Some(host.to_owned()),
            ..Long::default()
        };
        (0..number).map(job).collect()
    };
    stage.client.enqueue_many(&jobs("bad", 4)).await.unwrap();
    becomes(&stage, "test.call/bad", BreakerState::Open).await;
    stage.client.enqueue_many(&jobs("good", 10)).await.unwrap();
    stage.counts(State::Completed, 10).await;
    // A key that might be somebody's address is not shown.
    stage
        .client
        .enqueue_many(&jobs("anne@example.org", 4))
        .await
        .unwrap();
    stage.counts(State::Completed, 14).await;
    assert!(breaker(&stage, "test.call/good").await.is_none(), "healthy");
    assert_eq!(
        becomes(&stage, "test.call", BreakerState::Closed)
            .await
            .attempts,
        0
    );
    let keys: Vec<String> = stage.redis(&["KEYS", "*"]).await;
    assert!(keys.iter().all(|key| !key.contains("anne")), "{keys:?}");
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_named_breaker_guards_one_call_of_a_handler_until_it_is_reset() {
    let stage = Stage::new().await;
    let broken = Arc::new(AtomicBool::new(true));
    let answers = Arc::clone(&broken);
    let registry = play(move |_, cx| {
        let answers = Arc::clone(&answers);
        async move {
            let call = async {
                if answers.load(Ordering::SeqCst) {
                    Err(anyhow::anyhow!("503"))
                } else {
                    Ok(Value::Null)
                }
            };
            // The job goes wrong for good, the call counts nevertheless.
            match cx.breaker("resend").call(call).await {
                Err(JobError::Retry { source, .. }) => Err(source).discard(),
                other => other,
            }
        }
    });
    let worker = stage.work(registry.breaker("resend", policy(HOUR_MS)));
    let jobs = [(); 4].map(|()| act("send"));
    stage.client.enqueue_many(&jobs).await.unwrap();
    becomes(&stage, "resend", BreakerState::Open).await;
    let waits = one_waits(&stage, || act("send")).await;
    assert_eq!(
        (waits.attempt, waits.reason.as_str()),
        (0, "breaker:resend")
    );

    broken.store(false, Ordering::SeqCst);
    assert!(stage.client.reset_breaker("resend").await.unwrap());
    assert!(!stage.client.reset_breaker("resend").await.unwrap());
    eventually("it runs once the worker has heard of the reset", || async {
        stage.client.retry("test", &waits.id).await.unwrap();
        (stage.job(&waits.id).await.state == State::Completed).then_some(())
    })
    .await;
    let error = stage.client.reset_breaker("resnd").await.unwrap_err();
    assert!(
        error.to_string().contains("no breaker \"resnd\""),
        "{error}"
    );
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn breakers_that_are_not_declared_or_cannot_be_are_refused_by_name() {
    let stage = Stage::new().await;
    let registry = play(|_, cx| async move {
        let work = async { Ok::<_, JobError>(Value::Null) };
        cx.breaker("resnd").call(work).await
    });
    let odd = Breaker {
        percent: 0,
        ..policy(200)
    };
    let refused = registry.clone().breaker("resend", odd);
    let refused = Worker::new(stage.client.clone(), refused, options(1)).err();
    let text = refused.expect("it is refused").to_string();
    assert!(text.contains("breaker \"resend\": percent is 0"), "{text}");

    let worker = stage.work(registry.breaker("resend", policy(200)));
    let id = stage.client.enqueue(&act("typo")).await.unwrap();
    let text = stage.reaches(&id, State::Discarded).await.last_message();
    assert!(
        text.contains("\"resnd\" is not declared; declared are: resend"),
        "{text}"
    );
    worker.drain().await;
}
