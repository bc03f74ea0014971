//! How a handler says what its failure means.
//!
//! A failure carries its decision. `?` on any error means *try again later*; whoever knows
//! better says so: [`Discard::discard`] for what will never work, [`JobError::snooze`] for
//! *not yet*, [`JobError::retry_after`] when the other side named a time,
//! [`JobError::unknown_effect`] when nobody can know whether the effect happened. A handler never
//! sees attempts or delays: those are the kind's policy.

use std::fmt;
use std::time::Duration;

/// Why an attempt did not complete, and what must happen next.
///
/// Deliberately no `std::error::Error`: that is what lets `?` convert every error into a
/// retry without a `map_err` on each line.
#[derive(Debug)]
pub enum JobError {
    /// Transient: try again by the kind's retry policy, not before `after` if it is given.
    Retry {
        /// What went wrong.
        source: anyhow::Error,
        /// The other side's wish (`Retry-After`), a lower bound for the delay.
        after: Option<Duration>,
    },
    /// Permanent: no further attempt can succeed.
    Discard(anyhow::Error),
    /// Not a failure: run again after the delay; the attempt is not counted.
    Snooze {
        /// How long.
        delay: Duration,
        /// What it waits for, one word for operators; empty for the handler's own reasons.
        reason: String,
    },
    /// The handler stopped because it was asked to (`cx.token()`).
    Cancelled,
    /// An effect may or may not have happened: the job is held until a person, or the provider,
    /// has said which. See [`JobContext::effect`](crate::JobContext::effect).
    Unknown(anyhow::Error),
}

impl JobError {
    /// A permanent failure with a message.
    pub fn discard(message: impl Into<String>) -> Self {
        Self::Discard(anyhow::Error::msg(message.into()))
    }

    /// A transient failure with a message.
    pub fn retry(message: impl Into<String>) -> Self {
        Self::Retry {
            source: anyhow::Error::msg(message.into()),
            after: None,
        }
    }

    /// A transient failure that must not be retried before `after`.
    pub fn retry_after(source: impl Into<anyhow::Error>, after: Duration) -> Self {
        Self::Retry {
            source: source.into(),
            after: Some(after),
        }
    }

    /// An effect that may or may not have happened, such as a connection that was cut after the
    /// request was sent. Never repeated blindly.
    pub fn unknown_effect(source: impl Into<anyhow::Error>) -> Self {
        Self::Unknown(source.into())
    }

    /// Not yet: run again after `delay` without counting an attempt.
    pub const fn snooze(delay: Duration) -> Self {
        Self::waiting(delay, String::new())
    }

    /// Not yet, because of what `reason` names: one word, like `limit:resend`.
    pub(crate) const fn waiting(delay: Duration, reason: String) -> Self {
        Self::Snooze { delay, reason }
    }
}

impl<E: Into<anyhow::Error>> From<E> for JobError {
    fn from(error: E) -> Self {
        Self::Retry {
            source: error.into(),
            after: None,
        }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry { source, .. } | Self::Discard(source) | Self::Unknown(source) => {
                write!(f, "{source:#}")
            }
            Self::Snooze { delay, .. } => write!(f, "snoozed for {} s", delay.as_secs_f64()),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

/// `.discard()?` turns an error into a permanent failure.
pub trait Discard<T> {
    /// Never again: the job ends as discarded with this error.
    fn discard(self) -> Result<T, JobError>;
}

impl<T, E: Into<anyhow::Error>> Discard<T> for Result<T, E> {
    fn discard(self) -> Result<T, JobError> {
        self.map_err(|error| JobError::Discard(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<i32, JobError> {
        Ok(text.parse::<i32>()?)
    }

    #[test]
    fn a_question_mark_means_retry() {
        assert!(matches!(
            parse("x"),
            Err(JobError::Retry { after: None, .. })
        ));
    }

    #[test]
    fn discard_makes_the_same_error_permanent() {
        let result = "x".parse::<i32>().discard();
        assert!(matches!(result, Err(JobError::Discard(_))));
    }
}
