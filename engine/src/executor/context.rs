//! What a handler may know and do while it runs: [`JobContext`].
//!
//! The context is shared with the beat thread, which cancels the token when the lease is lost
//! or a cancellation is asked for, and which writes the progress. A handler therefore never
//! waits for Redis: reporting progress stores a value and returns.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::batch::Batch;
use crate::client::Producer;
use crate::effects::EffectLedger;
use crate::executor::error::JobError;
use crate::executor::gated::Gated;
use crate::executor::reports::{Progress, Report, Unwritten};
use crate::gates::Gates;
use crate::id::JobId;
use crate::inspect::LogLine;

/// Why a job's token was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum StopReason {
    /// The soft timeout passed.
    Timeout = 1,
    /// Somebody asked for the cancellation.
    Requested = 2,
    /// Another worker owns the job now.
    LeaseLost = 3,
    /// This worker shuts down and its grace is over.
    Shutdown = 4,
}

#[derive(Debug)]
struct Running {
    id: JobId,
    kind: Arc<str>,
    queue: Arc<str>,
    attempt: u32,
    max_attempts: u32,
    fence: u64,
    token: CancellationToken,
    /// A [`StopReason`], 0 while there is none; the first one stands.
    stop: AtomicU8,
    dry_run: bool,
    /// What an earlier attempt left, as JSON; empty for nothing.
    start: String,
    /// Limits and breakers.
    gated: Gated,
    /// Where effects are kept; `None` if the worker was given no ledger.
    effects: Option<Arc<dyn EffectLedger>>,
    /// The batch it is a member of.
    batch: Option<Batch>,
    /// Where jobs are put; `None` in a context that was built by hand.
    producer: Option<Arc<dyn Producer>>,
    /// Its start by Redis' clock, in ms since 1970, and by this process'.
    started: (u64, Instant),
    /// The latest reports that are not written yet.
    unwritten: Mutex<Unwritten>,
}

/// The handler's view of the attempt it runs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct JobContext(Arc<Running>);

impl JobContext {
    /// The context of one attempt. Handlers receive it; tests of handlers build it.
    pub fn new(
        id: JobId,
        kind: &str,
        queue: impl Into<Arc<str>>,
        attempt: u32,
        max_attempts: u32,
    ) -> Self {
        Self(Arc::new(Running {
            id,
            kind: kind.into(),
            queue: queue.into(),
            attempt,
            max_attempts,
            fence: 0,
            token: CancellationToken::new(),
            stop: AtomicU8::new(0),
            dry_run: false,
            start: String::new(),
            gated: Gated::default(),
            effects: None,
            batch: None,
            producer: None,
            started: (0, Instant::now()),
            unwritten: Mutex::default(),
        }))
    }

    /// The same context with what its claim brought.
    #[must_use]
    pub(crate) fn claimed(
        mut self,
        fence: u64,
        start: String,
        dry_run: bool,
        gates: &Arc<Gates>,
    ) -> Self {
        if let Some(running) = Arc::get_mut(&mut self.0) {
            running.gated = Gated::by(gates);
            running.fence = fence;
            running.start = start;
            running.dry_run = dry_run;
        }
        self
    }

    /// The same context knowing when its attempt was claimed.
    #[must_use]
    pub(crate) fn started(mut self, at: u64, here: Instant) -> Self {
        if let Some(running) = Arc::get_mut(&mut self.0) {
            running.started = (at, here);
        }
        self
    }

    /// The same context with a ledger of effects; for tests of handlers, and for claims.
    #[must_use]
    pub fn with_effects(mut self, ledger: Arc<dyn EffectLedger>) -> Self {
        if let Some(running) = Arc::get_mut(&mut self.0) {
            running.effects = Some(ledger);
        }
        self
    }

    /// The same context as a member of a batch.
    #[must_use]
    pub(crate) fn in_batch(mut self, batch: Batch) -> Self {
        if let Some(running) = Arc::get_mut(&mut self.0) {
            running.batch = Some(batch);
        }
        self
    }

    /// The batch this job is a member of. While the job runs it may add members, also to a sealed
    /// batch; give them ids of your own, so that a second attempt adds the same ones.
    pub fn batch(&self) -> Option<&Batch> {
        self.0.batch.as_ref()
    }

    /// The ledger of effects, if there is one.
    pub(crate) fn effects(&self) -> Option<&Arc<dyn EffectLedger>> {
        self.0.effects.as_ref()
    }

    /// The same context with a place to put jobs; for tests of handlers, and for claims.
    #[must_use]
    pub fn with_producer(mut self, producer: Arc<dyn Producer>) -> Self {
        if let Some(running) = Arc::get_mut(&mut self.0) {
            running.producer = Some(producer);
        }
        self
    }

    /// Where jobs are put, if there is a place.
    pub(crate) fn producer(&self) -> Option<&Arc<dyn Producer>> {
        self.0.producer.as_ref()
    }

    /// The same context asking for everything but the effect; for tests of handlers.
    #[must_use]
    pub fn in_dry_run(mut self) -> Self {
        if let Some(running) = Arc::get_mut(&mut self.0) {
            running.dry_run = true;
        }
        self
    }

