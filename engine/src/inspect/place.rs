//! Where in which index a search is: pure arithmetic on scores and names.
//!
//! Indexes are walked in a fixed order: queues by name, states in the order of a life, parts of a
//! state by name. Inside one, jobs that wait come in the order in which they run, jobs that are
//! over or held come newest first.

use super::cursor::Cursor;
use crate::state::State;

/// Beyond every score there is: scores are exact in a double.
const HIGHEST_SCORE: u64 = 1 << 53;

/// One index, and where in it to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) queue: String,
    pub(super) state: State,
    /// The index' part of the key's name.
    pub(super) part: String,
    /// Score and member of the entry behind which to go on.
    pub(super) behind: (u64, String),
    /// The last score that can be meant.
    last: u64,
}

impl Place {
    /// The start of an index, for jobs that are in their state, or due, from `first` to `last`,
    /// in ms since 1970.
    pub(super) fn new(queue: &str, state: State, part: &str, (first, last): (u64, u64)) -> Self {
        let latest = HIGHEST_SCORE / 10 - 1;
        let (first, last) = (first.min(latest), last.min(latest));
        let (low, high) = match state {
            State::Scheduled | State::Retrying => (first * 10, last * 10 + 9),
            // Their scores do not say since when.
            State::Available | State::Running => (0, HIGHEST_SCORE),
            State::Held | State::Completed | State::Cancelled | State::Discarded => (first, last),
        };
        // No member is empty: behind this are all entries of that score, whichever way.
        let (start, last) = if is_downward(state) {
            (high + 1, low)
        } else {
            (low, high)
        };
        Self {
            queue: queue.to_owned(),
            state,
            part: part.to_owned(),
            behind: (start, String::new()),
            last,
        }
    }

    /// The same index with what `cursor` has seen behind it; `None` if that is all of it.
    pub(super) fn resume(mut self, cursor: &Cursor) -> Option<Self> {
        let order = |state| State::ALL.iter().position(|known| *known == state);
        let here = (&self.queue, order(self.state), &self.part);
        let stopped = (&cursor.queue, order(cursor.state), &cursor.part);
        if here < stopped {
            return None;
        }
        if here == stopped {
            self.behind = (cursor.score, cursor.member.clone());
        }
        Some(self)
    }

    /// Newest first once they are over, else next to run first.
    pub(super) const fn is_downward(&self) -> bool {
        is_downward(self.state)
    }

    /// Whether a job of that score, or one behind it, can be meant.
    pub(super) const fn reaches(&self, score: u64) -> bool {
        if self.is_downward() {
            score >= self.last
        } else {
            score <= self.last
        }
    }

    pub(super) fn cursor(self) -> Cursor {
        let (score, member) = self.behind;
        Cursor {
            queue: self.queue,
            state: self.state,
            part: self.part,
            score,
            member,
        }
    }
}

const fn is_downward(state: State) -> bool {
    state.is_final() || matches!(state, State::Held)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(state: State, span: (u64, u64)) -> Place {
        Place::new("mail", state, "part", span)
    }

    #[test]
    fn times_bound_the_scores_of_states_that_know_since_when() {
        let held = place(State::Held, (1000, 2000));
        assert_eq!(
            (held.behind.0, held.reaches(1000), held.reaches(999)),
            (2001, true, false)
        );
        let due = place(State::Retrying, (1000, 2000));
        assert_eq!(
            (due.behind.0, due.reaches(20_009), due.reaches(20_010)),
            (10_000, true, false)
        );
        let line = place(State::Available, (1000, 2000));
        assert_eq!((line.behind.0, line.reaches(HIGHEST_SCORE)), (0, true));
        assert!(place(State::Scheduled, (0, u64::MAX)).reaches(HIGHEST_SCORE - 100));
    }

    #[test]
    fn a_cursor_skips_what_was_walked_and_no_more() {
        let mut stopped = place(State::Held, (0, u64::MAX));
        stopped.behind = (77, "job-1".to_owned());
        let cursor = stopped.clone().cursor();
        let all = (0, u64::MAX);
        assert_eq!(place(State::Running, all).resume(&cursor), None);
        assert_eq!(
            Place::new("exports", State::Held, "part", all).resume(&cursor),
            None
        );
        assert_eq!(place(State::Held, all).resume(&cursor), Some(stopped));
        let later = place(State::Completed, all);
        assert_eq!(later.clone().resume(&cursor), Some(later));
    }
}
