//! What a death between two steps leaves, written by hand, and what fsck says about the rest.

use rouage::{Job, JobId, NewJob, State};

use super::{Log, NAME, enqueued, finishes, open, sees, view, work};
use crate::stage::{Act, Stage, act, numbered};

const MEMBERS: &str = "test:batch:{campaign:12}:members";
const FACTS: &str = "test:batch:{campaign:12}:facts";

/// Makes a member one that was noted long ago, and the batch one to be looked at.
async fn noted_long_ago(stage: &Stage, member: &str) {
    let _: i64 = stage.redis(&["ZADD", MEMBERS, "1", member]).await;
    let _: i64 = stage.redis(&["ZADD", "test:batch_agenda", "1", NAME]).await;
}

#[tokio::test]
async fn a_member_that_was_noted_and_never_enqueued_is_dropped() {
    let (stage, log) = (Stage::new().await, Log::default());
    let batch = open(&stage.client).await;
    batch.add(&numbered(0..2)).await.unwrap();
    batch.seal().await.unwrap();
    noted_long_ago(&stage, "test/never").await;
    let worker = work(&stage, log.registry());
    log.reads(&["complete", "success"]).await;
    assert_eq!(finishes(&stage.client).await.total, 2);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_member_that_was_enqueued_and_not_confirmed_counts() {
    let (stage, log) = (Stage::new().await, Log::default());
    let batch = open(&stage.client).await;
    let ids: Vec<JobId> = batch
        .add(&numbered(0..2))
        .await
        .unwrap()
        .into_iter()
        .map(|job| job.id)
        .collect();
    for id in &ids {
        noted_long_ago(&stage, &format!("test/{id}")).await;
    }
    // One of them waits for an hour, so that the batch must learn of it before its end.
    let mut later = NewJob::from_job(&act("count")).unwrap();
    later.run_at = rouage::RunAt::After(std::time::Duration::from_secs(3600));
    let later = batch.add_all(vec![later]).await.unwrap().remove(0).id;
    noted_long_ago(&stage, &format!("test/{later}")).await;
    batch.seal().await.unwrap();
    noted_long_ago(&stage, &format!("test/{later}")).await;
    let worker = work(&stage, log.registry());
    let confirmed = || async {
        let score: Option<f64> = stage
            .redis(&["ZSCORE", MEMBERS, &format!("test/{later}")])
            .await;
        (score == Some(0.0)).then_some(())
    };
    crate::stage::eventually("the waiting member is confirmed", confirmed).await;
    let two = |view: &rouage::BatchView| view.completed == 2 && view.pending == 1;
    sees(&stage.client, "the batch waits for the last one", two).await;
    stage.client.retry(Act::QUEUE, &later).await.unwrap();
    log.reads(&["complete", "success"]).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn callbacks_that_were_due_when_their_enqueuer_died_are_enqueued_once() {
    let (stage, log) = (Stage::new().await, Log::default());
    let batch = open(&stage.client).await;
    batch.seal().await.unwrap();
    // As if one had been enqueued and the batch had not been told.
    let () = stage
        .redis(&["HSET", FACTS, "complete", "due", "success", "due"])
        .await;
    let success: JobId = "campaign.12.success".parse().unwrap();
    let _: i64 = stage
        .redis(&["HDEL", "test:{test}:job", success.as_str()])
        .await;
    let _: i64 = stage
        .redis(&["ZREM", "test:{test}:ready", success.as_str()])
        .await;
    let _: i64 = stage
        .redis(&["HINCRBY", "test:{test}:count", "enqueued", "-1"])
        .await;
    let _: i64 = stage.redis(&["ZADD", "test:batch_agenda", "1", NAME]).await;
    let worker = work(&stage, log.registry());
    log.reads(&["complete", "success"]).await;
    assert_eq!(enqueued(&stage).await, 2);
    let sent = |view: &rouage::BatchView| {
        view.on_success
            .as_ref()
            .is_some_and(|job| job.enqueued.is_some())
    };
    sees(&stage.client, "the batch is told", sent).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn an_end_that_is_told_again_changes_nothing() {
    let (stage, log) = (Stage::new().await, Log::default());
    let batch = open(&stage.client).await;
    let worker = work(&stage, log.registry());
    let id = batch.add(&[act("bad")]).await.unwrap().remove(0).id;
    batch.add(&numbered(0..3)).await.unwrap();
    batch.seal().await.unwrap();
    log.reads(&["complete"]).await;
    let before = finishes(&stage.client).await;
    let signal = format!("discarded 1767600000000 batch={NAME}");
    let _: i64 = stage
        .redis(&["HSET", "test:{test}:signals", id.as_str(), &signal])
        .await;
    let _: i64 = stage
        .redis(&["PUBLISH", "test:{test}:wake", "signals"])
        .await;
    crate::stage::eventually("the signal is told", || async {
        let left: u64 = stage.redis(&["EXISTS", "test:{test}:signals"]).await;
        (left == 0).then_some(())
    })
    .await;
    assert_eq!(view(&stage.client).await, before);
    assert_eq!(enqueued(&stage).await, 5);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn fsck_finds_a_batch_that_waits_in_vain_and_one_that_does_not_wait() {
    let stage = Stage::new().await;
    let batch = open(&stage.client).await;
    let member = batch.add(&[act("count")]).await.unwrap().remove(0).id;
    stage.fsck_is_clean().await;
    let _: i64 = stage.redis(&["ZADD", MEMBERS, "0", "test/ghost"]).await;
    let _: i64 = stage
        .redis(&["ZADD", MEMBERS, "-2", &format!("test/{member}")])
        .await;
    let report = stage.client.fsck().await.unwrap();
    let mut found: Vec<&str> = report
        .violations
        .iter()
        .map(|violation| violation.message.as_str())
        .collect();
    found.sort_unstable();
    let counts = format!("batch {NAME} counts a job as over that is available: test/{member}");
    let waits = format!("batch {NAME} waits for a job that is not stored: test/ghost");
    assert_eq!(found, [counts.as_str(), waits.as_str()]);
    assert!(
        report
            .violations
            .iter()
            .all(|violation| violation.invariant == "I6")
    );
    assert_eq!(stage.count(State::Available).await, 1);
}
