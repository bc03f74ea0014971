//! Hands finished jobs to the history: in batches, beside the hot path, each at least once.
//!
//! 1. `archive.lua` gives the jobs that are noted first, if this archiver has the queue's lock.
//! 2. They are written down; the history keeps one row an end, however often it is told.
//! 3. The next call says which the last one was, and the script forgets up to there, if the lock
//!    is still ours. Killed in between, the same jobs are written down again.
//!
//! While the history is away the notes wait in Redis, bounded; jobs neither wait nor fail.

use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, Value};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::backend::Held;
use crate::backoff::jittered;
use crate::envelope::Envelope;
use crate::history::{FinishedJob, History};
use crate::inspect::AttemptError;
use crate::keys::QueueKeys;
use crate::link::{Link, LinkError};
use crate::metrics::{HISTORY_LOST, HISTORY_WAITING};
use crate::record::RunRecord;
use crate::scripts::{ARCHIVE, MAX_BATCH};

/// How often a busy queue is looked after: how old the newest rows of the history are.
const BUSY_EVERY: Duration = Duration::from_secs(1);
/// How often an idle queue, or one that another archiver looks after.
const IDLE_EVERY: Duration = Duration::from_secs(15);
/// How often it is tried again while the history is away.
const AWAY_EVERY: Duration = Duration::from_secs(5);
/// How long the lock outlasts its owner's last word; longer than a batch may take.
const LOCK: Duration = Duration::from_secs(30);
/// How long one batch may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long jobs are noted although no archiver was heard of: a deployment, an outage.
const NOTED_FOR: Duration = Duration::from_hours(1);
/// Values of one job in the script's answer.
const VALUES: usize = 7;

/// The archiver of one queue in one process.
pub(crate) struct Archiver {
    pub(crate) link: Link,
    pub(crate) keys: QueueKeys,
    pub(crate) queue: String,
    /// The process' name, for the lock.
    pub(crate) me: String,
    pub(crate) history: Arc<dyn History>,
    pub(crate) held: Arc<Held>,
}

/// What was written down since the script was last called: the last job, and how many.
#[derive(Default)]
struct Written {
    last: String,
    count: usize,
}

/// What the script gave.
struct Batch {
    has_lock: bool,
    /// Jobs that are noted, the taken ones included.
    waiting: u64,
    /// Jobs that the history will never get.
    lost: u64,
    taken: usize,
    last: String,
    jobs: Vec<FinishedJob>,
}

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error(transparent)]
    Redis(#[from] LinkError),
    #[error("{0:#}")]
    History(anyhow::Error),
}

impl Archiver {
    /// Archives until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let (mut last, mut was_busy, mut begun) = (None::<Instant>, true, 0);
        let mut pause = Duration::ZERO;
        loop {
            tokio::select! {
                () = stop.cancelled() => return self.leave(&Written::default()).await,
                () = tokio::time::sleep(jittered(pause)) => {}
            }
            pause = BUSY_EVERY;
            // A burst may begin and end between two looks.
            let busy = self.held.len() > 0 || self.held.begun() != begun;
            begun = self.held.begun();
            let due = last.is_none_or(|last| last.elapsed() >= IDLE_EVERY);
            if busy || was_busy || due {
                last = Some(Instant::now());
                if let Err(error) = self.round(&stop).await {
                    tracing::warn!(queue = %self.queue, %error, "finished jobs wait for the history");
                    pause = AWAY_EVERY;
                }
            }
            was_busy = busy;
        }
    }

    /// Archives what there is.
    async fn round(&self, stop: &CancellationToken) -> Result<(), Interrupted> {
        let mut written = Written::default();
        loop {
            let batch = self.take(&written, MAX_BATCH).await?;
            metrics::gauge!(HISTORY_WAITING, "queue" => self.queue.clone())
                .set(batch.waiting as f64);
            if !batch.has_lock || batch.taken == 0 || stop.is_cancelled() {
                return Ok(());
            }
            if let Err(error) = self.record(&batch.jobs).await {
                // Another process may be able to.
                self.leave(&written).await;
                return Err(error);
            }
            metrics::counter!(HISTORY_LOST, "queue" => self.queue.clone()).increment(batch.lost);
            written = Written {
                last: batch.last,
                count: batch.taken,
            };
        }
    }

    /// Gives the lock back, if it is ours; if Redis does not hear of it, it runs out.
    async fn leave(&self, written: &Written) {
        if let Err(error) = self.take(written, 0).await {
            tracing::debug!(queue = %self.queue, %error, "the history's lock was not given back");
        }
    }

    async fn record(&self, jobs: &[FinishedJob]) -> Result<(), Interrupted> {
        match timeout(PATIENCE, self.history.record(jobs)).await {
            Ok(recorded) => recorded.map_err(Interrupted::History),
            Err(_) => Err(Interrupted::History(anyhow::anyhow!(
                "the history did not answer within {PATIENCE:?}"
            ))),
        }
    }

    /// Forgets what was written and takes the next, at most so many.
    async fn take(&self, written: &Written, most: usize) -> Result<Batch, LinkError> {
        let call = ARCHIVE
            .call(self.keys.base())
            .arg(&self.me)
            .arg(LOCK.as_millis() as u64)
            .arg(NOTED_FOR.as_secs())
            .arg(&written.last)
            .arg(written.count)
            .arg(most);
        let answer: Vec<Value> = self.link.call(call).await?;
        read_batch(answer, &self.queue)
    }
}

