//! Changing all jobs that a filter means: retry, cancel or discard them, in the background.
//!
//! An operation is a job like any other, of kind `rouage.apply_operation` in the queue
//! `operations`, which workers with [`WorkerOptions::operations`] serve with one slot. So it has
//! progress, can be cancelled, goes on from its checkpoint when its worker dies, and stays in the
//! lists as its own record. The time until it starts is the window in which it can be undone by
//! cancelling it.
//!
//! It changes the jobs that were there when it was asked for, each with the same script as a
//! change by hand, and only while the job is still in the state in which it was found. What a
//! worker does to a job meanwhile wins.
//!
//! [`WorkerOptions::operations`]: crate::WorkerOptions::operations

#[cfg(feature = "worker")]
mod apply;
#[cfg(feature = "worker")]
mod change;
mod start;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

#[cfg(feature = "worker")]
pub(crate) use self::apply::serve;
pub use self::start::Preview;
use crate::job::Job;
use crate::policy::{RetryPolicy, Timeout};
use crate::state::State;

/// What is done to each job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Line it up to run now, with all its attempts anew if it was over or held.
    Retry,
    /// Cancel it if it waits or is held, ask it to stop if it runs.
    Cancel,
    /// Discard it if it waits or is held.
    Discard,
}

impl Action {
    /// The word for it in commands, tags and texts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Cancel => "cancel",
            Self::Discard => "discard",
        }
    }

    /// The states of jobs that it leaves as they are.
    const fn spares(self) -> &'static [State] {
        match self {
            Self::Retry => &[State::Available, State::Running, State::Completed],
            Self::Cancel => &[State::Completed, State::Cancelled, State::Discarded],
            Self::Discard => &[
                State::Running,
                State::Completed,
                State::Cancelled,
                State::Discarded,
            ],
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The payload of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// What is done to each job.
    pub action: Action,
    /// Which jobs, as a filter whose times are fixed.
    pub filter: String,
    /// Who asked for it.
    pub by: String,
    /// When, in ms since 1970 by Redis' clock: jobs that changed later are left alone.
    pub at: u64,
}

/// What an operation has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Jobs that were changed. After the death of a worker the last half second may be missing.
    pub done: u64,
    /// Jobs that were left as they are, by why.
    pub skipped: BTreeMap<String, u64>,
    /// Jobs that should have been changed and could not be, by why.
    pub failed: BTreeMap<String, u64>,
}

impl Tally {
    /// How many jobs it met.
    pub fn met(&self) -> u64 {
        self.done + self.skipped.values().sum::<u64>() + self.failed.values().sum::<u64>()
    }
}

impl Job for Operation {
    type Output = Tally;
    const KIND: &'static str = "rouage.apply_operation";
    const QUEUE: &'static str = "operations";
    /// It goes on where it stopped, so trying again costs nothing; an hour of Redis being away is
    /// outlasted.
    const RETRY: RetryPolicy =
        RetryPolicy::attempts(100).delays(Duration::from_secs(1), Duration::from_mins(1));
    /// Millions of jobs at the pace of `apply` take minutes.
    const TIMEOUT: Timeout = Timeout::after(Duration::from_hours(6));
}
