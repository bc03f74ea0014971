//! Sealing, cancelling, listing, and members that add members.

use rouage::{ClientError, Job, JobError, NewJob, State, StopReason};
use serde_json::json;

use super::{Log, NAME, finishes, open, sees, view, work};
use crate::stage::{Act, Gate, Stage, act, numbered, options, play};

#[tokio::test]
async fn a_sealed_batch_takes_members_from_its_running_members_only() {
    let stage = Stage::new().await;
    let batch = open(&stage.client).await;
    batch.add(&[act("parent")]).await.unwrap();
    batch.seal().await.unwrap();
    let refused = batch.add(&[act("late")]).await.unwrap_err();
    assert!(
        matches!(
            refused,
            ClientError::BatchClosed {
                state: "sealed",
                ..
            }
        ),
        "{refused}"
    );
    let worker = stage.work(play(|job, cx| async move {
        if job.part == "parent" {
            let child = NewJob {
                id: format!("{}-child", cx.id()).parse()?,
                ..NewJob::from_job(&act("child"))?
            };
            let batch = cx.batch().expect("it is a member");
            batch.add_all(vec![child]).await?;
        } else if job.part == "success" {
            assert!(cx.batch().is_none(), "a callback is no member");
        }
        Ok(json!(null))
    }));
    let view = finishes(&stage.client).await;
    assert_eq!((view.total, view.completed), (2, 2));
    stage.counts(State::Completed, 4).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn cancelling_a_batch_ends_what_waits_and_stops_what_runs() {
    let (stage, gate) = (Stage::new().await, Gate::new());
    let batch = open(&stage.client).await;
    batch.add(&numbered(0..40)).await.unwrap();
    let (running, passing) = (gate.clone(), gate.clone());
    let worker = stage.work_with(
        play(move |job, cx| {
            let gate = running.clone();
            async move {
                if job.part != "count" {
                    return Ok(json!(null));
                }
                tokio::select! {
                    () = gate.pass() => Ok(json!(null)),
                    () = cx.token().cancelled() => Err(JobError::Cancelled),
                }
            }
        }),
        options(4),
    );
    passing.arrived(4).await;
    let done = stage.client.cancel_batch(NAME).await.unwrap();
    // A slot that is free again may take another one before that is reached.
    assert_eq!(done.cancelled + done.asked, 40, "{done:?}");
    assert!(done.asked >= 4, "{done:?}");
    let view = finishes(&stage.client).await;
    assert_eq!((view.failed, view.completed), (40, 0));
    assert!(view.cancelled.is_some() && view.sealed.is_some());
    stage.counts(State::Completed, 1).await;
    let refused = batch.add(&[act("late")]).await.unwrap_err();
    assert!(refused.to_string().contains("is cancelled"), "{refused}");
    gate.open();
    assert_eq!(stage.client.retry_failed(NAME).await.unwrap().retried, 40);
    let all = |view: &rouage::BatchView| view.completed == 40;
    assert!(
        sees(&stage.client, "it goes on", all)
            .await
            .cancelled
            .is_none()
    );
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_retry_of_one_member_by_hand_is_told_to_its_batch() {
    let stage = Stage::new().await;
    let batch = open(&stage.client).await;
    let member = batch.add(&[act("count")]).await.unwrap().remove(0).id;
    batch.seal().await.unwrap();
    // No worker: what happens is told when one comes.
    stage.client.cancel(Act::QUEUE, &member).await.unwrap();
    assert_eq!(view(&stage.client).await.pending, 1);
    stage.fsck_is_clean().await;
    stage
        .client
        .pause(Act::QUEUE, "a test", "to look")
        .await
        .unwrap();
    let worker = work(&stage, Log::default().registry());
    assert_eq!(finishes(&stage.client).await.failed, 1);
    stage.client.retry(Act::QUEUE, &member).await.unwrap();
    let pending = |view: &rouage::BatchView| view.pending == 1 && view.finished.is_none();
    sees(&stage.client, "it waits again", pending).await;
    stage.client.resume(Act::QUEUE).await.unwrap();
    assert_eq!(finishes(&stage.client).await.completed, 1);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn batches_are_listed_newest_first_and_forgotten_a_week_after_their_finish() {
    let stage = Stage::new().await;
    for name in ["first", "second", "third"] {
        let batch = stage.client.batch(name).await.unwrap();
        if name != "third" {
            batch.seal().await.unwrap();
        }
    }
    let times = ["1", "first", "2", "second", "3", "third", "4", "gone"];
    let noted = [&["ZADD", "test:batches"][..], &times[..]].concat();
    let _: i64 = stage.redis(&noted).await;
    let listed = stage.client.batches(3).await.unwrap();
    let names: Vec<&str> = listed.iter().map(|view| view.id.as_str()).collect();
    assert_eq!(names, ["third", "second"], "the unknown one is not shown");
    let days = |name: &str| {
        let key = format!("test:batch:{{{name}}}:facts");
        let stage = &stage;
        async move { stage.redis::<f64>(&["PTTL", &key]).await / 86_400_000.0 }
    };
    assert!((6.9..=7.0).contains(&days("first").await));
    assert!((29.9..=30.0).contains(&days("third").await));
    assert!(stage.client.batch_view("gone").await.unwrap().is_none());
    let unknown = stage.client.retry_failed("gone").await.unwrap_err();
    assert!(matches!(unknown, ClientError::UnknownBatch(_)));
    assert!(stage.client.batch("no.dots").await.is_err());
}

#[tokio::test]
async fn a_cancelled_running_member_counts_as_failed() {
    let stage = Stage::new().await;
    let batch = open(&stage.client).await;
    let worker = stage.work(play(|job, cx| async move {
        if job.part == "count" {
            cx.stop(StopReason::Requested);
            return Err(JobError::Cancelled);
        }
        Ok(json!(null))
    }));
    batch.add(&numbered(0..2)).await.unwrap();
    batch.seal().await.unwrap();
    assert_eq!(finishes(&stage.client).await.failed, 2);
    stage.counts(State::Completed, 1).await;
    worker.drain().await;
}
