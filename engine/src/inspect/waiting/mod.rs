//! Why a job waits, as one sentence: for every state, and for everything that can be in its way.
//!
//! [`waiting`] is a pure function over [`Facts`]. It names the first thing that would have to
//! change, with who did it and since when, and what a person has to decide where one has to.
//! The sentence has no subject (it is the job), no full stop, and no command: programs add what
//! their users can do by its [`Cause`]. Times are told as distances; [`Waiting::until`] is exact.

mod blockers;
mod facts;
mod states;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;

use serde::Serialize;

pub use self::facts::{ClosedUntil, Facts, GroupFacts, QueueFacts, RunFacts};
use crate::state::State;

/// Why a job does not run at this moment, or what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// For people: lower case, without its subject.
    pub sentence: String,
    /// For programs.
    pub code: Cause,
    /// When that changes by itself, in ms since 1970, if it does and the moment is known.
    pub until: Option<u64>,
}

/// What a job waits for, or what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Its time has not come.
    Scheduled,
    /// It asked to run again later.
    Snoozed,
    /// It failed and is tried again.
    Retrying,
    /// A rate limit has no permit.
    RateLimit,
    /// A circuit breaker is open.
    Breaker,
    /// Its queue is paused.
    QueuePaused,
    /// Its kind is paused.
    KindPaused,
    /// No worker serves its queue.
    NoWorker,
    /// Workers serve its queue, and none of them claims.
    WorkersIdle,
    /// As many of its group run as may.
    GroupFull,
    /// Every slot is taken.
    SlotsBusy,
    /// Nothing: it is about to be claimed.
    Turn,
    /// Its time to start is over, or will be before it is due.
    Expired,
    /// It runs.
    Running,
    /// It runs and was asked to stop.
    Stopping,
    /// It runs longer than its timeout.
    Overdue,
    /// Its worker is gone; its lease decides when it runs again.
    WorkerLost,
    /// Held: no worker knows its kind.
    UnknownKind,
    /// Held: its envelope or payload cannot be read.
    Undecodable,
    /// Held: its workers died under it.
    CrashLoop,
    /// Held: nobody knows whether an effect happened.
    EffectUnknown,
    /// Held for another reason.
    Held,
    /// It is over: completed.
    Completed,
    /// It is over: cancelled.
    Cancelled,
    /// It is over: failed for good.
    Discarded,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl Waiting {
    fn new(code: Cause, until: Option<u64>, sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
            code,
            until,
        }
    }

    /// The same with other words around the sentence.
    fn said(self, say: impl FnOnce(&str) -> String) -> Self {
        Self {
            sentence: say(&self.sentence),
            ..self
        }
    }
}

/// The sentence for these facts.
pub fn waiting(facts: &Facts) -> Waiting {
    match facts.state {
        State::Scheduled => states::scheduled(facts),
        State::Retrying => states::retrying(facts),
        State::Available => states::available(facts),
        State::Running => states::running(facts),
        State::Held => states::held(facts),
        State::Completed | State::Cancelled | State::Discarded => states::over(facts),
    }
}
