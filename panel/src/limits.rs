//! What one caller may take.

use std::num::NonZeroU32;
use std::time::Duration;

/// Bounds of what is served.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Jobs of one request.
    pub jobs_per_request: usize,
    /// How long a caller may wait for the end of a job.
    pub longest_wait: Duration,
    /// Callers that wait at once; each takes a connection to Redis. Who finds no place is answered
    /// at once.
    pub waiting: usize,
    /// Requests per second of one token in this process, on average; twice as many in a burst.
    /// `None` for no limit.
    pub requests_per_second: Option<NonZeroU32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            jobs_per_request: 1000,
            longest_wait: Duration::from_secs(60),
            waiting: 64,
            requests_per_second: NonZeroU32::new(100),
        }
    }
}
