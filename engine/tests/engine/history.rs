//! The history of finished jobs, with one in memory that can be away.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rouage::history::{FinishedJob, History};
use rouage::{Job, JobError, JobId, Kept, Retention, State, WorkerOptions};
use serde_json::{Value, json};

use crate::stage::{Act, Running, Stage, act, eventually, numbered, options, play};

/// What was recorded: by id and end, and how often.
#[derive(Debug, Default)]
struct Book {
    rows: Mutex<BTreeMap<(JobId, u64), (FinishedJob, u32)>>,
    away: AtomicBool,
}

impl History for Book {
    fn record<'a>(&'a self, jobs: &'a [FinishedJob]) -> BoxFuture<'a, anyhow::Result<()>> {
        async move {
            anyhow::ensure!(!self.away.load(Ordering::SeqCst), "away");
            let mut rows = self.rows.lock().unwrap();
            for job in jobs {
                let key = (job.id.clone(), job.finished_at);
                let row = rows.entry(key).or_insert_with(|| (job.clone(), 0));
                row.1 += 1;
            }
            Ok(())
        }
        .boxed()
    }
}

impl Book {
    fn len(&self) -> usize {
        self.rows.lock().unwrap().len()
    }

    async fn reaches(&self, rows: usize) {
        eventually(&format!("{rows} jobs are in the history"), || async {
            (self.len() == rows).then_some(())
        })
        .await;
    }

    fn of(&self, id: &JobId) -> FinishedJob {
        let rows = self.rows.lock().unwrap();
        let row = rows.iter().find(|((known, _), _)| known == id);
        row.unwrap().1.0.clone()
    }
}

/// A worker with a history whose jobs do as their part says.
fn worker(stage: &Stage, book: &Arc<Book>, options: WorkerOptions) -> Running {
    let registry = play(|job, _| async move {
        match job.part.as_str() {
            "bad" => Err(JobError::discard("no such user")),
            part => Ok(json!(part)),
        }
    });
    let worker = rouage::Worker::new(stage.client.clone(), registry, options).unwrap();
    Running::start(worker.with_history(book.clone()))
}

async fn unarchived(stage: &Stage) -> u64 {
    stage.redis(&["LLEN", "test:{test}:unarchived"]).await
}

