//! Rates and the arithmetic of their buckets: pure data, without Redis.
//!
//! A bucket is one number, the time at which the last permit that was given away is due (the
//! generic cell rate algorithm). `limit.lua` decides by it; what is computed here only shows it.

use std::fmt;
use std::time::Duration;

use crate::client::ClientError;

/// Most permits of a rate, and of a burst: a million.
pub const MAX_PERMITS: u32 = 1_000_000;
/// Longest time a rate may be stated for: a day.
pub const LONGEST_PER: Duration = Duration::from_hours(24);

/// So many permits per time, and how many of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Permits per `per`: 1 to [`MAX_PERMITS`].
    pub permits: u32,
    /// The time they are for: 1 ms to [`LONGEST_PER`].
    pub per: Duration,
    /// Permits that may be used at once after a pause: 1 to [`MAX_PERMITS`].
    pub burst: u32,
}

impl Rate {
    /// Refuses what no bucket can be computed for.
    pub(crate) fn check(&self, name: &str) -> Result<(), ClientError> {
        let refuse = |field, value: String, range: String| {
            Err(ClientError::InvalidGate {
                what: "rate limit",
                name: name.to_owned(),
                field,
                value,
                range,
            })
        };
        let counts = format!("1 to {MAX_PERMITS}");
        if !(1..=MAX_PERMITS).contains(&self.permits) {
            return refuse("permits", self.permits.to_string(), counts);
        }
        if !(1..=MAX_PERMITS).contains(&self.burst) {
            return refuse("burst", self.burst.to_string(), counts);
        }
        if !(Duration::from_millis(1)..=LONGEST_PER).contains(&self.per) {
            return refuse("per", format!("{:?}", self.per), "1 ms to a day".to_owned());
        }
        Ok(())
    }

    /// Reads what [`fmt::Display`] wrote; `None` if it is not that.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let rate = Self {
            permits: parts.next()?.parse().ok()?,
            per: Duration::from_micros(parts.next()?.parse().ok()?),
            burst: parts.next()?.parse().ok()?,
        };
        (rate.permits > 0 && parts.next().is_none()).then_some(rate)
    }

    /// Microseconds between two permits, at least one; as `limit.lua` computes it.
    fn interval_us(&self) -> u64 {
        let per = self.per.as_micros() as u64;
        (per / u64::from(self.permits.max(1))).max(1)
    }

    /// What a bucket at this rate has at `now` if its last permit is due at `due`, both in µs:
    /// permits that are free, and the time until the next one is (zero if one is).
    pub(crate) fn bucket(&self, due: u64, now: u64) -> (u32, Duration) {
        let interval = self.interval_us();
        let room = interval * u64::from(self.burst);
        let used = due.saturating_sub(now);
        let free = room.saturating_sub(used) / interval;
        let next = match free {
            0 => (used + interval).saturating_sub(room),
            _ => 0,
        };
        (free as u32, Duration::from_micros(next))
    }
}

/// In the words of `limit.lua`: permits, microseconds, burst.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = self.per.as_micros();
        write!(f, "{} {per} {}", self.permits, self.burst)
    }
}

/// A rate with a name, shared by all workers of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// Its name: lower-case letters, digits, `_`, `-` and `.`.
    pub name: String,
    /// What the code declares; operators may set another one.
    pub rate: Rate,
}

impl RateLimit {
    /// `permits` per second, evenly spread.
    pub fn per_second(name: impl Into<String>, permits: u32) -> Self {
        Self::per(name, permits, Duration::from_secs(1))
    }

    /// `permits` per minute, evenly spread.
    pub fn per_minute(name: impl Into<String>, permits: u32) -> Self {
        Self::per(name, permits, Duration::from_mins(1))
    }

    /// `permits` per `per`, evenly spread.
    pub fn per(name: impl Into<String>, permits: u32, per: Duration) -> Self {
        Self {
            name: name.into(),
            rate: Rate {
                permits,
                per,
                burst: 1,
            },
        }
    }

    /// The same rate with another burst.
    #[must_use]
    pub fn burst(mut self, permits: u32) -> Self {
        self.rate.burst = permits;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN_A_SECOND: Rate = Rate {
        permits: 10,
        per: Duration::from_secs(1),
        burst: 3,
    };

    #[test]
    fn the_interval_is_the_time_divided_by_the_permits() {
        assert_eq!(RateLimit::per_second("a", 10).rate.interval_us(), 100_000);
        assert_eq!(RateLimit::per_minute("a", 6).rate.interval_us(), 10_000_000);
        assert_eq!(RateLimit::per_second("a", 0).rate.interval_us(), 1_000_000);
        assert_eq!(RateLimit::per_second("a", u32::MAX).rate.interval_us(), 1);
    }

    #[test]
    fn a_bucket_is_full_at_rest_and_its_next_permit_is_due_an_interval_after_it_was_emptied() {
        let now = 5_000_000;
        let ms = Duration::from_millis;
        assert_eq!(TEN_A_SECOND.bucket(0, now), (3, ms(0)));
        assert_eq!(TEN_A_SECOND.bucket(now + 100_000, now), (2, ms(0)));
        assert_eq!(TEN_A_SECOND.bucket(now + 300_000, now), (0, ms(100)));
        assert_eq!(TEN_A_SECOND.bucket(now + 500_000, now), (0, ms(300)));
    }

    #[test]
    fn a_rate_survives_the_round_trip_and_nothing_else_is_one() {
        assert_eq!(Rate::parse(&TEN_A_SECOND.to_string()), Some(TEN_A_SECOND));
        for text in ["", "10", "10 5", "0 1000 1", "1 2 3 4", "a b c"] {
            assert_eq!(Rate::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_rate_is_refused_with_field_value_and_range() {
        let zero = Rate {
            permits: 0,
            ..TEN_A_SECOND
        };
        let error = zero.check("resend").unwrap_err().to_string();
        assert!(
            error.contains("\"resend\"") && error.contains("permits is 0, use 1 to 1000000"),
            "{error}"
        );
        let endless = Rate {
            per: Duration::MAX,
            ..TEN_A_SECOND
        };
        assert!(endless.check("resend").is_err());
        assert!(TEN_A_SECOND.check("resend").is_ok());
    }
}
