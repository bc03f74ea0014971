//! How often, how long and in which order: the numbers a job kind declares as constants.
//!
//! Everything here is plain `const` data and pure arithmetic. The random number that spreads
//! retries is an argument, so that the arithmetic can be tested without luck.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When a failed attempt is tried again: exponential backoff with full jitter.
///
/// The delay before attempt `n + 1` is uniform in `[0, min(cap, base × 2^(n-1))]`. Full jitter
/// is what keeps a hundred thousand jobs that failed together from coming back together
/// (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included. At least 1.
    pub max_attempts: u32,
    /// Upper bound of the first delay.
    pub base: Duration,
    /// Upper bound of every delay.
    pub cap: Duration,
}

impl RetryPolicy {
    /// Ten attempts, the first retry within 2 s, no delay above 10 minutes: about half an hour
    /// of trying, which outlasts a deployment or a provider's hiccup.
    pub const DEFAULT: Self = Self::attempts(10);

    /// One attempt only.
    pub const NEVER: Self = Self::attempts(1);

    /// `max_attempts` attempts in all with the default delays.
    pub const fn attempts(max_attempts: u32) -> Self {
        Self {
            max_attempts,
            base: Duration::from_secs(2),
            cap: Duration::from_mins(10),
        }
    }

    /// The same policy with other bounds for the delay.
    #[must_use]
    pub const fn delays(mut self, base: Duration, cap: Duration) -> Self {
        self.base = base;
        self.cap = cap;
        self
    }

    /// The delay after failed attempt number `attempt` (1-based); `random` is in `[0, 1)`.
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(30);
        let ceiling = self.base.saturating_mul(1 << doublings).min(self.cap);
        ceiling.mul_f64(random.clamp(0.0, 1.0))
    }
}

/// How long one attempt may run.
///
/// At `soft` the job's token is cancelled and the handler may tidy up; at `hard` its future is
/// dropped. Either way the attempt counts as failed with the reason `timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout {
    /// When the token is cancelled.
    pub soft: Duration,
    /// When the future is dropped; never before `soft`.
    pub hard: Duration,
}

impl Timeout {
    /// Five minutes, and ten seconds to tidy up.
    pub const DEFAULT: Self = Self::after(Duration::from_mins(5));

    /// Token cancelled after `soft`, dropped ten seconds later.
    pub const fn after(soft: Duration) -> Self {
        Self {
            soft,
            hard: soft.saturating_add(Duration::from_secs(10)),
        }
    }

    /// The same soft limit with another time to tidy up.
    #[must_use]
    pub const fn tidy(mut self, extra: Duration) -> Self {
        self.hard = self.soft.saturating_add(extra);
        self
    }
}

/// When jobs wait because what they need is broken, instead of failing one after the other.
///
/// It opens when at least `minimum` attempts ended within `window` and `percent` of them failed;
/// its jobs are then snoozed without losing an attempt. After `open` it lets `probes` attempts
/// pass: if all of them succeed it closes, if one fails it opens for twice as long, up to
/// `longest`. Errors that are retried, timeouts and panics are failures; discards, snoozes and
/// cancellations do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// What is counted, in five buckets that leave one by one.
    pub window: Duration,
    /// Attempts in the window it takes to open it. At least 1.
    pub minimum: u32,
    /// Failures in a hundred attempts that open it: 1 to 100.
    pub percent: u8,
    /// How long it is open the first time.
    pub open: Duration,
    /// How long it is open at most.
    pub longest: Duration,
    /// Attempts that pass when its time is over, and successes that close it: 1 to 100.
    pub probes: u32,
}

impl Breaker {
    /// Half of at least 20 attempts within a minute open it for 30 s, later for at most 10
    /// minutes; two probes.
    pub const DEFAULT: Self = Self {
        window: Duration::from_mins(1),
        minimum: 20,
        percent: 50,
        open: Duration::from_secs(30),
        longest: Duration::from_mins(10),
        probes: 2,
    };
}

/// Place in the queue: 0 runs first, 9 last; first in, first out inside one priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Priority(u8);

impl Priority {
    /// Before everything else.
    pub const FIRST: Self = Self(0);
    /// Unless a job says otherwise.
    pub const NORMAL: Self = Self(5);
    /// After everything else.
    pub const LAST: Self = Self(9);

