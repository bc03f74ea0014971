//! How attempts end, and what that means: values, decided by a pure function.
//!
//! An [`Ending`] is what happened; an [`Outcome`] is what follows. Between them stands
//! [`judge`], which knows the kind's policy and why the handler was asked to stop, and nothing
//! of Redis or time.

use std::time::Duration;

use crate::effects::EFFECT_UNKNOWN;
use crate::executor::context::StopReason;
use crate::executor::error::JobError;
use crate::executor::message::presentable;
use crate::policy::RetryPolicy;

/// Why nothing here can run a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No handler of this name.
    UnknownKind(String),
    /// Its time to start is over.
    Expired,
    /// The envelope or the payload cannot be read.
    Undecodable(String),
}

/// What happened.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The handler returned.
    Returned(Result<Option<String>, JobError>),
    /// The handler panicked with this message.
    Panicked(String),
    /// The handler did not stop in time and was dropped.
    Dropped,
    /// It never started.
    Refused(Refusal),
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    Completed {
        output: Option<String>,
    },
    Retrying {
        delay: Duration,
        failure: Failure,
    },
    Snoozed {
        delay: Duration,
        reason: String,
    },
    Discarded {
        failure: Failure,
    },
    Cancelled {
        reason: &'static str,
    },
    Held {
        reason: &'static str,
        failure: Failure,
    },
    /// Handed back at shutdown, the attempt refunded.
    Returned,
}

impl Outcome {
    /// The word in metrics and logs.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Completed { .. } => "completed",
            Self::Retrying { .. } => "retrying",
            Self::Snoozed { .. } => "snoozed",
            Self::Discarded { .. } => "discarded",
            Self::Cancelled { .. } => "cancelled",
            Self::Held { .. } => "held",
            Self::Returned => "returned",
        }
    }

    pub(crate) const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Retrying { failure, .. }
            | Self::Discarded { failure }
            | Self::Held { failure, .. } => Some(failure),
            _ => None,
        }
    }
}

/// One failed attempt's error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// error, timeout, panic, undecodable, `unknown_kind`, `effect_unknown`.
    pub(crate) kind: &'static str,
    /// The chain of causes in one line.
    pub(crate) message: String,
}

/// The facts that decide.
pub(crate) struct Facts<'a> {
    pub(crate) attempt: u32,
    pub(crate) retry: &'a RetryPolicy,
    pub(crate) stop: Option<StopReason>,
    /// In `[0, 1)`, for the jitter.
    pub(crate) random: f64,
}

/// Decides what follows from what happened.
pub(crate) fn judge(ending: Ending, facts: &Facts<'_>) -> Outcome {
    match (ending, facts.stop) {
        (Ending::Returned(Ok(output)), _) => Outcome::Completed { output },
        (Ending::Refused(refusal), _) => refused(refusal),
        // Whatever else was asked: somebody must find out.
        (Ending::Returned(Err(JobError::Unknown(error))), _) => Outcome::Held {
            reason: EFFECT_UNKNOWN,
            failure: Failure {
                kind: EFFECT_UNKNOWN,
                ..Failure::error(&error)
            },
        },
        (Ending::Returned(Err(JobError::Snooze { delay, reason })), None) => {
            Outcome::Snoozed { delay, reason }
        }
        (Ending::Returned(Err(JobError::Discard(error))), _) => Outcome::Discarded {
            failure: Failure::error(&error),
        },
        // From here on the attempt failed; if it was asked to stop, that is why.
        (_, Some(StopReason::Requested)) => Outcome::Cancelled {
            reason: "requested",
        },
        (_, Some(StopReason::Shutdown | StopReason::LeaseLost)) => Outcome::Returned,
        (_, Some(StopReason::Timeout)) => failed(Failure::timeout(), None, facts),
        (Ending::Returned(Err(JobError::Retry { source, after })), None) => {
            failed(Failure::error(&source), after, facts)
        }
        (Ending::Panicked(message), None) => failed(
            Failure {
                kind: "panic",
                message: presentable(&message),
            },
            None,
            facts,
        ),
        (Ending::Returned(Err(JobError::Cancelled)) | Ending::Dropped, None) => {
            Outcome::Cancelled {
                reason: "by_handler",
            }
        }
    }
}

fn failed(failure: Failure, after: Option<Duration>, facts: &Facts<'_>) -> Outcome {
    if facts.attempt >= facts.retry.max_attempts {
        return Outcome::Discarded { failure };
    }
    let delay = facts.retry.delay(facts.attempt, facts.random);
    Outcome::Retrying {
        delay: delay.max(after.unwrap_or_default()),
        failure,
    }
}

