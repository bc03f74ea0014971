//! Retrying, cancelling and discarding what a filter means, in the background.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rouage::filter::Filter;
use rouage::{
    Action, Cancelled, ClientError, Discarded, Job, JobError, JobId, Operation, Registry, State,
    Tally, Unique, WorkerOptions,
};
use serde_json::Value;

use crate::stage::running::in_the_long_run;
use crate::stage::{Running, Stage, act, eventually, numbered, options, play};

const NOW: Duration = Duration::ZERO;

fn filter(text: &str) -> Filter {
    text.parse().unwrap()
}

/// A worker that runs operations and nothing else, unless it is told more.
fn operating() -> WorkerOptions {
    WorkerOptions {
        queues: vec![("idle".to_owned(), 1)],
        operations: true,
        ..options(1)
    }
}

/// The same, and nothing is forgotten.
fn keeping(mut options: WorkerOptions) -> WorkerOptions {
    options.retention.discarded.count = 1_000_000;
    options.retention.completed.count = 1_000_000;
    options
}

impl Stage {
    fn operate(&self) -> Running {
        self.work_with(Registry::new(), operating())
    }

    async fn start(&self, action: Action, text: &str) -> JobId {
        let filter = filter(text);
        let started = self.client.start_operation(action, &filter, "test", NOW);
        started.await.unwrap()
    }

    /// Waits until an operation is completed and answers what it did.
    async fn tally(&self, id: &JobId) -> Tally {
        let job = self
            .client
            .wait_in(Operation::QUEUE, id, Duration::from_secs(300))
            .await
            .unwrap();
        assert_eq!(job.state, State::Completed, "{:?}", job.errors);
        serde_json::from_value(job.result.unwrap()).unwrap()
    }

    /// Enqueues jobs and lets them fail for good.
    async fn discarded(&self, jobs: u64) {
        let worker = self.work_with(
            play(|_, _| async { Err(JobError::discard("the provider is away")) }),
            keeping(options(100)),
        );
        self.client.enqueue_many(&numbered(0..jobs)).await.unwrap();
        in_the_long_run("all of them failed", || async {
            (self.count(State::Discarded).await == jobs).then_some(())
        })
        .await;
        worker.drain().await;
    }
}

#[tokio::test]
async fn a_preview_counts_what_the_action_changes_and_shows_some() {
    let stage = Stage::new().await;
    stage.discarded(30).await;
    stage.client.enqueue_many(&numbered(0..10)).await.unwrap();
    for (action, text, count) in [
        (Action::Retry, "queue:test", 30),
        (Action::Retry, "error:provider", 30),
        (Action::Retry, "error:nothing", 0),
        (Action::Cancel, "kind:test.*", 10),
        (Action::Discard, "state:available", 10),
        (Action::Discard, "state:discarded", 0),
    ] {
        let preview = stage.client.preview(action, &filter(text)).await.unwrap();
        assert_eq!(
            (preview.count, preview.exact),
            (count, true),
            "{action} {text}"
        );
        assert_eq!(preview.sample.len() as u64, count.min(5), "{action} {text}");
    }
}

