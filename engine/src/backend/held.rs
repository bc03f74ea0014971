//! The attempts that run in this process, by lease.
//!
//! Shared by the fetch loop (adds), the executor (removes), the beat thread (extends, cancels)
//! and the shutdown (cancels, hands back). Removing an attempt frees its slot.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::backend::slots::Taken;
use crate::executor::{Execution, JobContext, Report, StopReason};
use crate::inspect::RunningJob;

/// A handler that neither ends nor can be dropped this long after it had to is left to the sweep.
const OVERDUE_AFTER: Duration = Duration::from_secs(5);

/// One running attempt.
pub(crate) struct HeldAttempt {
    cx: JobContext,
    /// Start by Redis' clock, ms since 1970.
    since: u64,
    /// How long its handler has once it was asked to stop.
    tidy: Duration,
    /// When its handler must be over; from then on its lease is no longer extended.
    overdue: Instant,
    /// Whether the next death of its worker would hold it.
    suspect: bool,
    /// Given back when the attempt is removed.
    _slot: Taken,
}

impl HeldAttempt {
    pub(crate) fn new(execution: &Execution, slot: Taken) -> Self {
        let timeout = execution.timeout();
        Self {
            cx: execution.cx().clone(),
            since: execution.claim().record.started,
            tidy: timeout.hard.saturating_sub(timeout.soft),
            overdue: Instant::now() + timeout.hard + OVERDUE_AFTER,
            suspect: execution.claim().is_suspect(),
            _slot: slot,
        }
    }

    /// Asks the handler to stop. One that was cancelled and blocks its thread cannot be dropped:
    /// its lease ends after the same time to tidy up, and the sweep cancels the job.
    fn stop(&mut self, reason: StopReason) {
        self.cx.stop(reason);
        if reason == StopReason::Requested {
            let end = Instant::now() + self.tidy + OVERDUE_AFTER;
            self.overdue = self.overdue.min(end);
        }
    }
}

/// The running attempts of one queue, by `fence:id`.
#[derive(Default)]
pub(crate) struct Held {
    attempts: Mutex<HashMap<Arc<str>, HeldAttempt>>,
    /// Attempts that ever ran here.
    begun: AtomicU64,
}

impl Held {
    pub(crate) fn insert(&self, lease: Arc<str>, attempt: HeldAttempt) {
        self.lock().insert(lease, attempt);
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// How many attempts ever ran here.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Ends an attempt here and frees its slot; `false` if it was ended already.
    pub(crate) fn remove(&self, lease: &str) -> bool {
        self.lock().remove(lease).is_some()
    }

    pub(crate) fn has_suspect(&self) -> bool {
        self.lock().values().any(|attempt| attempt.suspect)
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// What has run here for longest, `most` at most.
    pub(crate) fn oldest(&self, most: usize) -> Vec<RunningJob> {
        let attempts = self.lock();
        let mut oldest: Vec<&HeldAttempt> = attempts.values().collect();
        oldest.sort_unstable_by_key(|attempt| attempt.since);
        let jobs = oldest.into_iter().take(most).map(|attempt| RunningJob {
            id: attempt.cx.id().clone(),
            kind: attempt.cx.kind().to_owned(),
            queue: attempt.cx.queue().to_owned(),
            since: attempt.since,
        });
        jobs.collect()
    }

    /// The leases to extend: all but those of handlers that are overdue, which are left to
    /// expire so that another worker takes over from a wedged one.
    pub(crate) fn leases(&self, now: Instant) -> Vec<Arc<str>> {
        let attempts = self.lock();
        attempts
            .iter()
            .filter(|(_, attempt)| attempt.overdue > now)
            .map(|(lease, _)| lease.clone())
            .collect()
    }

    /// Asks one attempt to stop.
    pub(crate) fn stop(&self, lease: &str, reason: StopReason) {
        if let Some(attempt) = self.lock().get_mut(lease) {
            attempt.stop(reason);
        }
    }

    /// Asks the attempt of a job to stop.
    pub(crate) fn stop_job(&self, id: &str, reason: StopReason) {
        for (lease, attempt) in &mut *self.lock() {
            if lease.split_once(':').is_some_and(|(_, of)| of == id) {
                attempt.stop(reason);
            }
        }
    }

    /// Asks every attempt to stop.
    pub(crate) fn stop_all(&self, reason: StopReason) {
        for attempt in self.lock().values_mut() {
            attempt.stop(reason);
        }
    }

    /// Takes what all attempts reported and was not written yet.
    pub(crate) fn take_reports(&self) -> Vec<(Arc<str>, Report)> {
        let attempts = self.lock();
        let reports = attempts.iter().flat_map(|(lease, attempt)| {
            let lease = Arc::clone(lease);
            attempt
                .cx
                .take_reports()
                .map(move |report| (Arc::clone(&lease), report))
        });
        reports.collect()
    }

    /// Gives a report back to its attempt, if that still runs; its end takes it along.
    pub(crate) fn put_back(&self, lease: &str, report: &Report) {
        if let Some(attempt) = self.lock().get(lease) {
            attempt.cx.put_back(report);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, HeldAttempt>> {
        // Whole entries only are added and removed, so a poisoned map is still a map.
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
