//! When callbacks are enqueued, and what counts as a member.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rouage::{Enqueued, Job, JobId, NewJob, Priority, State, Unique};
use serde_json::value::RawValue;

use super::{Log, NAME, Other, enqueued, finishes, open, sees, view, work};
use crate::stage::{Act, Stage, act, numbered};

#[tokio::test]
async fn both_callbacks_are_enqueued_once_when_every_member_completed() {
    let (stage, log) = (Stage::new().await, Log::default());
    let batch = open(&stage.client).await;
    let worker = work(&stage, log.registry());
    batch.add(&numbered(0..30)).await.unwrap();
    batch.add(&[Other, Other, Other]).await.unwrap();
    let all = |view: &rouage::BatchView| view.completed == 33;
    sees(&stage.client, "all members completed", all).await;
    assert!(log.ran().is_empty(), "nothing is over before the seal");
    batch.seal().await.unwrap();
    log.reads(&["complete", "success"]).await;
    let view = finishes(&stage.client).await;
    assert_eq!((view.total, view.pending, view.failed), (33, 0, 0));
    assert_eq!(view.tags, ["team:3"]);
    let success = view.on_success.unwrap();
    assert_eq!(success.id.as_str(), "campaign.12.success");
    assert!(success.enqueued.is_some());
    batch.seal().await.unwrap();
    assert_eq!(enqueued(&stage).await, 32, "30 members and 2 callbacks");
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_failed_member_holds_the_success_job_back_until_a_retry_completes_it() {
    let (stage, log) = (Stage::new().await, Log::default());
    let batch = open(&stage.client).await;
    let worker = work(&stage, log.registry());
    batch.add(&numbered(0..3)).await.unwrap();
    let bad = batch.add(&[act("bad")]).await.unwrap().remove(0).id;
    batch.seal().await.unwrap();
    log.reads(&["complete"]).await;
    let failed = finishes(&stage.client).await;
    assert_eq!((failed.completed, failed.failed), (3, 1));
    assert_eq!(failed.failures[0].member.id, bad);
    assert_eq!(failed.failures[0].state, State::Discarded);
    log.mended.store(true, Ordering::Relaxed);
    let retried = stage.client.retry_failed(NAME).await.unwrap();
    assert_eq!((retried.retried, retried.left), (1, 0));
    log.reads(&["bad", "complete", "success"]).await;
    let view = finishes(&stage.client).await;
    assert_eq!((view.completed, view.failed), (4, 0));
    worker.drain().await;
    assert_eq!(enqueued(&stage).await, 6, "the first callback came once");
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn an_empty_batch_is_over_when_it_is_sealed() {
    let (stage, log) = (Stage::new().await, Log::default());
    open(&stage.client).await.seal().await.unwrap();
    let worker = work(&stage, log.registry());
    log.reads(&["complete", "success"]).await;
    assert_eq!(view(&stage.client).await.total, 0);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_held_member_makes_its_batch_wait_for_a_person() {
    let (stage, log) = (Stage::new().await, Log::default());
    let batch = open(&stage.client).await;
    let nothing = RawValue::from_string("null".to_owned()).unwrap();
    let nobodys = NewJob::from_parts(Act::QUEUE, "test.nobody", nothing, Priority::NORMAL);
    let held = batch.add_all(vec![nobodys.unwrap()]).await.unwrap();
    batch.seal().await.unwrap();
    let worker = work(&stage, log.registry());
    stage.reaches(&held[0].id, State::Held).await;
    stage.fsck_is_clean().await;
    assert_eq!(view(&stage.client).await.pending, 1);
    stage.client.cancel(Act::QUEUE, &held[0].id).await.unwrap();
    log.reads(&["complete"]).await;
    let view = finishes(&stage.client).await;
    assert_eq!(view.failures[0].state, State::Cancelled);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn adding_the_same_ids_again_adds_nothing_even_when_they_are_over() {
    let (stage, log) = (Stage::new().await, Log::default());
    let batch = open(&stage.client).await;
    let job = |name: &str| NewJob {
        id: name.parse::<JobId>().unwrap(),
        ..NewJob::from_job(&act("count")).unwrap()
    };
    batch.add_all(vec![job("one"), job("two")]).await.unwrap();
    let again = batch.add_all(vec![job("two"), job("three")]).await.unwrap();
    let stored: Vec<bool> = again.iter().map(|job| job.stored).collect();
    assert_eq!(stored, [false, true]);
    let worker = work(&stage, log.registry());
    let all = |view: &rouage::BatchView| view.completed == 3;
    sees(&stage.client, "all members completed", all).await;
    batch.seal().await.unwrap();
    // Its record is gone, its batch still knows it.
    for part in ["job", "completed"] {
        let command = if part == "job" { "HDEL" } else { "ZREM" };
        let _: i64 = stage
            .redis(&[command, &format!("test:{{test}}:{part}"), "one"])
            .await;
    }
    let over = batch.add_all(vec![job("one"), job("two")]).await.unwrap();
    assert!(over.iter().all(|job| !job.stored));
    assert_eq!(view(&stage.client).await.total, 3);
    log.reads(&["complete", "success"]).await;
    worker.drain().await;
}

#[tokio::test]
async fn a_job_that_is_not_stored_is_no_member() {
    let (stage, log) = (Stage::new().await, Log::default());
    let batch = open(&stage.client).await;
    let mut unique = NewJob::from_job(&act("count")).unwrap();
    unique.unique = Some(Unique::within("once", Duration::from_secs(3600)));
    let first = stage
        .client
        .enqueue_all(vec![unique.clone()])
        .await
        .unwrap();
    let foreign = NewJob {
        id: first[0].id.clone(),
        ..NewJob::from_job(&act("count")).unwrap()
    };
    unique.id = JobId::generate();
    let answers = batch.add_all(vec![unique, foreign]).await.unwrap();
    let refused = Enqueued {
        id: first[0].id.clone(),
        stored: false,
    };
    assert_eq!(answers, [refused.clone(), refused]);
    assert_eq!(view(&stage.client).await.total, 0);
    batch.seal().await.unwrap();
    let worker = work(&stage, log.registry());
    log.reads(&["complete", "success"]).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}
