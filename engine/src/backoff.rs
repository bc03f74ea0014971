//! Waiting longer and longer between tries, never in step with others.

use std::time::Duration;

use rand::Rng;

/// Delays that double up to a cap, each with full jitter over its upper half.
#[derive(Debug)]
pub(crate) struct Backoff {
    ceiling: Duration,
    cap: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, cap: Duration) -> Self {
        Self {
            ceiling: first,
            cap,
        }
    }

    /// The delay before the next try.
    pub(crate) fn next(&mut self) -> Duration {
        let delay = self.ceiling.mul_f64(rand::rng().random_range(0.5..1.0));
        self.ceiling = (self.ceiling * 2).min(self.cap);
        delay
    }
}

/// `duration` shortened by up to a fifth, so that processes do not do things together.
pub(crate) fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(rand::rng().random_range(0.8..1.0))
}
