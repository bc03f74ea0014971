//! How attempts end, and what a job then is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rouage::{Discard, JobError, Registry, State};
use serde_json::{Value, json};

use crate::stage::{Act, Stage, act, play};

#[tokio::test]
async fn a_failure_is_tried_again_and_its_error_is_kept() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, cx| async move {
        if cx.attempt() < 3 {
            Err(JobError::retry("not yet there"))
        } else {
            Ok(json!(cx.attempt()))
        }
    }));
    let id = stage.client.enqueue(&act("flaky")).await.unwrap();
    let job = stage.reaches(&id, State::Completed).await;
    assert_eq!((job.attempt, job.result), (3, Some(json!(3))));
    let errors: Vec<_> = job
        .errors
        .iter()
        .map(|error| (error.attempt, error.message.as_str()))
        .collect();
    assert_eq!(errors, [(1, "not yet there"), (2, "not yet there")]);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn spent_attempts_discard_the_job() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, _| async { Err(JobError::retry("never works")) }));
    let id = stage.client.enqueue(&act("hopeless")).await.unwrap();
    let job = stage.reaches(&id, State::Discarded).await;
    assert_eq!(
        (job.attempt, job.reason.as_str(), job.errors.len()),
        (3, "error", 3)
    );
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_permanent_failure_is_not_tried_again() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, _| async {
        "x".parse::<u64>().discard()?;
        Ok(Value::Null)
    }));
    let id = stage.client.enqueue(&act("wrong")).await.unwrap();
    let job = stage.reaches(&id, State::Discarded).await;
    assert_eq!(
        (job.attempt, job.last_message().as_str()),
        (1, "invalid digit found in string")
    );
    worker.drain().await;
}

#[tokio::test]
async fn a_snoozed_job_comes_back_without_losing_an_attempt() {
    let stage = Stage::new().await;
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    let worker = stage.work(play(move |_, _| {
        let first = counter.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if first {
                Err(JobError::snooze(Duration::from_millis(30)))
            } else {
                Ok(Value::Null)
            }
        }
    }));
    let id = stage.client.enqueue(&act("later")).await.unwrap();
    let job = stage.reaches(&id, State::Completed).await;
    assert_eq!((job.attempt, asked.load(Ordering::SeqCst)), (1, 2));
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn the_soft_timeout_asks_and_the_hard_one_drops() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|job, cx| async move {
        if job.part == "polite" {
            cx.token().cancelled().await;
            return Err(JobError::Cancelled);
        }
        std::future::pending().await
    }));
    for part in ["polite", "deaf"] {
        let job = act(part);
        let id = stage
            .client
            .enqueue(&job)
            .timeout(Duration::from_millis(50))
            .max_attempts(1)
            .await
            .unwrap();
        let job = stage.reaches(&id, State::Discarded).await;
        assert_eq!(job.reason, "timeout", "{part}");
    }
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn outputs_and_errors_are_cut_to_their_bounds() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|job, _| async move {
        if job.part == "output" {
            Ok(json!("x".repeat(200_000)))
        } else {
            Err(JobError::discard("é".repeat(50_000)))
        }
    }));
    let large = stage.client.enqueue(&act("output")).await.unwrap();
    let job = stage.reaches(&large, State::Completed).await;
    assert_eq!(job.result.unwrap()["dropped_output_bytes"], 200_002);
    let wordy = stage.client.enqueue(&act("error")).await.unwrap();
    let job = stage.reaches(&wordy, State::Discarded).await;
    assert_eq!(job.last_message().chars().count(), 4000);
    worker.drain().await;
}

#[tokio::test]
async fn one_hundred_errors_leave_a_bounded_record() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, _| async {
        Err(JobError::retry("x".repeat(3000)))
    }));
    let id = stage
        .client
        .enqueue(&act("stubborn"))
        .max_attempts(12)
        .await
        .unwrap();
    let job = stage.reaches(&id, State::Discarded).await;
    let bytes: u64 = stage
        .redis(&["HSTRLEN", "test:{test}:error", id.as_str()])
        .await;
    assert!(bytes <= 16_384, "{bytes} bytes");
    assert_eq!(job.errors.last().unwrap().attempt, 12);
    worker.drain().await;
}

#[tokio::test]
async fn progress_is_seen_while_the_job_runs() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, cx| async move {
        cx.progress(3, Some(10), "rows");
        cx.token().cancelled().await;
        Err(JobError::Cancelled)
    }));
    let id = stage.client.enqueue(&act("long")).await.unwrap();
    let seen = crate::stage::eventually("progress is seen", || async {
        stage.job(&id).await.progress
    })
    .await;
    assert_eq!(seen, json!({ "done": 3, "total": 10, "text": "rows" }));
    stage.client.cancel("test", &id).await.unwrap();
    stage.reaches(&id, State::Cancelled).await;
    worker.drain().await;
}

#[tokio::test]
async fn the_last_progress_is_kept_however_short_the_job() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|job, cx| async move {
        cx.progress(10, Some(10), "");
        if job.part == "good" {
            Ok(Value::Null)
        } else {
            Err(JobError::discard("no"))
        }
    }));
    for (part, state) in [("good", State::Completed), ("bad", State::Discarded)] {
        let id = stage.client.enqueue(&act(part)).await.unwrap();
        let job = stage.reaches(&id, state).await;
        assert_eq!(job.progress.unwrap()["done"], 10, "{part}");
    }
    worker.drain().await;
}

#[tokio::test]
async fn a_kind_registered_twice_is_refused_by_name() {
    let stage = Stage::new().await;
    let handler = |_: Act, _| async { Ok(Value::Null) };
    let twice = Registry::new().function(handler).function(handler);
    let refused = rouage::Worker::new(stage.client.clone(), twice, crate::stage::options(1))
        .err()
        .unwrap();
    assert!(
        refused
            .to_string()
            .contains("\"test.act\" is registered twice"),
        "{refused}"
    );
}
