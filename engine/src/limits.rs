//! Rate limits that all workers share: "ten a second at this provider", however many processes.
//!
//! A limit is declared once, with the registry, and asked for by name inside a handler:
//! `cx.limit("resend").acquire(1).await?`. Permits are reserved in Redis in the order of asking
//! and on Redis' clock; the handler then sleeps until its permits are due. Nobody polls, and
//! nobody overtakes.
//!
//! Waiting costs no attempt: what would wait longer than [`LONGEST_WAIT`] is snoozed instead and
//! gives its slot to another job. A job that is cancelled while it waits leaves its permits
//! unused; they are not given back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::executor::JobError;
use crate::keys::Keyspace;
use crate::link::Link;
use crate::scripts::LIMIT;

/// Longest time a job keeps its slot while it waits for permits.
pub const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// So many permits per time, shared by all workers of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// Its name: lower-case letters, digits, `_`, `-` and `.`.
    pub name: String,
    /// Permits per `per`. At least 1.
    pub permits: u32,
    /// The time they are for.
    pub per: Duration,
    /// Permits that may be used at once after a pause. At least 1.
    pub burst: u32,
}

impl RateLimit {
    /// `permits` per second, evenly spread.
    pub fn per_second(name: impl Into<String>, permits: u32) -> Self {
        Self {
            name: name.into(),
            permits,
            per: Duration::from_secs(1),
            burst: 1,
        }
    }

    /// `permits` per minute, evenly spread.
    pub fn per_minute(name: impl Into<String>, permits: u32) -> Self {
        Self {
            per: Duration::from_secs(60),
            ..Self::per_second(name, permits)
        }
    }

    /// The same rate with another burst.
    #[must_use]
    pub fn burst(mut self, permits: u32) -> Self {
        self.burst = permits;
        self
    }

    /// Microseconds between two permits, at least one.
    fn interval_us(&self) -> u64 {
        let per = self.per.as_micros() as u64;
        (per / u64::from(self.permits.max(1))).max(1)
    }
}

/// The declared limits and the way to Redis.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) link: Link,
    pub(crate) keyspace: Keyspace,
    pub(crate) declared: BTreeMap<String, RateLimit>,
}

impl Limits {
    /// Reserves permits: how long to wait until they may be used, or a snooze.
    pub(crate) async fn reserve(
        self: Arc<Self>,
        name: &str,
        permits: u32,
    ) -> Result<Duration, JobError> {
        let Some(limit) = self.declared.get(name) else {
            let known: Vec<&str> = self.declared.keys().map(String::as_str).collect();
            return Err(JobError::discard(format!(
                "rate limit {name:?} is not declared; declared are: {}",
                known.join(", ")
            )));
        };
        if permits > limit.burst.max(1) {
            return Err(JobError::discard(format!(
                "{permits} permits of rate limit {name:?} at once, its burst is {}",
                limit.burst
            )));
        }
        let call = LIMIT
            .call(&self.keyspace.limit(name))
            .arg(limit.interval_us())
            .arg(limit.burst.max(1))
            .arg(permits)
            .arg(LONGEST_WAIT.as_micros() as u64);
        let (reserved, micros): (u8, u64) = self.link.call(call).await?;
        let wait = Duration::from_micros(micros);
        if reserved == 1 {
            Ok(wait)
        } else {
            Err(JobError::snooze(wait))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_the_time_divided_by_the_permits() {
        assert_eq!(RateLimit::per_second("a", 10).interval_us(), 100_000);
        assert_eq!(RateLimit::per_minute("a", 6).interval_us(), 10_000_000);
        assert_eq!(RateLimit::per_second("a", 0).interval_us(), 1_000_000);
        assert_eq!(RateLimit::per_second("a", u32::MAX).interval_us(), 1);
    }
}
