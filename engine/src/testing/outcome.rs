//! What follows from an attempt, for assertions.

use std::time::Duration;

use crate::executor;

/// What a worker would do next. Errors are as an operator would read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The job is done.
    Completed,
    /// A further attempt follows.
    Retrying {
        /// What the handler asked for; zero if the policy alone decides.
        not_before: Duration,
        /// error, timeout or panic.
        kind: &'static str,
        /// The error and its causes.
        error: String,
    },
    /// It runs again later, and the attempt is not counted.
    Snoozed {
        /// How much later.
        delay: Duration,
        /// What it waits for, such as `limit:resend`; empty for the handler's own reasons.
        reason: String,
    },
    /// It failed for good.
    Discarded {
        /// error, timeout or panic.
        kind: &'static str,
        /// The error and its causes.
        error: String,
    },
    /// It was cancelled.
    Cancelled {
        /// requested or `by_handler`.
        reason: &'static str,
    },
    /// A person must decide.
    Held {
        /// Such as undecodable.
        reason: &'static str,
        /// The error and its causes.
        error: String,
    },
    /// It goes back to the line as if it had not been started: its worker ends, or lost it.
    Returned,
}

impl From<executor::Outcome> for Outcome {
    fn from(outcome: executor::Outcome) -> Self {
        match outcome {
            executor::Outcome::Completed { .. } => Self::Completed,
            executor::Outcome::Retrying { delay, failure } => Self::Retrying {
                not_before: delay,
                kind: failure.kind,
                error: failure.message,
            },
            executor::Outcome::Snoozed { delay, reason } => Self::Snoozed { delay, reason },
            executor::Outcome::Discarded { failure } => Self::Discarded {
                kind: failure.kind,
                error: failure.message,
            },
            executor::Outcome::Cancelled { reason } => Self::Cancelled { reason },
            executor::Outcome::Held { reason, failure } => Self::Held {
                reason,
                error: failure.message,
            },
            executor::Outcome::Returned => Self::Returned,
        }
    }
}
