//! Chains: each step when the one before it completed, and never otherwise.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rouage::{
    ClientError, Group, Job, JobError, JobId, NewJob, Priority, Registry, State, Unique,
    WorkerOptions,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::stage::{Act, Running, Stage, act, eventually, options, play};

/// A step in another queue.
#[derive(Serialize, Deserialize)]
struct Other;

impl Job for Other {
    type Output = ();
    const KIND: &'static str = "other.act";
    const QUEUE: &'static str = "other";
}

/// What ran, in order; jobs named `bad` fail for good until they are mended.
#[derive(Clone, Default)]
struct Log {
    ran: Arc<Mutex<Vec<String>>>,
    mended: Arc<AtomicBool>,
}

impl Log {
    fn registry(&self) -> Registry {
        let (log, others) = (self.clone(), self.clone());
        play(move |job, _| {
            let log = log.clone();
            async move {
                if job.part == "bad" && !log.mended.load(Ordering::Relaxed) {
                    return Err(JobError::discard("bad"));
                }
                log.ran.lock().unwrap().push(job.part);
                Ok(json!(null))
            }
        })
        .function(move |_: Other, _| {
            let log = others.clone();
            async move {
                log.ran.lock().unwrap().push("other".to_owned());
                Ok::<(), JobError>(())
            }
        })
    }

    fn ran(&self) -> Vec<String> {
        self.ran.lock().unwrap().clone()
    }

    async fn reads(&self, parts: &[&str]) {
        eventually(&format!("the log reads {parts:?}"), || async {
            (self.ran() == parts).then_some(())
        })
        .await;
    }
}

fn work(stage: &Stage, log: &Log) -> Running {
    let queues = vec![(Act::QUEUE.to_owned(), 4), (Other::QUEUE.to_owned(), 4)];
    stage.work_with(
        log.registry(),
        WorkerOptions {
            queues,
            ..options(4)
        },
    )
}

fn step(id: &JobId, number: usize) -> JobId {
    format!("{id}.{number}").parse().unwrap()
}

