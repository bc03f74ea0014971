//! Asking for permits of a rate limit: "ten a second at this provider", however many processes.
//!
//! A limit is declared once, with the registry. A kind names it ([`crate::Job::LIMIT`]) and takes
//! permits before every attempt, or a handler asks for it: `cx.limit("resend").acquire(1).await?`.
//! Permits are reserved in Redis in the order of asking and on Redis' clock; the job then sleeps
//! until its permits are due. Nobody polls, and nobody overtakes.
//!
//! Waiting costs no attempt: what would wait longer than [`LONGEST_WAIT`] is snoozed instead and
//! gives its slot to another job, and so is what Redis did not answer. A job that is cancelled
//! while it waits leaves its permits unused; they are not given back.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::Rng;

use crate::executor::JobError;
use crate::gates::RateLimit;
use crate::keys::Keyspace;
use crate::link::Link;
use crate::scripts::LIMIT;

/// Longest time a job keeps its slot while it waits for permits.
pub const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Longest snooze for permits: whoever waits hears of a raised rate by then.
const LONGEST_SNOOZE: Duration = Duration::from_mins(5);
/// How long a job is snoozed that could not ask.
const UNANSWERED: Duration = Duration::from_secs(1);

/// The declared limits and the way to Redis.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) link: Link,
    pub(crate) keyspace: Keyspace,
    pub(crate) declared: BTreeMap<String, RateLimit>,
}

impl Limits {
    /// Reserves permits: how long to wait until they may be used, or a snooze.
    pub(crate) async fn reserve(&self, name: &str, permits: u32) -> Result<Duration, JobError> {
        let Some(limit) = self.declared.get(name) else {
            let known: Vec<&str> = self.declared.keys().map(String::as_str).collect();
            return Err(JobError::discard(format!(
                "rate limit {name:?} is not declared; declared are: {}",
                known.join(", ")
            )));
        };
        if permits > limit.rate.burst {
            return Err(JobError::discard(format!(
                "{permits} permits of rate limit {name:?} at once, its burst is {}",
                limit.rate.burst
            )));
        }
        if permits == 0 {
            return Ok(Duration::ZERO);
        }
        let call = LIMIT
            .call(&self.keyspace.limit(name))
            .arg(limit.rate.to_string())
            .arg(permits)
            .arg(LONGEST_WAIT.as_micros() as u64);
        let (reserved, micros): (u8, u64) = match self.link.call(call).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(limit = name, %error, "could not ask for permits, the job comes back");
                (0, UNANSWERED.as_micros() as u64)
            }
        };
        let wait = Duration::from_micros(micros);
        if reserved == 1 {
            Ok(wait)
        } else {
            let delay = comeback(wait, rand::rng().random_range(0.0..1.0));
            Err(JobError::waiting(delay, format!("limit:{name}")))
        }
    }
}

/// When a job asks again that was told to wait: later by up to a quarter and a second, so that
/// those who were told the same do not come back together. `random` is in `[0, 1)`.
fn comeback(wait: Duration, random: f64) -> Duration {
    let spread = wait / 4 + Duration::from_secs(1);
    (wait + spread.mul_f64(random)).min(LONGEST_SNOOZE.mul_f64(1.0 - random / 4.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comeback_is_never_early_and_spread_over_a_quarter_of_the_wait() {
        let wait = Duration::from_secs(40);
        assert_eq!(comeback(wait, 0.0), wait);
        assert_eq!(comeback(wait, 0.999).as_secs(), 50);
    }

    #[test]
    fn the_longest_comeback_is_bounded_and_spread_too() {
        let wait = Duration::from_hours(10);
        assert_eq!(comeback(wait, 0.0), LONGEST_SNOOZE);
        assert_eq!(comeback(wait, 0.5), LONGEST_SNOOZE.mul_f64(0.875));
    }
}
