//! Whether a scheduler still turns: for probes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Tells whether a scheduler turns.
#[derive(Debug, Clone)]
pub struct Heartbeat(Arc<Mutex<(Instant, Option<&'static str>)>>);

impl Heartbeat {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new((Instant::now(), None))))
    }

    /// How long ago it last turned, and what is in its way.
    pub fn look(&self) -> (Duration, Option<&'static str>) {
        let (turned, trouble) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (turned.elapsed(), trouble)
    }

    /// Notes a turn; whether what is in its way is news.
    pub(super) fn turned(&self, trouble: Option<&'static str>) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = known.1 != trouble;
        *known = (Instant::now(), trouble);
        is_news
    }
}