    /// A priority from 0 to 9; `None` for anything else.
    pub const fn new(value: u8) -> Option<Self> {
        if value <= 9 { Some(Self(value)) } else { None }
    }

    /// The number, 0 to 9.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self::NORMAL
    }
}

impl TryFrom<u8> for Priority {
    type Error = String;

    fn try_from(value: u8) -> Result<Self, Self::Error> {
        Self::new(value)
            .ok_or_else(|| format!("priority {value} is out of range; use 0 (first) to 9 (last)"))
    }
}

impl From<Priority> for u8 {
    fn from(priority: Priority) -> Self {
        priority.0
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a job must be the only one of.
///
/// A key belongs to a live job (scheduled, available, running, retrying, held) and is free again
/// when the job ends; with a window it stays taken until the window is over, so that a thing
/// happens at most once per window. Keys are per queue. Put identifiers into a key, never
/// personal data: keys are shown to operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unique {
    /// The key, at most 200 bytes.
    pub key: String,
    /// Keeps the key taken for this long after the enqueue, whether or not the job is over.
    pub window: Option<Duration>,
}

impl Unique {
    /// No second job with this key while one lives.
    pub fn while_live(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            window: None,
        }
    }

    /// No second job with this key within `window` of the first one's enqueue.
    pub fn within(key: impl Into<String>, window: Duration) -> Self {
        Self {
            key: key.into(),
            window: Some(window),
        }
    }
}

/// Whom a job belongs to, for fairness and for a limit of its own.
///
/// A group has one place in its queue's line, however many jobs it has: when its turn came it lines
/// up again behind everybody else, so a group of 100,000 does not starve another one's single job.
/// Groups are per queue. Put identifiers into a key, never personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The key, such as `mailbox:7`; at most 200 bytes.
    pub key: String,
    /// How many jobs of the group may run at once, on all workers together. What the group's latest
    /// job says counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<NonZeroU32>,
}

impl Group {
    /// A group that takes fair turns and has no limit.
    pub fn fair(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            limit: None,
        }
    }

    /// A group of which at most `limit` jobs run at once; 0 counts as 1.
    pub fn at_most(limit: u32, key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            limit: NonZeroU32::new(limit.max(1)),
        }
    }

    /// In the words of the scripts: `limit:key`.
    #[cfg(feature = "client")]
    pub(crate) fn member(&self) -> String {
        format!("{}:{}", self.limit.map_or(0, NonZeroU32::get), self.key)
    }
}

/// How long finished jobs are kept in Redis: until they are too old or too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Jobs that succeeded.
    pub completed: Kept,
    /// Jobs that failed for good.
    pub discarded: Kept,
    /// Jobs that were cancelled.
    pub cancelled: Kept,
}

/// A bound by age and by count; the tighter one holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Longest age.
    pub age: Duration,
    /// Most jobs per queue.
    pub count: u32,
}

impl Default for Retention {
    /// A day of successes, a month of failures, ten thousand of each a queue.
    fn default() -> Self {
        let day = Duration::from_hours(24);
        let count = 10_000;
        Self {
            completed: Kept { age: day, count },
            discarded: Kept {
                age: day * 30,
                count,
            },
            cancelled: Kept {
                age: day * 7,
                count,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_doubles_until_the_cap() {
        let policy =
            RetryPolicy::attempts(20).delays(Duration::from_secs(1), Duration::from_secs(60));
        let ceilings: Vec<u64> = (1..=9).map(|n| policy.delay(n, 1.0).as_secs()).collect();
        assert_eq!(ceilings, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn delay_is_spread_over_the_whole_interval() {
        let policy =
            RetryPolicy::attempts(3).delays(Duration::from_secs(8), Duration::from_secs(60));
        assert_eq!(policy.delay(1, 0.0), Duration::ZERO);
        assert_eq!(policy.delay(1, 0.5), Duration::from_secs(4));
    }

    #[test]
    fn delay_does_not_overflow_after_a_billion_attempts() {
        assert_eq!(
            RetryPolicy::DEFAULT.delay(u32::MAX, 1.0),
            RetryPolicy::DEFAULT.cap
        );
    }

    #[test]
    fn priority_out_of_range_is_refused_with_the_range() {
        let error = Priority::try_from(10).unwrap_err();
        assert!(error.contains("0 (first) to 9 (last)"), "{error}");
    }
}