    /// The same context starting from a checkpoint; for tests of handlers.
    #[must_use]
    pub fn starting_from<T: Serialize>(mut self, checkpoint: &T) -> Self {
        if let Some(running) = Arc::get_mut(&mut self.0) {
            running.start = serde_json::to_string(checkpoint).unwrap_or_default();
        }
        self
    }

    /// The fence of this attempt: later attempts have larger ones. Whoever writes to a place
    /// that remembers the largest fence it saw can refuse an attempt that lost its lease.
    pub fn fence(&self) -> u64 {
        self.0.fence
    }

    /// The job's id.
    pub fn id(&self) -> &JobId {
        &self.0.id
    }

    /// The job's kind.
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The queue it was claimed from.
    pub fn queue(&self) -> &str {
        &self.0.queue
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// How many attempts the job has in all.
    pub fn max_attempts(&self) -> u32 {
        self.0.max_attempts
    }

    /// Cancelled when the handler should stop: timeout, request, lost lease or shutdown.
    pub fn token(&self) -> &CancellationToken {
        &self.0.token
    }

    /// Whether the handler should stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.token.is_cancelled()
    }

    /// `Err(JobError::Cancelled)` once the handler should stop; for `?` between two steps.
    pub fn check(&self) -> Result<(), JobError> {
        if self.is_cancelled() {
            Err(JobError::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Sleeps for `duration`, or ends early with [`JobError::Cancelled`].
    pub async fn sleep(&self, duration: Duration) -> Result<(), JobError> {
        tokio::select! {
            () = self.0.token.cancelled() => Err(JobError::Cancelled),
            () = tokio::time::sleep(duration) => Ok(()),
        }
    }

    /// Whether to do everything but the effect.
    pub fn is_dry_run(&self) -> bool {
        self.0.dry_run
    }

    /// Where an earlier attempt got to, if it left a checkpoint of this type.
    pub fn checkpoint<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.0.start).ok()
    }

    /// Leaves a small value for a later attempt to start from, at most 16 KB of JSON. Never
    /// waits: it is written twice a second and with the end of the attempt, so a killed worker's
    /// successor may start a little earlier than the last one.
    pub fn set_checkpoint<T: Serialize>(&self, value: &T) -> Result<(), JobError> {
        self.unwritten().set_checkpoint(value)
    }

    /// Reports how far the job is. Never waits; the newest report is written twice a second.
    pub fn progress(&self, done: u64, total: Option<u64>, text: &str) {
        self.unwritten().progress = Some(Progress::new(done, total, text));
    }

    /// Takes the progress that was not written yet.
    pub fn take_progress(&self) -> Option<Progress> {
        self.unwritten().progress.take()
    }

    /// Takes everything that was not written yet.
    pub(crate) fn take_reports(&self) -> impl Iterator<Item = Report> + use<> {
        self.unwritten().take()
    }

    /// Takes back a report that could not be written.
    pub(crate) fn put_back(&self, report: &Report) {
        self.unwritten().put_back(report);
    }

    /// Keeps a line of the handler's log.
    pub(crate) fn log(&self, level: &str, text: String) {
        let line = LogLine {
            attempt: self.0.attempt,
            at: self.0.started.0 + self.0.started.1.elapsed().as_millis() as u64,
            level: level.to_owned(),
            text,
        };
        self.unwritten().log.push(line.to_string());
    }

    /// Asks the handler to stop. The first reason stands.
    pub fn stop(&self, reason: StopReason) {
        let first =
            self.0
                .stop
                .compare_exchange(0, reason as u8, Ordering::AcqRel, Ordering::Acquire);
        if first.is_ok() {
            self.0.token.cancel();
        }
    }

    /// Why the handler was asked to stop, if it was.
    pub fn stop_reason(&self) -> Option<StopReason> {
        match self.0.stop.load(Ordering::Acquire) {
            1 => Some(StopReason::Timeout),
            2 => Some(StopReason::Requested),
            3 => Some(StopReason::LeaseLost),
            4 => Some(StopReason::Shutdown),
            _ => None,
        }
    }

    pub(super) fn gated(&self) -> &Gated {
        &self.0.gated
    }

    fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        // Whole values only are stored, so a poisoned lock guards nothing torn.
        self.0
            .unwritten
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> JobContext {
        JobContext::new(JobId::generate(), "debug.echo", "debug", 1, 3)
    }

    #[test]
    fn the_first_stop_reason_stands() {
        let cx = context();
        cx.stop(StopReason::Timeout);
        cx.stop(StopReason::Shutdown);
        assert_eq!(cx.stop_reason(), Some(StopReason::Timeout));
        assert!(cx.is_cancelled());
    }

    #[test]
    fn only_the_newest_progress_is_kept() {
        let cx = context();
        cx.progress(1, Some(3), "one");
        cx.progress(2, Some(3), "two");
        assert_eq!(cx.take_progress().map(|p| p.done), Some(2));
        assert_eq!(cx.take_progress(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleeping_handler_wakes_when_it_is_cancelled() {
        let cx = context();
        let (slept, ()) = tokio::join!(cx.sleep(Duration::from_secs(3600)), async {
            cx.stop(StopReason::Requested);
        });
        assert!(matches!(slept, Err(JobError::Cancelled)));
    }
}
