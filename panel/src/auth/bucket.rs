//! A token bucket: so much per second on average, twice as much at once.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

/// How much was taken lately.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    left: f64,
    at: Instant,
}

/// What goes into a bucket, and how much it holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    per_second: f64,
    holds: f64,
}

impl Pace {
    pub(super) fn new(per_second: NonZeroU32) -> Self {
        let per_second = f64::from(per_second.get());
        Self {
            per_second,
            holds: 2.0 * per_second,
        }
    }
}

impl Bucket {
    pub(super) fn full(pace: Pace, now: Instant) -> Self {
        Self {
            left: pace.holds,
            at: now,
        }
    }

    /// Takes one out, or says when there will be one.
    pub(super) fn take(&mut self, pace: Pace, now: Instant) -> Result<(), Duration> {
        self.refill(pace, now);
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.left) / pace.per_second))
    }

    /// Whether there is one to take.
    pub(super) fn has_one(&mut self, pace: Pace, now: Instant) -> bool {
        self.refill(pace, now);
        self.left >= 1.0
    }

    /// Whether nothing was taken that is not back.
    pub(super) fn is_full(&mut self, pace: Pace, now: Instant) -> bool {
        self.refill(pace, now);
        self.left >= pace.holds
    }

    fn refill(&mut self, pace: Pace, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * pace.per_second).min(pace.holds);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_the_next_one_waits_for_the_refill() {
        let pace = Pace::new(NonZeroU32::new(10).unwrap());
        let mut bucket = Bucket::full(pace, Instant::now());
        let passed = (0..30).filter(|_| bucket.take(pace, Instant::now()).is_ok());
        assert_eq!(passed.count(), 20);
        let wait = bucket.take(pace, Instant::now()).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        tokio::time::advance(wait).await;
        assert!(bucket.take(pace, Instant::now()).is_ok());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(bucket.is_full(pace, Instant::now()));
    }
}
