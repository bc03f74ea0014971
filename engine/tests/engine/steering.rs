//! Cancelling and retrying by hand, lists and views.

use std::time::Duration;

use rouage::{Cancelled, JobError, Retried, State};
use serde_json::Value;

use crate::stage::{Stage, act, numbered, play};

#[tokio::test]
async fn a_waiting_job_is_cancelled_at_once_wherever_it_waits() {
    let stage = Stage::new().await;
    let available = stage.client.enqueue(&act("a")).await.unwrap();
    let scheduled = stage
        .client
        .enqueue(&act("s"))
        .delay(Duration::from_secs(60))
        .await
        .unwrap();
    for id in [&available, &scheduled] {
        assert_eq!(
            stage.client.cancel("test", id).await.unwrap(),
            Cancelled::Now
        );
        let job = stage.job(id).await;
        assert_eq!(
            (job.state, job.reason.as_str()),
            (State::Cancelled, "requested")
        );
        assert_eq!(
            stage.client.cancel("test", id).await.unwrap(),
            Cancelled::AlreadyOver
        );
    }
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_running_job_is_asked_to_stop_and_then_cancelled() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, cx| async move {
        cx.sleep(Duration::from_secs(600))
            .await
            .map(|()| Value::Null)
    }));
    let id = stage.client.enqueue(&act("long")).await.unwrap();
    stage.reaches(&id, State::Running).await;
    assert_eq!(
        stage.client.cancel("test", &id).await.unwrap(),
        Cancelled::Asked
    );
    let job = stage.reaches(&id, State::Cancelled).await;
    assert_eq!(job.reason, "requested");
    assert_eq!(
        stage
            .redis::<u64>(&["EXISTS", "test:{test}:cancelling"])
            .await,
        0
    );
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_discarded_job_gets_all_its_attempts_again() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, _| async { Err(JobError::discard("no")) }));
    let id = stage.client.enqueue(&act("again")).await.unwrap();
    stage.reaches(&id, State::Discarded).await;
    worker.drain().await;
    assert_eq!(
        stage.client.retry("test", &id).await.unwrap(),
        Retried::From(State::Discarded)
    );
    let job = stage.job(&id).await;
    assert_eq!(
        (job.state, job.attempt, job.errors.len()),
        (State::Available, 0, 1)
    );
    assert_eq!(
        stage.client.retry("test", &id).await.unwrap(),
        Retried::Unchanged,
        "an available job stays as it is"
    );
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    stage.reaches(&id, State::Completed).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_scheduled_job_can_be_run_now() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    let id = stage
        .client
        .enqueue(&act("early"))
        .delay(Duration::from_secs(3600))
        .await
        .unwrap();
    assert_eq!(
        stage.client.retry("test", &id).await.unwrap(),
        Retried::From(State::Scheduled)
    );
    stage.reaches(&id, State::Completed).await;
    worker.drain().await;
}

#[tokio::test]
async fn an_unknown_job_is_an_error_that_names_it() {
    let stage = Stage::new().await;
    let id = "ghost".parse().unwrap();
    for error in [
        stage.client.cancel("test", &id).await.unwrap_err(),
        stage.client.retry("test", &id).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("no job ghost"), "{error}");
    }
    assert!(stage.client.find(&id).await.unwrap().is_none());
}

#[tokio::test]
async fn lists_and_counts_agree() {
    let stage = Stage::new().await;
    stage.client.enqueue_many(&numbered(0..30)).await.unwrap();
    let view = stage.client.queue_view("test").await.unwrap();
    assert_eq!((view.available, view.enqueued_total), (30, 30));
    let page = stage
        .client
        .list("test", State::Available, 10, 5)
        .await
        .unwrap();
    let numbers: Vec<u64> = page
        .iter()
        .map(|job| job.payload.as_ref().unwrap()["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [10, 11, 12, 13, 14]);
    let found = stage.client.find(&page[0].id).await.unwrap().unwrap();
    assert_eq!(found, page[0]);
}

#[tokio::test]
async fn a_worker_is_listed_while_it_lives() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    let info = crate::stage::eventually("the worker is listed", || async {
        stage.client.workers().await.unwrap().pop()
    })
    .await;
    assert_eq!(info.info.queues, [("test".to_owned(), 4)]);
    assert_eq!(info.info.pid, std::process::id());
    worker.drain().await;
    assert!(stage.client.workers().await.unwrap().is_empty());
}
