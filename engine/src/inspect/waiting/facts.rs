//! What decides the sentence: plain facts of one moment, from wherever they come.
//!
//! Everything is a value with an obvious "there is none", so that whoever collects the facts
//! fills in what it knows and leaves the rest. Times are ms since 1970 by Redis' clock.

use crate::control::Pause;
use crate::id::JobId;
use crate::inspect::AttemptError;
use crate::state::State;

/// A job, and all that could keep it from running.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The moment of all this.
    pub now: u64,
    /// The job's state.
    pub state: State,
    /// When it is due (scheduled, retrying), or when it reached its state.
    pub since: u64,
    /// Its kind; empty if the envelope is unreadable.
    pub kind: String,
    /// Attempts started and not refunded.
    pub attempt: u32,
    /// Attempts in all, if the job says so itself; a kind's policy is known to its worker only.
    pub max_attempts: Option<u32>,
    /// The word its last transition left: why it is held, discarded, cancelled or snoozed.
    pub reason: String,
    /// Its last failure.
    pub failure: Option<AttemptError>,
    /// When it is cancelled unless it was started.
    pub expires_at: Option<u64>,
    /// Another job that has its unique key by now.
    pub key_owner: Option<JobId>,
    /// Jobs that are claimed before it.
    pub ahead: u64,
    /// Its latest attempt, if it was ever claimed.
    pub run: Option<RunFacts>,
    /// Its queue.
    pub queue: QueueFacts,
    /// Its group, if it has one.
    pub group: Option<GroupFacts>,
    /// The rate limit it must ask and which has no permit now.
    pub rate_limit: Option<ClosedUntil>,
    /// The circuit breaker it depends on and which is open now.
    pub breaker: Option<ClosedUntil>,
}

impl Facts {
    /// A job of that kind in that state, and nothing in its way.
    pub fn new(now: u64, state: State, since: u64, kind: &str) -> Self {
        Self {
            now,
            state,
            since,
            kind: kind.to_owned(),
            attempt: 0,
            max_attempts: None,
            reason: String::new(),
            failure: None,
            expires_at: None,
            key_owner: None,
            ahead: 0,
            run: None,
            queue: QueueFacts::default(),
            group: None,
            rate_limit: None,
            breaker: None,
        }
    }
}

/// The latest attempt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunFacts {
    /// The worker that runs or ran it.
    pub worker: String,
    /// When it started.
    pub started: u64,
    /// When its lease ends, while it runs.
    pub lease_until: u64,
    /// Whether the worker was heard of within the last minute.
    pub worker_alive: bool,
    /// Whether its cancellation was asked for.
    pub stop_asked: bool,
    /// Its soft timeout in ms, if the job says so itself.
    pub timeout_ms: Option<u64>,
}

/// The job's queue and who serves it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueFacts {
    /// Its name.
    pub name: String,
    /// Who paused it, if it is paused.
    pub paused: Option<Pause>,
    /// Who paused the job's kind in it, if that is paused.
    pub kind_paused: Option<Pause>,
    /// Workers that serve it and claim.
    pub claiming: u64,
    /// Workers that serve it, but were told to be quiet.
    pub quiet: u64,
    /// Workers that serve it, but end.
    pub draining: u64,
    /// Slots for it in the workers that claim.
    pub slots: u64,
    /// Its jobs that run.
    pub running: u64,
}

/// The job's group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupFacts {
    /// Its key.
    pub key: String,
    /// How many of it may run at once; `None` for any number.
    pub limit: Option<u32>,
    /// How many of it run.
    pub running: u64,
    /// Some of those that run.
    pub members: Vec<JobId>,
    /// Jobs of the group that are claimed before this one.
    pub ahead: u64,
}

/// Something with a name that lets nothing through for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedUntil {
    /// Its name.
    pub name: String,
    /// Until when.
    pub until: u64,
}
