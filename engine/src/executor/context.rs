//! What a handler may know and do while it runs: [`JobContext`].
//!
//! The context is shared with the beat thread, which cancels the token when the lease is lost
//! or a cancellation is asked for, and which writes the progress. A handler therefore never
//! waits for Redis: reporting progress stores a value and returns.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::executor::error::JobError;
use crate::id::JobId;

/// Longest progress text kept, in characters.
const MAX_PROGRESS_TEXT: usize = 200;

/// How far a job is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Units done so far.
    pub done: u64,
    /// Units in all, if that is known.
    pub total: Option<u64>,
    /// What is being done, for a person; never personal data.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

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
    /// The latest report that is not written yet.
    progress: Mutex<Option<Progress>>,
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
            progress: Mutex::new(None),
        }))
    }

    /// The same context under the fence of its claim.
    #[must_use]
    pub(crate) fn under(mut self, fence: u64) -> Self {
        if let Some(running) = Arc::get_mut(&mut self.0) {
            running.fence = fence;
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

    /// Reports how far the job is. Never waits; the newest report is written twice a second.
    pub fn progress(&self, done: u64, total: Option<u64>, text: &str) {
        let text = text.chars().take(MAX_PROGRESS_TEXT).collect();
        *self.slot() = Some(Progress { done, total, text });
    }

    /// Takes the report that was not written yet.
    pub fn take_progress(&self) -> Option<Progress> {
        self.slot().take()
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

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Progress>> {
        // A poisoned slot holds a whole value: the lock is never held across a panic point.
        self.0
            .progress
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