/// Waits until everything that ended was told.
async fn all_told(stage: &Stage) {
    eventually("all signals are told", || async {
        let left: u64 = stage.redis(&["EXISTS", "test:{test}:signals"]).await;
        (left == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn each_step_is_enqueued_when_the_one_before_it_completed() {
    let (stage, log) = (Stage::new().await, Log::default());
    let last = NewJob::from_job(&act("last")).unwrap();
    let enqueue = stage.client.enqueue(&act("first")).then(&Other);
    let first = enqueue.then(&act("third")).then_job(last).await.unwrap();
    assert_eq!(
        stage.job(&first).await.lineage.then,
        ["other.act", "test.act", "test.act"]
    );
    assert!(stage.client.find(&step(&first, 1)).await.unwrap().is_none());
    let worker = work(&stage, &log);
    log.reads(&["first", "other", "third", "last"]).await;
    let third = stage.reaches(&step(&first, 2), State::Completed).await;
    assert_eq!(third.lineage.follows, Some(step(&first, 1)));
    assert_eq!(third.lineage.then, ["test.act"]);
    let other = stage.client.find(&step(&first, 1)).await.unwrap().unwrap();
    assert_eq!(
        (other.queue.as_str(), &other.lineage.follows),
        ("other", &Some(first))
    );
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_step_keeps_its_own_policy() {
    let (stage, log) = (Stage::new().await, Log::default());
    let mut second = NewJob::from_job(&act("second")).unwrap();
    second.unique = Some(Unique::while_live("key"));
    second.run_at = rouage::RunAt::After(std::time::Duration::from_secs(3600));
    second.envelope.priority = Priority::LAST;
    second.envelope.max_attempts = Some(2);
    second.envelope.tags = vec!["team:3".to_owned()];
    second.envelope.group = Some(Group::at_most(1, "mailbox:7"));
    let chain = stage.client.enqueue(&act("first")).tag("team:4");
    let first = chain.then_job(second).await.unwrap();
    let worker = work(&stage, &log);
    let second = step(&first, 1);
    let job = eventually("the second step is enqueued", || async {
        stage.client.find(&second).await.unwrap()
    })
    .await;
    assert_eq!((job.state, job.priority), (State::Scheduled, 9));
    assert_eq!(
        (job.unique.as_deref(), &job.tags[..]),
        (Some("key"), &["team:3".to_owned()][..])
    );
    let limit = job.group.and_then(|group| group.limit);
    assert_eq!(limit, NonZeroU32::new(1));
    let owner = stage
        .client
        .enqueue(&act("second"))
        .unique(Unique::while_live("key"));
    assert_eq!(owner.await.unwrap(), second);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_discarded_step_ends_its_chain_until_a_retry_completes_it() {
    let (stage, log) = (Stage::new().await, Log::default());
    let chain = stage.client.enqueue(&act("first")).then(&act("bad"));
    let first = chain.then(&act("last")).await.unwrap();
    let worker = work(&stage, &log);
    let bad = eventually("the second step is discarded", || async {
        let job = stage.client.find(&step(&first, 1)).await.unwrap()?;
        (job.state == State::Discarded).then_some(job)
    })
    .await;
    all_told(&stage).await;
    assert_eq!(
        bad.lineage.then,
        ["test.act"],
        "what was not enqueued is shown"
    );
    assert!(stage.client.find(&step(&first, 2)).await.unwrap().is_none());
    log.mended.store(true, Ordering::Relaxed);
    stage.client.retry(Act::QUEUE, &bad.id).await.unwrap();
    log.reads(&["first", "bad", "last"]).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_cancelled_job_is_not_followed() {
    let (stage, log) = (Stage::new().await, Log::default());
    let first = stage
        .client
        .enqueue(&act("first"))
        .then(&Other)
        .await
        .unwrap();
    stage.client.cancel(Act::QUEUE, &first).await.unwrap();
    let worker = work(&stage, &log);
    all_told(&stage).await;
    worker.drain().await;
    assert!(log.ran().is_empty());
    assert!(stage.client.find(&step(&first, 1)).await.unwrap().is_none());
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn an_end_that_is_told_again_enqueues_nothing_twice() {
    let (stage, log) = (Stage::new().await, Log::default());
    let first = stage
        .client
        .enqueue(&act("first"))
        .then(&act("last"))
        .await
        .unwrap();
    let worker = work(&stage, &log);
    log.reads(&["first", "last"]).await;
    all_told(&stage).await;
    let _: i64 = stage
        .redis(&[
            "HSET",
            "test:{test}:signals",
            first.as_str(),
            "completed 1767600000000 then",
        ])
        .await;
    let _: i64 = stage
        .redis(&["PUBLISH", "test:{test}:wake", "signals"])
        .await;
    all_told(&stage).await;
    let stored: u64 = stage
        .redis(&["HGET", "test:{test}:count", "enqueued"])
        .await;
    assert_eq!(stored, 2);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_signal_that_cannot_be_read_does_not_hold_up_the_others() {
    let (stage, log) = (Stage::new().await, Log::default());
    let _: i64 = stage
        .redis(&[
            "HSET",
            "test:{test}:signals",
            "odd",
            "what no release wrote",
        ])
        .await;
    let worker = work(&stage, &log);
    stage
        .client
        .enqueue(&act("first"))
        .then(&act("last"))
        .await
        .unwrap();
    log.reads(&["first", "last"]).await;
    worker.drain().await;
}

#[tokio::test]
async fn a_step_whose_unique_key_is_taken_ends_its_chain_and_leaves_its_batch() {
    let (stage, log) = (Stage::new().await, Log::default());
    let mut owner = NewJob::from_job(&act("owner")).unwrap();
    owner.unique = Some(Unique::while_live("key"));
    let second = NewJob {
        id: JobId::generate(),
        ..owner.clone()
    };
    owner.run_at = rouage::RunAt::After(std::time::Duration::from_secs(3600));
    stage.client.enqueue_all(vec![owner]).await.unwrap();
    let chain = NewJob::from_job(&act("first")).unwrap().then(second);
    let batch = stage
        .client
        .batch("short")
        .on_success(&act("success"))
        .await
        .unwrap();
    let first = batch.add_all(vec![chain]).await.unwrap().remove(0).id;
    batch.seal().await.unwrap();
    let worker = work(&stage, &log);
    log.reads(&["first", "success"]).await;
    assert!(stage.client.find(&step(&first, 1)).await.unwrap().is_none());
    assert_eq!(
        stage
            .client
            .batch_view("short")
            .await
            .unwrap()
            .unwrap()
            .total,
        1
    );
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_batch_waits_for_the_last_step_of_its_members_chains() {
    let (stage, log) = (Stage::new().await, Log::default());
    let batch = stage
        .client
        .batch("chains")
        .on_success(&act("success"))
        .await
        .unwrap();
    let chain = NewJob::from_job(&act("first"))
        .unwrap()
        .then(NewJob::from_job(&Other).unwrap())
        .then(NewJob::from_job(&act("last")).unwrap());
    batch.add_all(vec![chain]).await.unwrap();
    batch.seal().await.unwrap();
    let worker = work(&stage, &log);
    log.reads(&["first", "other", "last", "success"]).await;
    let view = stage.client.batch_view("chains").await.unwrap().unwrap();
    assert_eq!((view.total, view.completed, view.pending), (3, 3, 0));
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_chain_that_cannot_be_is_refused_whole() {
    let stage = Stage::new().await;
    let steps = (0..21).map(|_| NewJob::from_job(&act("step")).unwrap());
    let long = steps.fold(
        stage.client.enqueue(&act("first")),
        rouage::Enqueue::then_job,
    );
    assert!(matches!(long.await, Err(ClientError::ChainTooLong { .. })));
    let large = Act {
        part: "x".repeat(3 * 1024 * 1024),
        number: 0,
    };
    let large = stage.client.enqueue(&large).then(&large);
    assert!(matches!(
        large.await,
        Err(ClientError::PayloadTooLarge { .. })
    ));
    assert_eq!(stage.count(State::Available).await, 0);
}