/// Waits until the archiver has asked for notes.
async fn notes_are_taken(stage: &Stage) {
    eventually("somebody keeps a history", || async {
        let there: u64 = stage.redis(&["EXISTS", "test:{test}:archive"]).await;
        (there == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_end_is_told_with_what_a_search_asks_for() {
    let stage = Stage::new().await;
    let book = Arc::new(Book::default());
    let worker = worker(&stage, &book, options(4));
    notes_are_taken(&stage).await;
    let good = stage.client.enqueue(&act("good")).tag("team:3");
    let good = good.await.unwrap();
    let bad = stage.client.enqueue(&act("bad")).await.unwrap();
    let never = stage
        .client
        .enqueue(&act("never"))
        .delay(Duration::from_secs(3600));
    let never = never.await.unwrap();
    stage.client.cancel(Act::QUEUE, &never).await.unwrap();
    book.reaches(3).await;

    let view = stage.job(&good).await;
    let row = book.of(&good);
    assert_eq!(
        (
            row.state,
            row.kind.as_str(),
            row.queue.as_str(),
            row.attempts
        ),
        (State::Completed, Act::KIND, Act::QUEUE, 1)
    );
    assert_eq!((row.tags, row.result_bytes), (vec!["team:3".to_owned()], 6));
    assert_eq!(
        (row.finished_at, row.enqueued_at),
        (view.since, view.enqueued_at)
    );
    assert_eq!((row.started_at, row.worker), (view.started, view.worker));

    let row = book.of(&bad);
    assert_eq!(
        (row.state, row.error_kind.as_str()),
        (State::Discarded, "error")
    );
    assert_eq!(row.error_message, "no such user");
    let row = book.of(&never);
    assert_eq!(
        (row.state, row.attempts, row.started_at),
        (State::Cancelled, 0, 0)
    );
    eventually("nothing is noted any more", || async {
        (unarchived(&stage).await == 0).then_some(())
    })
    .await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_history_that_is_away_delays_nothing_and_misses_nothing() {
    let stage = Stage::new().await;
    let book = Arc::new(Book::default());
    book.away.store(true, Ordering::SeqCst);
    // Redis keeps ten; what the history has not got yet stays beside them.
    let kept = Kept {
        age: Duration::from_secs(3600),
        count: 10,
    };
    let options = WorkerOptions {
        retention: Retention {
            completed: kept,
            ..Retention::default()
        },
        ..options(50)
    };
    let worker = worker(&stage, &book, options);
    notes_are_taken(&stage).await;
    stage.client.enqueue_many(&numbered(0..2000)).await.unwrap();
    eventually("all jobs complete", || async {
        (stage.completed().await == 2000).then_some(())
    })
    .await;
    assert_eq!((book.len(), unarchived(&stage).await), (0, 2000));
    book.away.store(false, Ordering::SeqCst);
    book.reaches(2000).await;
    stage.counts(State::Completed, 10).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn several_archivers_write_every_job_once() {
    let stage = Stage::new().await;
    let book = Arc::new(Book::default());
    let workers: Vec<Running> = (0..3).map(|_| worker(&stage, &book, options(20))).collect();
    notes_are_taken(&stage).await;
    stage.client.enqueue_many(&numbered(0..3000)).await.unwrap();
    book.reaches(3000).await;
    for worker in workers {
        worker.drain().await;
    }
    let rows = book.rows.lock().unwrap();
    assert!(rows.values().all(|(_, times)| *times == 1));
}

#[tokio::test]
async fn an_archiver_that_lost_its_lock_forgets_nothing() {
    let stage = Stage::new().await;
    let book = Arc::new(Book::default());
    book.away.store(true, Ordering::SeqCst);
    let worker = worker(&stage, &book, options(4));
    notes_are_taken(&stage).await;
    let id = stage.client.enqueue(&act("good")).await.unwrap();
    stage.reaches(&id, State::Completed).await;
    let () = stage
        .redis(&["SET", "test:{test}:archiver", "another", "PX", "700"])
        .await;
    book.away.store(false, Ordering::SeqCst);
    // It was not written down while another one had the lock, and is still noted when that is over.
    book.reaches(1).await;
    worker.drain().await;
}

#[tokio::test]
async fn a_job_that_is_run_again_ends_twice_in_the_history() {
    let stage = Stage::new().await;
    let book = Arc::new(Book::default());
    let worker = worker(&stage, &book, options(4));
    notes_are_taken(&stage).await;
    let id = stage.client.enqueue(&act("bad")).await.unwrap();
    book.reaches(1).await;
    stage.client.retry(Act::QUEUE, &id).await.unwrap();
    book.reaches(2).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn without_a_history_nothing_is_noted() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    let id = stage.client.enqueue(&act("good")).await.unwrap();
    stage.reaches(&id, State::Completed).await;
    assert_eq!(unarchived(&stage).await, 0);
    worker.drain().await;
}

/// Calls the archiver's script; what it took.
async fn take(stage: &Stage, me: &str, last: &str, written: &str) -> Vec<redis::Value> {
    let mut words = vec!["EVAL", script!("archive"), "1", "test:{test}"];
    words.extend([me, "60000", "60", last, written, "2"]);
    stage.redis(&words).await
}

async fn noted(stage: &Stage) -> Vec<String> {
    stage
        .redis(&["LRANGE", "test:{test}:unarchived", "0", "-1"])
        .await
}

#[tokio::test]
async fn only_what_was_written_leaves_the_list_and_only_for_the_owner_of_the_lock() {
    let stage = Stage::new().await;
    let () = stage
        .redis(&["RPUSH", "test:{test}:unarchived", "a", "b", "c", "d"])
        .await;
    take(&stage, "me", "", "0").await;
    let refused = take(&stage, "another", "b", "2").await;
    assert_eq!(refused[0], redis::Value::Int(0));
    assert_eq!(noted(&stage).await, ["a", "b", "c", "d"]);
    // The list was full meanwhile and lost its head: what follows was not written yet.
    let () = stage
        .redis(&["LTRIM", "test:{test}:unarchived", "1", "-1"])
        .await;
    take(&stage, "me", "b", "2").await;
    assert_eq!(noted(&stage).await, ["c", "d"]);
    let () = stage
        .redis(&["LTRIM", "test:{test}:unarchived", "2", "-1"])
        .await;
    let () = stage
        .redis(&["RPUSH", "test:{test}:unarchived", "e", "f"])
        .await;
    take(&stage, "me", "d", "2").await;
    assert_eq!(noted(&stage).await, ["e", "f"]);
    // Whose lock ran out does not know what others did.
    let () = stage.redis(&["DEL", "test:{test}:archiver"]).await;
    take(&stage, "me", "e", "1").await;
    assert_eq!(noted(&stage).await, ["e", "f"]);
}

#[tokio::test]
async fn what_the_list_cannot_hold_is_counted_as_lost() {
    let stage = Stage::new().await;
    let () = stage
        .redis(&["HSET", "test:{test}:count", "unrecorded", "7"])
        .await;
    let () = stage
        .redis(&["RPUSH", "test:{test}:unarchived", "gone"])
        .await;
    let first = take(&stage, "me", "", "0").await;
    // Seven that were pushed out, and one that is noted and not stored.
    assert_eq!(first[2], redis::Value::Int(8));
    let again = take(&stage, "me", "gone", "1").await;
    assert_eq!(again[2], redis::Value::Int(0));
}

#[tokio::test]
async fn an_archiver_that_cannot_write_lets_another_one_try() {
    let stage = Stage::new().await;
    let (cut_off, book) = (Arc::new(Book::default()), Arc::new(Book::default()));
    cut_off.away.store(true, Ordering::SeqCst);
    let one = worker(&stage, &cut_off, options(4));
    notes_are_taken(&stage).await;
    let id = stage.client.enqueue(&act("good")).await.unwrap();
    stage.reaches(&id, State::Completed).await;
    let other = worker(&stage, &book, options(4));
    book.reaches(1).await;
    one.drain().await;
    other.drain().await;
}
