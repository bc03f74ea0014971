//! What a job can ask for: to be the only one, to be in time, to go on where it stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rouage::{ClientError, JobError, NewJob, Retried, State, Unique};
use serde_json::{Value, json};

use crate::stage::running::another_answer;
use crate::stage::{Stage, act, numbered, play};

fn only(key: &str) -> Unique {
    Unique::while_live(key)
}

#[tokio::test]
async fn a_second_job_with_a_taken_key_is_the_first_one() {
    let stage = Stage::new().await;
    let first = stage
        .client
        .enqueue(&act("one"))
        .unique(only("mailbox:7"))
        .await
        .unwrap();
    let second = stage
        .client
        .enqueue(&act("two"))
        .unique(only("mailbox:7"))
        .await
        .unwrap();
    let other = stage
        .client
        .enqueue(&act("other"))
        .unique(only("mailbox:8"))
        .await
        .unwrap();
    assert_eq!(first, second);
    assert_ne!(first, other);
    assert_eq!(stage.count(State::Available).await, 2);
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn equal_keys_inside_one_bulk_are_one_job() {
    let stage = Stage::new().await;
    let same = |job| NewJob {
        unique: Some(only("same")),
        ..NewJob::from_job(job).unwrap()
    };
    let jobs: Vec<NewJob> = numbered(0..3).iter().map(same).collect();
    let answers = stage.client.enqueue_all(jobs).await.unwrap();
    let stored: Vec<bool> = answers.iter().map(|job| job.stored).collect();
    assert_eq!(stored, [true, false, false]);
    assert!(answers.iter().all(|job| job.id == answers[0].id));
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn guarantee_5_whatever_ends_a_job_frees_its_key() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|job, _| async move {
        match job.part.as_str() {
            "good" => Ok(Value::Null),
            _ => Err(JobError::discard("no")),
        }
    }));
    for (part, end) in [("good", State::Completed), ("bad", State::Discarded)] {
        let id = stage
            .client
            .enqueue(&act(part))
            .unique(only("key"))
            .await
            .unwrap();
        stage.reaches(&id, end).await;
    }
    worker.drain().await;
    let waiting = stage
        .client
        .enqueue(&act("waits"))
        .unique(only("key"))
        .await
        .unwrap();
    stage.client.cancel("test", &waiting).await.unwrap();
    let next = stage
        .client
        .enqueue(&act("next"))
        .unique(only("key"))
        .await
        .unwrap();
    assert_ne!(next, waiting);
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_retrying_job_keeps_its_key() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, _| async {
        Err(JobError::retry_after(
            anyhow::anyhow!("busy"),
            Duration::from_secs(600),
        ))
    }));
    let id = stage
        .client
        .enqueue(&act("again"))
        .unique(only("key"))
        .await
        .unwrap();
    stage.reaches(&id, State::Retrying).await;
    assert_eq!(
        stage
            .client
            .enqueue(&act("twin"))
            .unique(only("key"))
            .await
            .unwrap(),
        id
    );
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_window_keeps_the_key_after_the_job_and_then_lets_it_go() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    let once = || Unique::within("daily", Duration::from_secs(3600));
    let first = stage
        .client
        .enqueue(&act("one"))
        .unique(once())
        .await
        .unwrap();
    stage.reaches(&first, State::Completed).await;
    assert_eq!(
        stage
            .client
            .enqueue(&act("two"))
            .unique(once())
            .await
            .unwrap(),
        first
    );
    stage.fsck_is_clean().await;
    // The hour is over.
    let _: u64 = stage
        .redis(&["ZADD", "test:{test}:unique_until", "CH", "1", "daily"])
        .await;
    let later = stage
        .client
        .enqueue(&act("three"))
        .unique(once())
        .await
        .unwrap();
    assert_ne!(later, first);
    stage.reaches(&later, State::Completed).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_retry_by_hand_takes_the_key_again_unless_another_has_it() {
    let stage = Stage::new().await;
    let first = stage
        .client
        .enqueue(&act("one"))
        .unique(only("key"))
        .await
        .unwrap();
    stage.client.cancel("test", &first).await.unwrap();
    let second = stage
        .client
        .enqueue(&act("two"))
        .unique(only("key"))
        .await
        .unwrap();
    assert_eq!(
        stage.client.retry("test", &first).await.unwrap(),
        Retried::Taken(second.clone())
    );
    assert_eq!(stage.job(&first).await.state, State::Cancelled);
    stage.client.cancel("test", &second).await.unwrap();
    assert_eq!(
        stage.client.retry("test", &first).await.unwrap(),
        Retried::From(State::Cancelled)
    );
    assert_eq!(
        stage
            .client
            .enqueue(&act("three"))
            .unique(only("key"))
            .await
            .unwrap(),
        first
    );
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_job_that_was_not_started_in_time_is_cancelled() {
    let stage = Stage::new().await;
    let ran = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&ran);
    let id = stage
        .client
        .enqueue(&act("stale"))
        .expires_at_ms(1_767_600_000_000)
        .await
        .unwrap();
    let fresh = stage
        .client
        .enqueue(&act("fresh"))
        .expires_at_ms(4_000_000_000_000)
        .await
        .unwrap();
    let worker = stage.work(play(move |_, _| {
        counter.fetch_add(1, Ordering::SeqCst);
        async { Ok(Value::Null) }
    }));
    let job = stage.reaches(&id, State::Cancelled).await;
    assert_eq!(job.reason, "expired");
    stage.reaches(&fresh, State::Completed).await;
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_retry_starts_from_the_checkpoint_of_the_attempt_before() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, cx| async move {
        let from: u64 = cx.checkpoint().unwrap_or(0);
        cx.set_checkpoint(&(from + 10))?;
        if cx.attempt() < 3 {
            Err(JobError::retry("cut off"))
        } else {
            Ok(json!(from))
        }
    }));
    let id = stage.client.enqueue(&act("long way")).await.unwrap();
    let job = stage.reaches(&id, State::Completed).await;
    assert_eq!(
        (job.result, job.checkpoint),
        (Some(json!(20)), Some(json!(30)))
    );
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_checkpoint_that_is_too_large_fails_for_good_with_its_size() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, cx| async move {
        cx.set_checkpoint(&"x".repeat(20_000))?;
        Ok(Value::Null)
    }));
    let id = stage.client.enqueue(&act("heavy")).await.unwrap();
    let job = stage.reaches(&id, State::Discarded).await;
    assert!(
        job.last_message().contains("20002 bytes"),
        "{}",
        job.last_message()
    );
    worker.drain().await;
}

