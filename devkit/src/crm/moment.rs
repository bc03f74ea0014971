//! Instants that do not depend on today.
//!
//! Everything happens in the three years before one fixed Monday, and is written with the offsets
//! of the places where the house works, so that code which ignores offsets is found out.

use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};

use super::rng::Rng;

/// 2026-01-05T00:00:00Z in seconds.
const BASE: i64 = 1_767_571_200;
/// Offsets from UTC in minutes: UTC, Paris in winter and summer, New York, Mumbai, Tokyo.
const OFFSETS: [i32; 6] = [0, 60, 120, -300, 330, 540];
const DAY: u64 = 86_400;

/// The instant that the data set calls "now".
pub fn base_instant() -> DateTime<Utc> {
    DateTime::from_timestamp(BASE, 0).unwrap_or_default()
}

/// An instant up to `days` before the base, with microseconds and some offset.
pub(super) fn before(rng: &mut Rng, days: u64) -> String {
    let microseconds = rng.below(days * DAY * 1_000_000) as i64;
    written(base_instant() - TimeDelta::microseconds(microseconds), rng)
}

/// An instant up to `days` after the base, on a full minute.
pub(super) fn after(rng: &mut Rng, days: u64) -> String {
    let minutes = rng.below(days * 24 * 60) as i64;
    written(base_instant() + TimeDelta::minutes(minutes), rng)
}

/// A calendar day up to `days` before or after the base.
pub(super) fn day(rng: &mut Rng, before: u64, after: u64) -> NaiveDate {
    let shift = rng.below(before + after) as i64 - before as i64;
    (base_instant() + TimeDelta::days(shift)).date_naive()
}

fn written(instant: DateTime<Utc>, rng: &mut Rng) -> String {
    match FixedOffset::east_opt(rng.pick(&OFFSETS) * 60) {
        Some(offset) => instant.with_timezone(&offset).to_rfc3339(),
        None => instant.to_rfc3339(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_a_known_monday() {
        assert_eq!(base_instant().to_rfc3339(), "2026-01-05T00:00:00+00:00");
        assert_eq!(base_instant().format("%A").to_string(), "Monday");
    }
}
