//! The slots of one queue: how many jobs may run at once, changed while they run.
//!
//! More slots are there at once. Fewer are there as jobs end: nothing that runs is interrupted,
//! and no slot that comes back is used again while there are too many. One number says how many
//! there are and one how many are taken, so growing and shrinking need no book of debts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Slots of one queue; one fetch loop takes them.
#[derive(Debug)]
pub(crate) struct Slots {
    all: AtomicUsize,
    /// May be more than `all` for a while.
    taken: AtomicUsize,
    changed: Notify,
}

impl Slots {
    pub(crate) fn new(all: usize) -> Self {
        Self {
            all: AtomicUsize::new(all),
            taken: AtomicUsize::new(0),
            changed: Notify::new(),
        }
    }

    /// How many there are.
    pub(crate) fn all(&self) -> usize {
        self.all.load(Ordering::Acquire)
    }

    /// Lets there be so many from now on.
    pub(crate) fn resize(&self, all: usize) {
        self.all.store(all, Ordering::Release);
        self.changed.notify_one();
    }

    /// How many can be taken now.
    pub(crate) fn free(&self) -> usize {
        self.all()
            .saturating_sub(self.taken.load(Ordering::Acquire))
    }

    /// Takes what is free, `most` at most; `None` if nothing is.
    pub(crate) fn take(self: &Arc<Self>, most: usize) -> Option<Taken> {
        let all = self.all();
        let free = |taken: usize| all.saturating_sub(taken).min(most);
        let grow = |taken| (free(taken) > 0).then(|| taken + free(taken));
        let before = self
            .taken
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, grow)
            .ok()?;
        Some(Taken {
            slots: Arc::clone(self),
            count: free(before),
        })
    }

    /// Waits until a slot is free and takes what is, `most` at most.
    pub(crate) async fn wait(self: &Arc<Self>, most: usize) -> Taken {
        loop {
            if let Some(taken) = self.take(most) {
                return taken;
            }
            // A change between the look and here has left its mark, so it is not missed.
            self.changed.notified().await;
        }
    }

    fn give_back(&self, count: usize) {
        self.taken.fetch_sub(count, Ordering::AcqRel);
        self.changed.notify_one();
    }
}

/// Slots that are taken; given back when dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    slots: Arc<Slots>,
    count: usize,
}

impl Taken {
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Takes one out of them; `None` if none is left.
    pub(crate) fn split_one(&mut self) -> Option<Self> {
        self.count = self.count.checked_sub(1)?;
        Some(Self {
            slots: Arc::clone(&self.slots),
            count: 1,
        })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.count > 0 {
            self.slots.give_back(self.count);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn slots(all: usize) -> Arc<Slots> {
        Arc::new(Slots::new(all))
    }

    #[test]
    fn no_more_are_taken_than_there_are() {
        let slots = slots(3);
        let two = slots.take(2);
        assert_eq!(two.as_ref().map(Taken::count), Some(2));
        let rest = slots.take(2);
        assert_eq!(rest.as_ref().map(Taken::count), Some(1));
        assert!(slots.take(1).is_none());
        drop(two);
        assert_eq!(slots.free(), 2);
    }

    #[test]
    fn each_part_of_what_was_taken_is_given_back_once() {
        let slots = slots(3);
        let mut taken = slots.take(3);
        let one = taken.as_mut().and_then(Taken::split_one);
        drop(taken);
        assert_eq!(slots.free(), 2);
        drop(one);
        assert_eq!(slots.free(), 3);
    }

    #[test]
    fn a_slot_too_many_is_not_used_again() {
        let slots = slots(3);
        let mut running: Vec<_> = (0..3).filter_map(|_| slots.take(1)).collect();
        slots.resize(1);
        running.pop();
        running.pop();
        assert!(slots.take(1).is_none(), "one runs and there is one slot");
        running.pop();
        assert!(slots.take(1).is_some());
    }

    #[test]
    fn a_waiting_loop_gets_a_slot_that_was_added() {
        let slots = slots(1);
        let _running = slots.take(1);
        let mut waiting = Box::pin(slots.wait(10));
        assert!(waiting.as_mut().now_or_never().is_none());
        slots.resize(4);
        let taken = waiting.now_or_never();
        assert_eq!(taken.as_ref().map(Taken::count), Some(3));
    }
}