#[tokio::test]
async fn an_operation_changes_what_its_filter_means_and_counts_it() {
    let stage = Stage::new().await;
    stage.discarded(700).await;
    let other = stage.client.enqueue(&act("x")).tag("team:3").await.unwrap();
    let worker = stage.operate();
    let retried = stage.start(Action::Retry, "error:provider").await;
    let tally = stage.tally(&retried).await;
    assert_eq!((tally.done, tally.met()), (700, 700));
    assert_eq!(stage.count(State::Available).await, 701);

    let cancelled = stage.start(Action::Cancel, "tag:team:3").await;
    assert_eq!(stage.tally(&cancelled).await.done, 1);
    assert_eq!(stage.job(&other).await.state, State::Cancelled);

    let discarded = stage.start(Action::Discard, "kind:test.act").await;
    assert_eq!(stage.tally(&discarded).await.done, 700);
    assert_eq!(stage.count(State::Discarded).await, 700);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn an_operation_can_be_undone_while_its_window_is_open() {
    let stage = Stage::new().await;
    stage.discarded(3).await;
    let window = Duration::from_secs(3600);
    let meant = filter("state:discarded");
    let id = stage
        .client
        .start_operation(Action::Retry, &meant, "test", window)
        .await
        .unwrap();
    let undone = stage.client.cancel(Operation::QUEUE, &id).await.unwrap();
    assert_eq!(undone, Cancelled::Now);
    let worker = stage.operate();
    // A later one runs, so the cancelled one would have.
    let later = stage.start(Action::Retry, "state:held").await;
    stage.tally(&later).await;
    assert_eq!(stage.count(State::Discarded).await, 3);
    worker.drain().await;
}

#[tokio::test]
async fn jobs_that_fail_again_are_not_retried_again_and_operations_spare_operations() {
    let stage = Stage::new().await;
    stage.discarded(1200).await;
    let failing = play(|_, _| async { Err(JobError::discard("still away")) });
    let worker = stage.work_with(
        failing,
        WorkerOptions {
            operations: true,
            ..options(50)
        },
    );
    let everything = stage.start(Action::Cancel, "-kind:other").await;
    stage.tally(&everything).await;
    let retried = stage.start(Action::Retry, "kind:*").await;
    let tally = stage.tally(&retried).await;
    assert_eq!((tally.done, tally.met()), (1200, 1200));
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_taken_unique_key_is_a_failure_that_is_told() {
    let stage = Stage::new().await;
    let unique = || Unique::while_live("mailbox:7");
    let old = stage
        .client
        .enqueue(&act("old"))
        .unique(unique())
        .await
        .unwrap();
    stage.client.cancel("test", &old).await.unwrap();
    stage
        .client
        .enqueue(&act("new"))
        .unique(unique())
        .await
        .unwrap();
    let worker = stage.operate();
    let tally = stage
        .tally(&stage.start(Action::Retry, "state:cancelled").await)
        .await;
    assert_eq!(
        (tally.done, tally.failed["another job has its unique key"]),
        (0, 1)
    );
    worker.drain().await;
}

#[tokio::test]
async fn an_operation_on_everything_is_refused() {
    let stage = Stage::new().await;
    let all = stage
        .client
        .start_operation(Action::Cancel, &Filter::default(), "test", NOW)
        .await;
    assert!(matches!(all, Err(ClientError::EverythingMeant)), "{all:?}");
}

#[tokio::test]
async fn a_waiting_job_is_discarded_with_a_note_and_a_running_one_is_not() {
    let stage = Stage::new().await;
    let waiting = stage.client.enqueue(&act("w")).await.unwrap();
    let note = "made by mistake";
    assert_eq!(
        stage.client.discard("test", &waiting, note).await.unwrap(),
        Discarded::Now
    );
    let job = stage.job(&waiting).await;
    assert_eq!(
        (job.state, job.last_message()),
        (State::Discarded, note.to_owned())
    );
    let again = stage.client.discard("test", &waiting, "").await.unwrap();
    assert_eq!(again, Discarded::AlreadyOver);

    let worker = stage.work(play(|_, cx| async move {
        cx.sleep(Duration::from_secs(600))
            .await
            .map(|()| Value::Null)
    }));
    let running = stage.client.enqueue(&act("r")).await.unwrap();
    stage.reaches(&running, State::Running).await;
    let left = stage.client.discard("test", &running, "").await.unwrap();
    assert_eq!(left, Discarded::Running);
    stage.client.cancel("test", &running).await.unwrap();
    stage.reaches(&running, State::Cancelled).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

/// The worker that runs the operation is cut off in its middle, for good; another one's lease
/// takes over.
#[tokio::test]
async fn every_job_of_a_bulk_retry_is_retried_once_although_its_worker_dies() {
    const JOBS: u64 = 20_000;
    let stage = Stage::new().await;
    stage.discarded(JOBS).await;
    let proxy = stage.proxy().await;
    let first = stage
        .work_through(&proxy, Registry::new(), keeping(operating()))
        .await;
    let id = stage
        .start(Action::Retry, "state:discarded error:provider")
        .await;
    eventually("the operation is in its middle", || async {
        let done = stage.count(State::Available).await;
        (done > JOBS / 4).then_some(())
    })
    .await;
    proxy.black_hole();
    first.shutdown.drain.cancel();
    first.shutdown.now.cancel();

    // Whoever runs a job writes it down.
    let runs: Arc<Mutex<HashMap<u64, u64>>> = Arc::default();
    let seen = Arc::clone(&runs);
    let registry = play(move |job, _| {
        *seen.lock().unwrap().entry(job.number).or_default() += 1;
        async { Ok(Value::Null) }
    });
    let second = stage.work_with(
        registry,
        keeping(WorkerOptions {
            operations: true,
            ..options(100)
        }),
    );
    let tally = stage.tally(&id).await;
    assert!(tally.failed.is_empty(), "{tally:?}");
    in_the_long_run("all of them ran", || async {
        (stage.count(State::Completed).await == JOBS).then_some(())
    })
    .await;
    second.drain().await;
    assert!(runs.lock().unwrap().values().all(|runs| *runs == 1));
    assert_eq!(runs.lock().unwrap().len() as u64, JOBS);
    stage.fsck_is_clean().await;
}
