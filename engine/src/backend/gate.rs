//! The gate before a queue's claims: closed while its worker is quiet.
//!
//! A closed gate is a promise. Who closed it learns from [`Gate::is_at_rest`] when the last
//! claim that had passed before is over; from then on nothing is claimed until it is opened.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// One fetch loop passes it; others open and close it.
pub(crate) struct Gate {
    closed: AtomicBool,
    /// Whether a claim is under way.
    passed: AtomicBool,
    opened: Notify,
    /// Rung when a claim that the closing found under way is over.
    rested: Arc<Notify>,
}

impl Gate {
    pub(crate) fn new(rested: Arc<Notify>) -> Self {
        Self {
            closed: AtomicBool::new(false),
            passed: AtomicBool::new(false),
            opened: Notify::new(),
            rested,
        }
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn open(&self) {
        self.closed.store(false, Ordering::SeqCst);
        self.opened.notify_one();
    }

    /// Whether nothing is claimed, and nothing will be before the gate is opened.
    pub(crate) fn is_at_rest(&self) -> bool {
        // In this order, and the loop in the other one: one of the two sees the other's mark.
        self.closed.load(Ordering::SeqCst) && !self.passed.load(Ordering::SeqCst)
    }

    /// Passes before a claim; `false` if it is closed.
    pub(super) fn pass(&self) -> bool {
        self.passed.store(true, Ordering::SeqCst);
        let open = !self.closed.load(Ordering::SeqCst);
        if !open {
            self.come_back();
        }
        open
    }

    /// Comes back after a claim.
    pub(super) fn come_back(&self) {
        self.passed.store(false, Ordering::SeqCst);
        if self.closed.load(Ordering::SeqCst) {
            self.rested.notify_one();
        }
    }

    /// Waits until it is open.
    pub(super) async fn until_open(&self) {
        while self.closed.load(Ordering::SeqCst) {
            self.opened.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_closed_gate_is_at_rest_once_the_claim_before_it_is_over() {
        let rested = Arc::new(Notify::new());
        let gate = Gate::new(Arc::clone(&rested));
        assert!(gate.pass());
        gate.close();
        assert!(!gate.is_at_rest(), "a claim is under way");
        gate.come_back();
        assert!(gate.is_at_rest());
        assert!(
            rested.notified().now_or_never().is_some(),
            "who closed it is told"
        );
        assert!(!gate.pass());
    }

    #[test]
    fn an_opened_gate_lets_a_waiting_loop_pass() {
        let gate = Gate::new(Arc::default());
        gate.close();
        let mut waiting = Box::pin(gate.until_open());
        assert!(waiting.as_mut().now_or_never().is_none());
        gate.open();
        assert!(waiting.now_or_never().is_some());
        assert!(gate.pass());
    }
}