fn refused(refusal: Refusal) -> Outcome {
    let (reason, message) = match refusal {
        Refusal::Expired => return Outcome::Cancelled { reason: "expired" },
        Refusal::UnknownKind(kind) => (
            "unknown_kind",
            format!("no handler for kind {kind:?} in this worker"),
        ),
        Refusal::Undecodable(message) => ("undecodable", message),
    };
    Outcome::Held {
        reason,
        failure: Failure {
            kind: reason,
            message,
        },
    }
}

impl Failure {
    fn error(error: &anyhow::Error) -> Self {
        Self {
            kind: "error",
            message: presentable(&format!("{error:#}")),
        }
    }

    fn timeout() -> Self {
        Self {
            kind: "timeout",
            message: "the attempt took longer than its timeout".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(attempt: u32, stop: Option<StopReason>) -> Facts<'static> {
        const THREE: RetryPolicy = RetryPolicy::attempts(3);
        Facts {
            attempt,
            retry: &THREE,
            stop,
            random: 0.5,
        }
    }

    fn error() -> Ending {
        Ending::Returned(Err(JobError::retry("boom")))
    }

    #[test]
    fn an_error_is_retried_until_the_attempts_are_spent() {
        assert!(matches!(
            judge(error(), &facts(1, None)),
            Outcome::Retrying { .. }
        ));
        assert!(matches!(
            judge(error(), &facts(2, None)),
            Outcome::Retrying { .. }
        ));
        assert!(matches!(
            judge(error(), &facts(3, None)),
            Outcome::Discarded { .. }
        ));
    }

    #[test]
    fn a_retry_after_is_a_lower_bound_for_the_delay() {
        let wish = Duration::from_secs(90);
        let ending = Ending::Returned(Err(JobError::retry_after(anyhow::anyhow!("429"), wish)));
        let Outcome::Retrying { delay, .. } = judge(ending, &facts(1, None)) else {
            panic!()
        };
        assert_eq!(delay, wish);
    }

    #[test]
    fn a_permanent_failure_ends_the_job_at_once() {
        let ending = Ending::Returned(Err(JobError::discard("no such user")));
        assert!(matches!(
            judge(ending, &facts(1, None)),
            Outcome::Discarded { .. }
        ));
    }

    #[test]
    fn a_panic_counts_as_a_failed_attempt() {
        let outcome = judge(
            Ending::Panicked("index out of bounds".to_owned()),
            &facts(1, None),
        );
        assert_eq!(outcome.failure().map(|f| f.kind), Some("panic"));
    }

    #[test]
    fn an_error_after_the_soft_timeout_is_a_timeout() {
        let outcome = judge(error(), &facts(1, Some(StopReason::Timeout)));
        assert_eq!(outcome.failure().map(|f| f.kind), Some("timeout"));
    }

    #[test]
    fn success_counts_even_if_the_handler_was_asked_to_stop() {
        for stop in [
            StopReason::Timeout,
            StopReason::Requested,
            StopReason::Shutdown,
        ] {
            let outcome = judge(Ending::Returned(Ok(None)), &facts(1, Some(stop)));
            assert_eq!(outcome, Outcome::Completed { output: None });
        }
    }

    #[test]
    fn a_requested_stop_cancels_and_a_shutdown_hands_back() {
        let cancelled = || Ending::Returned(Err(JobError::Cancelled));
        let requested = judge(cancelled(), &facts(1, Some(StopReason::Requested)));
        assert_eq!(
            requested,
            Outcome::Cancelled {
                reason: "requested"
            }
        );
        assert_eq!(
            judge(cancelled(), &facts(1, Some(StopReason::Shutdown))),
            Outcome::Returned
        );
    }

    #[test]
    fn an_unknown_effect_holds_the_job_whatever_else_was_asked() {
        for stop in [
            None,
            Some(StopReason::Timeout),
            Some(StopReason::Requested),
            Some(StopReason::Shutdown),
        ] {
            let ending = Ending::Returned(Err(JobError::unknown_effect(anyhow::anyhow!("cut"))));
            let outcome = judge(ending, &facts(3, stop));
            assert!(
                matches!(
                    &outcome,
                    Outcome::Held {
                        reason: "effect_unknown",
                        ..
                    }
                ),
                "{stop:?}: {outcome:?}"
            );
        }
    }

    #[test]
    fn a_job_nobody_can_read_is_held() {
        let outcome = judge(
            Ending::Refused(Refusal::UnknownKind("a.b".to_owned())),
            &facts(1, None),
        );
        assert!(matches!(
            outcome,
            Outcome::Held {
                reason: "unknown_kind",
                ..
            }
        ));
    }
}
