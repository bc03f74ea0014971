//! The clock on the wall of a zone: what it shows at an instant, when it shows a time, when it is
//! put forward or back.
//!
//! Instants are seconds since 1970; wall times are seconds since 1970 as the clock shows them, so
//! `wall = instant + offset`. Only the offset counts: a zone that renames its time changes nothing.

use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

/// No two changes of a zone are nearer to each other.
const STRIDE: i64 = 24 * 3600;
/// Further than any clock is from UTC, and than any is moved.
const REACH: i64 = 27 * 3600;

/// A zone's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock(Tz);

/// When a clock shows a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Once.
    Once(i64),
    /// Twice: it is put back in between, at that change.
    Twice(i64, Change),
    /// Never: it is put forward over it, at that change.
    Never(Change),
}

/// The clock is put forward or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    /// The first instant of the new offset.
    pub(super) at: i64,
    /// Offset until then.
    pub(super) before: i64,
    /// Offset from then on.
    pub(super) after: i64,
}

impl Change {
    /// How far the clock is moved, in seconds; negative if it is put back.
    pub(super) fn shift(&self) -> i64 {
        self.after - self.before
    }
}

impl Clock {
    pub(super) fn new(zone: Tz) -> Self {
        Self(zone)
    }

    pub(super) fn zone(self) -> Tz {
        self.0
    }

    /// Seconds to add to an instant.
    pub(super) fn offset(self, at: i64) -> i64 {
        let offset = self.0.offset_from_utc_datetime(&naive(at)).fix();
        i64::from(offset.local_minus_utc())
    }

    /// What it shows.
    pub(super) fn wall(self, at: i64) -> i64 {
        at + self.offset(at)
    }

    /// When it shows a time.
    pub(super) fn shows(self, wall: i64) -> Shown {
        let mut from = wall - REACH;
        let until = wall + REACH;
        while let Some(change) = self.change_within(from, until) {
            let (old, new) = (change.at + change.before, change.at + change.after);
            if (old..new).contains(&wall) {
                return Shown::Never(change);
            }
            if (new..old).contains(&wall) {
                return Shown::Twice(wall - change.before, change);
            }
            from = change.at;
            if wall < old.min(new) {
                return Shown::Once(wall - change.before);
            }
        }
        Shown::Once(wall - self.offset(from))
    }

    /// The first change after an instant and not after another one.
    pub(super) fn change_within(self, after: i64, until: i64) -> Option<Change> {
        let (mut from, mut before) = (after, self.offset(after));
        while from < until {
            let to = until.min(from + STRIDE);
            let offset = self.offset(to);
            if offset != before {
                return Some(self.narrow(from, to, before));
            }
            (from, before) = (to, offset);
        }
        None
    }

    /// The change between two instants with different offsets, to the second.
    fn narrow(self, mut low: i64, mut high: i64, before: i64) -> Change {
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.offset(middle) == before {
                low = middle;
            } else {
                high = middle;
            }
        }
        Change {
            at: high,
            before,
            after: self.offset(high),
        }
    }
}

fn naive(at: i64) -> NaiveDateTime {
    DateTime::from_timestamp(at, 0)
        .unwrap_or_default()
        .naive_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp()
    }

    fn clock(zone: &str) -> Clock {
        Clock::new(zone.parse().unwrap())
    }

    #[test]
    fn changes_are_found_to_the_second_also_odd_ones() {
        for (zone, at, shift) in [
            ("Europe/Paris", "2026-03-29T01:00:00Z", 3600),
            ("Europe/Paris", "2026-10-25T01:00:00Z", -3600),
            ("Australia/Lord_Howe", "2026-10-03T15:30:00Z", 1800),
            ("Pacific/Apia", "2011-12-30T10:00:00Z", 24 * 3600),
        ] {
            let at = seconds(at);
            let found = clock(zone).change_within(at - 40 * STRIDE, at + STRIDE);
            let found = found.unwrap();
            assert_eq!((found.at, found.shift()), (at, shift), "{zone}");
        }
        let none = clock("UTC").change_within(0, seconds("2026-01-01T00:00:00Z"));
        assert_eq!(none, None);
    }

    #[test]
    fn a_time_is_shown_once_twice_or_never() {
        let paris = clock("Europe/Paris");
        let noon = seconds("2026-06-01T12:00:00Z");
        assert_eq!(paris.shows(noon), Shown::Once(noon - 7200));
        let lost = paris.shows(seconds("2026-03-29T02:30:00Z"));
        assert!(
            matches!(lost, Shown::Never(change) if change.at == seconds("2026-03-29T01:00:00Z"))
        );
        let twice = paris.shows(seconds("2026-10-25T02:30:00Z"));
        assert!(
            matches!(twice, Shown::Twice(first, _) if first == seconds("2026-10-25T00:30:00Z"))
        );
        let edge = seconds("2026-03-29T03:00:00Z");
        assert_eq!(paris.shows(edge), Shown::Once(edge - 7200));
    }
}