fn read_batch(answer: Vec<Value>, queue: &str) -> Result<Batch, LinkError> {
    let mut values = answer.into_iter();
    let has_lock: u8 = next(&mut values)?;
    let mut batch = Batch {
        has_lock: has_lock == 1,
        waiting: next(&mut values)?,
        lost: next(&mut values)?,
        taken: next(&mut values)?,
        last: next(&mut values)?,
        jobs: Vec::with_capacity(values.len() / VALUES),
    };
    while values.len() >= VALUES {
        match read_job(&mut values, queue)? {
            Some(job) => batch.jobs.push(job),
            None => batch.lost += 1,
        }
    }
    Ok(batch)
}

/// One job; `None` if its id or state is not one of ours.
fn read_job(
    values: &mut impl Iterator<Item = Value>,
    queue: &str,
) -> Result<Option<FinishedJob>, LinkError> {
    let (id, state): (String, String) = (next(values)?, next(values)?);
    let (since, envelope): (f64, Vec<u8>) = (next(values)?, next(values)?);
    let (record, error): (String, Vec<u8>) = (next(values)?, next(values)?);
    let result_bytes = next(values)?;
    let (Ok(id), Ok(state)) = (id.parse(), state.parse()) else {
        return Ok(None);
    };
    let envelope = Envelope::decode(&envelope).ok();
    let record = RunRecord::parse(&record).unwrap_or_default();
    let error: Option<AttemptError> = serde_json::from_slice(&error).ok();
    let of = |field: fn(&Envelope) -> u64| envelope.as_ref().map(field).unwrap_or_default();
    Ok(Some(FinishedJob {
        id,
        queue: queue.to_owned(),
        state,
        priority: of(|envelope| envelope.priority.get().into()) as u8,
        enqueued_at: of(|envelope| envelope.enqueued_at),
        attempts: record.attempt,
        started_at: record.started,
        finished_at: since as u64,
        worker: record.worker,
        reason: record.reason,
        error_kind: error.as_ref().map(|e| e.kind.clone()).unwrap_or_default(),
        error_message: error.map(|e| e.message).unwrap_or_default(),
        result_bytes,
        kind: envelope
            .as_ref()
            .map(|e| e.kind.clone())
            .unwrap_or_default(),
        tags: envelope.map(|e| e.tags).unwrap_or_default(),
    }))
}

fn next<T: FromRedisValue>(values: &mut impl Iterator<Item = Value>) -> Result<T, LinkError> {
    let value = values.next().ok_or_else(|| malformed(&"too few values"))?;
    T::from_redis_value(value).map_err(|error| malformed(&error))
}

fn malformed(why: &dyn std::fmt::Display) -> LinkError {
    LinkError::Malformed(format!("answer to an archiver: {why}"))
}
