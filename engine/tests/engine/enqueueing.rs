//! What is promised to a producer.

use std::time::Duration;

use rouage::{Client, ClientError, Ended, JobId, NewJob, Priority, State};
use serde_json::{Value, json};

use crate::stage::running::PATIENCE;
use crate::stage::{Act, Stage, act, numbered, play};

#[tokio::test]
async fn a_job_runs_and_its_output_comes_back() {
    let stage = Stage::new().await;
    let worker = stage.work(play(
        |job, _| async move { Ok(json!({ "said": job.part })) },
    ));
    let id = stage.client.enqueue(&act("hello")).await.unwrap();
    let ended = stage.client.wait::<Act>(&id, PATIENCE).await.unwrap();
    assert_eq!(ended, Ended::Completed(json!({ "said": "hello" })));
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn the_same_id_twice_is_one_job() {
    let stage = Stage::new().await;
    let id: JobId = "nightly.20261123".parse().unwrap();
    stage
        .client
        .enqueue(&act("once"))
        .id(id.clone())
        .await
        .unwrap();
    stage
        .client
        .enqueue(&act("twice"))
        .id(id.clone())
        .await
        .unwrap();
    let twins: Vec<NewJob> = (0..2)
        .map(|_| {
            let mut job = NewJob::from_job(&act("twin")).unwrap();
            job.id = "twin".parse().unwrap();
            job
        })
        .collect();
    let stored: Vec<bool> = stage
        .client
        .enqueue_all(twins)
        .await
        .unwrap()
        .iter()
        .map(|job| job.stored)
        .collect();
    assert_eq!(stored, [true, false]);
    assert_eq!(stage.count(State::Available).await, 2);
    assert_eq!(stage.job(&id).await.payload.unwrap()["part"], "once");
}

#[tokio::test]
async fn many_jobs_keep_their_order_across_batches() {
    let stage = Stage::new().await;
    let jobs = numbered(0..1300);
    let ids = stage.client.enqueue_many(&jobs).await.unwrap();
    assert_eq!(ids.len(), 1300);
    let first = stage
        .client
        .list("test", State::Available, 0, 1000)
        .await
        .unwrap();
    let rest = stage
        .client
        .list("test", State::Available, 1000, 1000)
        .await
        .unwrap();
    let numbers: Vec<u64> = first
        .iter()
        .chain(&rest)
        .map(|job| job.payload.as_ref().unwrap()["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..1300).collect::<Vec<_>>());
}

#[tokio::test]
async fn lower_numbers_run_first_and_equal_ones_in_order() {
    let stage = Stage::new().await;
    for (number, priority) in [(1, 9), (2, 5), (3, 0), (4, 5), (5, 0)] {
        let job = Act {
            part: String::new(),
            number,
        };
        stage
            .client
            .enqueue(&job)
            .priority(Priority::new(priority).unwrap())
            .await
            .unwrap();
    }
    let listed = stage
        .client
        .list("test", State::Available, 0, 10)
        .await
        .unwrap();
    let order: Vec<u64> = listed
        .iter()
        .map(|job| job.payload.as_ref().unwrap()["number"].as_u64().unwrap())
        .collect();
    assert_eq!(order, [3, 5, 2, 4, 1]);
}

#[tokio::test]
async fn guarantee_4_a_delayed_job_waits_in_redis_and_not_longer() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    let far = stage
        .client
        .enqueue(&act("far"))
        .delay(Duration::from_secs(3600))
        .await
        .unwrap();
    let near = stage
        .client
        .enqueue(&act("near"))
        .delay(Duration::from_millis(150))
        .await
        .unwrap();
    let job = stage.reaches(&near, State::Completed).await;
    assert!(
        job.started >= job.enqueued_at + 150,
        "started {} ms early",
        job.enqueued_at + 150 - job.started
    );
    assert_eq!(stage.job(&far).await.state, State::Scheduled);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn names_and_payloads_that_cannot_be_are_refused_before_anything_is_stored() {
    let stage = Stage::new().await;
    let raw = |text: String| serde_json::value::RawValue::from_string(text).unwrap();
    let bad_name =
        NewJob::from_parts("Queue:1", "a.b", raw("1".to_owned()), Priority::NORMAL).unwrap_err();
    assert!(
        bad_name.to_string().contains("queue \"Queue:1\""),
        "{bad_name}"
    );
    let huge = raw(format!("\"{}\"", "x".repeat(rouage::MAX_PAYLOAD_BYTES)));
    let too_large = NewJob::from_parts("test", "a.b", huge, Priority::NORMAL).unwrap_err();
    assert!(matches!(too_large, ClientError::PayloadTooLarge { .. }));
    assert_eq!(
        stage.client.queue_names().await.unwrap(),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn waiting_for_a_job_that_is_not_done_ends_in_time_and_leaves_nothing() {
    let stage = Stage::new().await;
    let id = stage.client.enqueue(&act("nobody works")).await.unwrap();
    let waited = stage
        .client
        .wait::<Act>(&id, Duration::from_millis(50))
        .await;
    assert!(matches!(waited, Err(ClientError::StillRunning(_))));
    assert_eq!(
        stage.redis::<u64>(&["EXISTS", "test:{test}:waiting"]).await,
        0
    );
    let unknown = "no-such-job".parse().unwrap();
    let waited = stage
        .client
        .wait::<Act>(&unknown, Duration::from_millis(50))
        .await;
    assert!(matches!(waited, Err(ClientError::UnknownJob { .. })));
}

#[tokio::test]
async fn guarantee_7_a_producer_hears_within_its_deadline_that_redis_is_away() {
    let mut stage = Stage::new().await;
    let producer = Client::connect(&stage.redis.url(), stage.client.keyspace().clone())
        .await
        .unwrap();
    stage.redis.kill().unwrap();
    let error = producer.enqueue(&act("lost")).await.unwrap_err();
    assert!(matches!(error, ClientError::Link(_)), "{error}");
}