#[tokio::test]
async fn tags_and_the_dry_run_reach_the_handler_and_the_view() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, cx| async move { Ok(json!(cx.is_dry_run())) }));
    let id = stage
        .client
        .enqueue(&act("try"))
        .tag("campaign:12")
        .tag("team:3")
        .dry_run()
        .await
        .unwrap();
    let job = stage.reaches(&id, State::Completed).await;
    assert_eq!((job.result, job.dry_run), (Some(json!(true)), true));
    assert_eq!(job.tags, ["campaign:12", "team:3"]);
    worker.drain().await;
}

#[tokio::test]
async fn labels_that_cannot_be_are_refused_before_anything_is_stored() {
    let stage = Stage::new().await;
    let long = "x".repeat(201);
    for (what, refused) in [
        (
            "tag",
            stage.client.enqueue(&act("t")).tag("two\nlines").await,
        ),
        (
            "unique key",
            stage.client.enqueue(&act("u")).unique(only(&long)).await,
        ),
    ] {
        let error = refused.unwrap_err();
        assert!(
            matches!(error, ClientError::InvalidLabel { what: named, .. } if named == what),
            "{error}"
        );
    }
    assert_eq!(stage.count(State::Available).await, 0);
}

#[tokio::test]
async fn a_paused_queue_starts_nothing_until_it_goes_on() {
    let stage = Stage::new().await;
    let id = stage.client.enqueue(&act("waits")).await.unwrap();
    assert!(
        stage
            .client
            .pause("test", "anne", "provider is down")
            .await
            .unwrap()
    );
    assert!(!stage.client.pause("test", "bob", "again").await.unwrap());
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    another_answer(&worker.pulse).await;
    let view = stage.client.queue_view("test").await.unwrap();
    let pause = view.paused.unwrap();
    assert_eq!(
        (view.available, pause.by.as_str(), pause.reason.as_str()),
        (1, "anne", "provider is down")
    );
    assert!(stage.client.resume("test").await.unwrap());
    stage.reaches(&id, State::Completed).await;
    worker.drain().await;
    let error = stage.client.pause("nowhere", "anne", "").await.unwrap_err();
    assert!(
        error.to_string().contains("no queue \"nowhere\""),
        "{error}"
    );
    stage.fsck_is_clean().await;
}
