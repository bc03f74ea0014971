//! Since when a fetch loop owes an answer: what the readiness probe asks.
//!
//! A loop that has a free slot asks Redis again and again, so an answer is due. A loop whose
//! slots are all taken, or that was told to be quiet, has nothing to ask, however long that
//! lasts. Both facts are one number, so that nobody sees half of a change.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Stands for "no answer is due".
const NOTHING_DUE: u64 = u64::MAX;

/// When a fetch loop last got an answer, if another one is due.
pub(crate) struct LastTurn {
    start: Instant,
    /// Since when an answer is due, in ms since `start`, or [`NOTHING_DUE`].
    due_since: AtomicU64,
}

impl LastTurn {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            due_since: AtomicU64::new(0),
        }
    }

    /// An answer came, and the next one is due.
    pub(super) fn answered(&self) {
        self.due_since.store(self.now(), Ordering::Relaxed);
    }

    /// Nothing will be asked until [`Self::due`].
    pub(super) fn nothing_due(&self) {
        self.due_since.store(NOTHING_DUE, Ordering::Relaxed);
    }

    /// There is something to ask; since now, if nothing was due before.
    pub(super) fn due(&self) {
        if self.due_since.load(Ordering::Relaxed) == NOTHING_DUE {
            self.answered();
        }
    }

    /// How long an answer has been due; `None` while none is.
    pub(crate) fn late(&self) -> Option<Duration> {
        match self.due_since.load(Ordering::Relaxed) {
            NOTHING_DUE => None,
            since => Some(Duration::from_millis(self.now().saturating_sub(since))),
        }
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_is_late_from_its_last_answer_on() {
        let turn = LastTurn::new();
        advance(Duration::from_secs(3)).await;
        assert_eq!(turn.late(), Some(Duration::from_secs(3)));
        turn.answered();
        assert_eq!(turn.late(), Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn time_without_anything_to_ask_does_not_count() {
        let turn = LastTurn::new();
        turn.nothing_due();
        advance(Duration::from_secs(600)).await;
        assert_eq!(turn.late(), None);
        turn.due();
        advance(Duration::from_secs(1)).await;
        assert_eq!(turn.late(), Some(Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_free_slot_is_no_answer() {
        let turn = LastTurn::new();
        advance(Duration::from_secs(2)).await;
        turn.due();
        assert_eq!(turn.late(), Some(Duration::from_secs(2)));
    }
}
