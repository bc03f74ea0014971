//! Running a job once more as a new one.

use std::time::Duration;

use rouage::{ClientError, Group, JobError, State, Unique};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::stage::{Stage, act, play};

fn payload(part: &str) -> Box<RawValue> {
    to_raw_value(&act(part)).unwrap()
}

#[tokio::test]
async fn a_finished_job_is_run_again_with_another_payload_and_both_know_of_each_other() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|job, _| async move {
        match job.part.as_str() {
            "wrong" => Err(JobError::discard("no such part")),
            _ => Ok(json!(job.part)),
        }
    }));
    let client = &stage.client;
    let old = client.enqueue(&act("wrong")).tag("team:3").await.unwrap();
    stage.reaches(&old, State::Discarded).await;
    let new = client
        .replay("test", &old, Some(payload("right")))
        .await
        .unwrap();
    let job = stage.reaches(&new, State::Completed).await;
    assert_eq!(
        (job.result, job.tags),
        (Some(json!("right")), vec!["team:3".to_owned()])
    );
    assert_eq!(job.replay_of.as_ref(), Some(&old));
    let before = stage.job(&old).await;
    assert_eq!(
        (before.state, before.replayed_as),
        (State::Discarded, vec![new.clone()])
    );

    let mut latest = new;
    for _ in 0..12 {
        latest = client
            .replay("test", &old, Some(payload("right")))
            .await
            .unwrap();
    }
    let replayed = stage.job(&old).await.replayed_as;
    assert_eq!((replayed.len(), replayed.last()), (10, Some(&latest)));
    stage.reaches(&latest, State::Completed).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_held_job_hands_its_unique_key_and_group_to_its_replay() {
    let stage = Stage::new().await;
    let client = &stage.client;
    let id = client
        .enqueue(&act("odd"))
        .unique(Unique::while_live("mailbox:7"))
        .group(Group::at_most(1, "mailbox:7"))
        .await
        .unwrap();
    // A payload that its type does not read is held.
    let broken = r#"{"v":2,"kind":"test.act","enqueued_at":1,"unique":"mailbox:7","group":{"key":"mailbox:7","limit":1},"payload":7}"#;
    stage
        .redis::<u64>(&["HSET", "test:{test}:job", id.as_str(), broken])
        .await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    stage.reaches(&id, State::Held).await;
    let new = client
        .replay("test", &id, Some(payload("good")))
        .await
        .unwrap();
    let old = stage.job(&id).await;
    assert_eq!(
        (old.state, old.reason.as_str()),
        (State::Discarded, "replayed")
    );
    let job = stage.reaches(&new, State::Completed).await;
    assert_eq!(job.unique.as_deref(), Some("mailbox:7"));
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_live_job_and_a_taken_key_are_refused_and_nothing_is_stored() {
    let stage = Stage::new().await;
    let client = &stage.client;
    let unique = || Unique::while_live("mailbox:7");
    let old = client.enqueue(&act("old")).unique(unique()).await.unwrap();
    let live = client.replay("test", &old, None).await.unwrap_err();
    assert!(matches!(live, ClientError::NotReplayable { .. }), "{live}");
    client.cancel("test", &old).await.unwrap();
    let owner = client.enqueue(&act("new")).unique(unique()).await.unwrap();
    let taken = client.replay("test", &old, None).await.unwrap_err();
    assert!(taken.to_string().contains(owner.as_str()), "{taken}");
    assert_eq!(client.queue_view("test").await.unwrap().enqueued_total, 2);
    assert!(stage.job(&old).await.replayed_as.is_empty());
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn what_a_replay_is_remembered_by_goes_with_the_old_job() {
    let stage = Stage::new().await;
    let client = &stage.client;
    let old = client.enqueue(&act("old")).await.unwrap();
    client.cancel("test", &old).await.unwrap();
    let new = client.replay("test", &old, None).await.unwrap();
    client.cancel("test", &new).await.unwrap();
    let mut options = crate::stage::options(1);
    options.retention.cancelled.age = Duration::ZERO;
    let worker = stage.work_with(play(|_, _| async { Ok(Value::Null) }), options);
    stage.counts(State::Cancelled, 0).await;
    assert_eq!(
        stage
            .redis::<u64>(&["EXISTS", "test:{test}:replayed"])
            .await,
        0
    );
    worker.drain().await;
    stage.fsck_is_clean().await;
}
