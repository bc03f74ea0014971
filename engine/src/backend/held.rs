//! The attempts that run in this process, by lease.
//!
//! Shared by the fetch loop (adds), the executor (removes), the beat thread (extends, cancels)
//! and the shutdown (cancels, hands back). Removing an attempt frees its slot.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::executor::{JobContext, Report, StopReason};

/// One running attempt.
pub(crate) struct HeldAttempt {
    pub(crate) cx: JobContext,
    /// When its handler must be over; from then on its lease is no longer extended.
    pub(crate) overdue: Instant,
    /// Whether the next death of its worker would hold it.
    pub(crate) suspect: bool,
    /// Given back when the attempt is removed.
    pub(crate) _slot: OwnedSemaphorePermit,
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
        if let Some(attempt) = self.lock().get(lease) {
            attempt.cx.stop(reason);
        }
    }

    /// Asks the attempt of a job to stop.
    pub(crate) fn stop_job(&self, id: &str, reason: StopReason) {
        for (lease, attempt) in &*self.lock() {
            if lease.split_once(':').is_some_and(|(_, of)| of == id) {
                attempt.cx.stop(reason);
            }
        }
    }

    /// Asks every attempt to stop.
    pub(crate) fn stop_all(&self, reason: StopReason) {
        for attempt in self.lock().values() {
            attempt.cx.stop(reason);
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

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, HeldAttempt>> {
        // Whole entries only are added and removed, so a poisoned map is still a map.
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
