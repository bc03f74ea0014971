//! From which row on a turn looks.
//!
//! A transaction that took long may commit a row in front of rows that left already, so looking
//! behind the last one is not enough; looking from the first one on walks over everything that was
//! deleted and not vacuumed. So turns look behind what had left a few seconds ago, and once in a
//! few seconds from the beginning. Where that finds something, all turns do so until it is gone.

use std::time::{Duration, Instant};

/// How often turns look from the beginning.
const EVERY: Duration = Duration::from_secs(5);

/// What a relay remembers of its turns.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// Turns look behind this row.
    floor: i64,
    /// The last row that had left when it was last looked from the beginning.
    mark: i64,
    /// The last row that left at all.
    last: i64,
    swept: Option<Instant>,
}

impl Sweep {
    /// The row behind which to look now.
    pub(super) fn behind(&mut self, now: Instant) -> i64 {
        let due = self
            .swept
            .is_none_or(|swept| now.duration_since(swept) >= EVERY);
        if !due {
            return self.floor;
        }
        self.swept = Some(now);
        (self.floor, self.mark) = (self.mark, self.last);
        0
    }

    /// This is the first row that was found.
    pub(super) fn found(&mut self, first: i64) {
        if first <= self.floor {
            *self = Self {
                swept: self.swept,
                ..Self::default()
            };
        }
    }

    /// This row left, or is parked.
    pub(super) fn left(&mut self, row: i64) {
        self.last = self.last.max(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_look_behind_what_left_long_ago_and_sometimes_from_the_beginning() {
        let start = Instant::now();
        let mut sweep = Sweep::default();
        let mut floors = Vec::new();
        for second in 0..12_u32 {
            floors.push(sweep.behind(start + Duration::from_secs(second.into())));
            let row = i64::from(second) * 10;
            sweep.found(row + 1);
            sweep.left(row + 10);
        }
        assert_eq!(floors, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50]);
    }

    #[test]
    fn rows_that_were_found_and_did_not_leave_are_never_looked_behind() {
        let start = Instant::now();
        let mut sweep = Sweep::default();
        for second in 0..30 {
            // Redis is away: the same row is found again and again.
            assert_eq!(sweep.behind(start + Duration::from_secs(second)), 0);
            sweep.found(1);
        }
    }

    #[test]
    fn a_late_commit_makes_all_turns_look_from_the_beginning_until_it_is_gone() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut sweep = Sweep::default();
        for second in [0, 5, 10] {
            sweep.behind(at(second));
            sweep.found(1000 + second as i64);
            sweep.left(1000 + second as i64);
        }
        assert!(sweep.behind(at(11)) > 0);
        assert_eq!(sweep.behind(at(15)), 0);
        sweep.found(3);
        sweep.left(500);
        assert_eq!(sweep.behind(at(16)), 0);
    }
}
