//! What is remembered of schedules between runs of the process: a port that the caller fills.
//!
//! Redis may lose a moment and forgets finished jobs; what was decided must outlive both. A state is
//! written after its jobs were stored, so a crash in between decides the same again, under the same
//! job ids.

use std::fmt;

use futures_util::future::BoxFuture;

use super::entry::Overrides;
use crate::id::JobId;
use crate::payloads::StoreFailure;

/// What is known of a schedule. Instants are ms since 1970, 0 for never.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stored {
    /// The schedule.
    pub name: String,
    /// [`super::Entry::fingerprint`] of what was decided; empty if nothing was yet.
    pub timing: String,
    /// Up to when occurrences were decided about.
    pub considered: u64,
    /// The latest occurrence that was fired.
    pub last_occurrence: u64,
    /// When that was.
    pub last_fired: u64,
    /// Its job.
    pub last_job: Option<JobId>,
    /// When a job of it last completed.
    pub last_success: u64,
    /// Occurrences that were not fired in time, ever.
    pub missed: u64,
    /// What was changed by hand.
    pub overrides: Overrides,
}

/// An occurrence that was fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// In ms since 1970.
    pub occurrence: u64,
    /// When it was.
    pub at: u64,
    /// Its job.
    pub job: JobId,
}

/// What is to be written down about a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mark {
    /// The schedule.
    pub name: String,
    /// As in [`Stored`].
    pub timing: String,
    /// As in [`Stored`].
    pub considered: u64,
    /// The latest of the occurrences that were fired.
    pub fired: Option<Fired>,
    /// Occurrences to add to those that were missed.
    pub missed: u64,
    /// When a job of it completed.
    pub success: Option<u64>,
}

impl Mark {
    /// Takes in a later mark of the same schedule.
    pub(super) fn absorb(&mut self, later: Self) {
        self.timing = later.timing;
        self.considered = later.considered;
        self.missed += later.missed;
        self.fired = later.fired.or(self.fired.take());
        self.success = later.success.max(self.success);
    }
}

/// Keeps the states of schedules, and what people changed about them. Every method answers within a
/// few seconds or fails.
pub trait ScheduleStore: Send + Sync + fmt::Debug {
    /// Everything that is known.
    fn load(&self) -> BoxFuture<'_, Result<Vec<Stored>, StoreFailure>>;

    /// Writes marks down, all or none, and answers whether it did: not if a leader with a higher fence
    /// has written to one of them. Leaves the overrides alone.
    fn write<'a>(
        &'a self,
        fence: u64,
        marks: &'a [Mark],
    ) -> BoxFuture<'a, Result<bool, StoreFailure>>;
}
