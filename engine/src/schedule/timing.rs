//! When a schedule is due: cron expressions in a zone, and fixed periods.
//!
//! The rules where a clock changes:
//!
//! - **Named hours** (`0 2 * * *`, `30 1-3 * * *`) are times on the wall, each of which comes once. One
//!   that the clock is put forward over comes at the first instant after the gap; one that it shows
//!   twice comes the first time.
//! - **Hours that are a step** (`*` or `*/n`) follow real time: every instant at which the clock shows
//!   a matching time. Where a gap would make a pause longer than the longest one of the expression
//!   (`0 */2 * * *` and a gap at 02:00; `15 * * * *` where half an hour is lost), its end is an
//!   occurrence: no hole. A clock that is put back takes nothing away, so nothing is added.
//! - **`every`** knows no zone: multiples of the period since 1970, so that all processes, today and
//!   after a restart, agree.
//!
//! No two occurrences are the same instant.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::clock::{Change, Clock, Shown};
use super::expression::Expression;
use super::invalid::{InvalidSchedule, closest};
use crate::filter::read_duration;

/// Longest period, in seconds: a leap year.
const LONGEST_PERIOD: u64 = 366 * 86_400;
/// Times that are tried for one occurrence: a few around a change of the clock are not after it.
const TRIES: usize = 1000;

/// When a schedule is due.
#[derive(Debug, Clone)]
pub struct Timing {
    rule: Rule,
    clock: Clock,
}

#[derive(Debug, Clone)]
enum Rule {
    Cron(Box<Expression>),
    /// Seconds.
    Every(i64),
}

/// An occurrence as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upcoming {
    /// Seconds since 1970.
    pub at: i64,
    /// What the clock on the wall shows.
    pub local: DateTime<FixedOffset>,
    /// What a change of the clock has to do with it; empty for nothing.
    pub note: String,
}

impl Timing {
    /// A cron expression in a zone.
    pub fn cron(expression: &str, zone: &str) -> Result<Self, InvalidSchedule> {
        Ok(Self {
            rule: Rule::Cron(Box::new(Expression::parse(expression)?)),
            clock: Clock::new(self::zone(zone)?),
        })
    }

    /// A period such as `90s` or `10m`; the zone only matters to people.
    pub fn every(period: &str, zone: &str) -> Result<Self, InvalidSchedule> {
        let seconds = read_duration(period.trim())
            .filter(|period| period.subsec_nanos() == 0)
            .map(|period| period.as_secs())
            .filter(|seconds| (1..=LONGEST_PERIOD).contains(seconds));
        let seconds = seconds.ok_or_else(|| {
            let shown: String = period.chars().take(60).collect();
            let hint = "whole seconds such as 90s, 10m, 1h30m or 2d, at most 366d";
            InvalidSchedule::new(format!("period {shown:?} cannot be read"), hint)
        })?;
        Ok(Self {
            rule: Rule::Every(seconds as i64),
            clock: Clock::new(self::zone(zone)?),
        })
    }

    /// The same by another zone's clock.
    pub(super) fn in_zone(&self, zone: &str) -> Result<Self, InvalidSchedule> {
        Ok(Self {
            rule: self.rule.clone(),
            clock: Clock::new(self::zone(zone)?),
        })
    }

    /// The zone's name.
    pub fn zone(&self) -> &'static str {
        self.clock.zone().name()
    }

    /// The expression, if there is one.
    pub fn expression(&self) -> Option<&Expression> {
        match &self.rule {
            Rule::Cron(expression) => Some(expression),
            Rule::Every(_) => None,
        }
    }

    /// The period, if it has one.
    pub fn period(&self) -> Option<Duration> {
        match &self.rule {
            Rule::Cron(_) => None,
            Rule::Every(seconds) => Some(Duration::from_secs(*seconds as u64)),
        }
    }

    /// The first occurrence after an instant, both in seconds since 1970.
    pub fn next(&self, after: i64) -> Option<i64> {
        match &self.rule {
            Rule::Every(period) => Some((after.div_euclid(*period) + 1) * period),
            Rule::Cron(expression) => match expression.step() {
                None => self.next_named(expression, after),
                Some(longest) => self.next_step(expression, longest, after),
            },
        }
    }

    /// Times on the wall, each once.
    fn next_named(&self, expression: &Expression, after: i64) -> Option<i64> {
        let mut wall = self.clock.wall(after);
        for _ in 0..TRIES {
            wall = expression.first_after(wall, false)?;
            let at = match self.clock.shows(wall) {
                Shown::Once(at) => at,
                Shown::Never(change) => change.at,
                Shown::Twice(first, change) => {
                    if first <= after {
                        // All of what is shown again came before.
                        wall = change.at + change.before - 1;
                    }
                    first
                }
            };
            if at > after {
                return Some(at);
            }
        }
        None
    }

    /// Instants at which a matching time is shown, and ends of gaps that would leave a hole.
    fn next_step(&self, expression: &Expression, longest: i64, after: i64) -> Option<i64> {
        let (mut from, mut at_it_too) = (after, false);
        for _ in 0..TRIES {
            let offset = self.clock.offset(from);
            let at = expression.first_after(from + offset, at_it_too)? - offset;
            let Some(change) = self.clock.change_within(from, at) else {
                return Some(at);
            };
            if leaves_a_hole(expression, longest, change) {
                return Some(change.at);
            }
            (from, at_it_too) = (change.at, true);
        }
        None
    }

    /// The next occurrences after an instant, with what the clock shows.
    pub fn upcoming(&self, after: i64, most: usize) -> Vec<Upcoming> {
        let mut found = Vec::new();
        let mut last = after;
        while found.len() < most {
            let Some(at) = self.next(last) else { break };
            found.push(Upcoming {
                at,
                local: self.local(at),
                note: self.note(last, at),
            });
            last = at;
        }
        found
    }

    /// An instant by the zone's clock.
    pub fn local(&self, at: i64) -> DateTime<FixedOffset> {
        let utc = DateTime::<Utc>::from_timestamp(at, 0).unwrap_or_default();
        utc.with_timezone(&self.clock.zone()).fixed_offset()
    }

    fn note(&self, last: i64, at: i64) -> String {
        let wall = self.clock.wall(at);
        let mut notes = Vec::new();
        if let Some(change) = self.clock.change_within(last, at) {
            let way = if change.shift() > 0 {
                "forward"
            } else {
                "back"
            };
            let by = crate::inspect::span(change.shift().unsigned_abs() * 1000);
            let when = DateTime::<Utc>::from_timestamp(change.at, 0).unwrap_or_default();
            let when = when.to_rfc3339_opts(SecondsFormat::Secs, true);
            notes.push(format!("the clock is put {way} by {by} at {when}"));
            let shown = self.expression().is_none_or(|own| own.matches(wall));
            if at == change.at && !shown {
                notes.push("runs at that moment: its own time is not shown".to_owned());
            }
        }
        if let Shown::Twice(first, _) = self.clock.shows(wall) {
            let which = if at == first { "first" } else { "second" };
            notes.push(format!("this time is shown twice: the {which}"));
        }
        notes.join("; ")
    }
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Rule::Cron(expression) => write!(f, "{expression} {}", self.zone()),
            Rule::Every(seconds) => {
                write!(
                    f,
                    "every {}",
                    crate::filter::Moment::Ago(*seconds as u64 * 1000)
                )
            }
        }
    }
}

/// Whether a gap makes the pause around it longer than it may be.
fn leaves_a_hole(expression: &Expression, longest: i64, change: Change) -> bool {
    if change.shift() < 0 {
        return false;
    }
    let last = expression.last_before(change.at + change.before);
    let next = expression.first_after(change.at + change.after, true);
    let (Some(last), Some(next)) = (last, next) else {
        return false;
    };
    let (last, next) = (last - change.before, next - change.after);
    let pause = next - last;
    // Much longer ones are between days that match.
    next > change.at && pause > longest && pause <= longest + change.shift()
}

/// The zone of that name.
fn zone(name: &str) -> Result<Tz, InvalidSchedule> {
    let name = name.trim();
    name.parse().map_err(|_| {
        let shown: String = name.chars().take(60).collect();
        let hint = closest(name, TZ_VARIANTS.iter().map(|zone| zone.name())).map_or_else(
            || "a name of the IANA database such as Europe/Paris or UTC".to_owned(),
            |near| format!("did you mean {near}?"),
        );
        InvalidSchedule::new(format!("unknown time zone {shown:?}"), hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp()
    }

    /// The next local times, as `DD HH:MM+OFFSET`.
    fn local(timing: &Timing, after: &str, most: usize) -> Vec<String> {
        let next = timing.upcoming(from(after), most);
        next.iter()
            .map(|next| next.local.format("%d %H:%M%:::z").to_string())
            .collect()
    }

    fn paris(expression: &str) -> Timing {
        Timing::cron(expression, "Europe/Paris").unwrap()
    }

    #[test]
    fn a_named_time_in_a_gap_comes_at_the_first_instant_after_it_once() {
        let eve = "2026-03-28T12:00:00Z";
        assert_eq!(
            local(&paris("0 2 * * *"), eve, 2),
            ["29 03:00+02", "30 02:00+02"]
        );
        assert_eq!(
            local(&paris("*/20 2 * * *"), eve, 3),
            ["29 03:00+02", "30 02:00+02", "30 02:20+02"]
        );
        assert_eq!(
            local(&paris("30 1-3 * * *"), eve, 4),
            ["29 01:30+01", "29 03:00+02", "29 03:30+02", "30 01:30+02"]
        );
    }

    #[test]
    fn a_named_time_that_is_shown_twice_comes_the_first_time_only() {
        let eve = "2026-10-24T12:00:00Z";
        assert_eq!(
            local(&paris("30 2 * * *"), eve, 2),
            ["25 02:30+02", "26 02:30+01"]
        );
        assert_eq!(
            local(&paris("*/30 2 * * *"), eve, 3),
            ["25 02:00+02", "25 02:30+02", "26 02:00+01"]
        );
        // From within the second showing.
        assert_eq!(
            local(&paris("30 2 * * *"), "2026-10-25T01:10:00Z", 1),
            ["26 02:30+01"]
        );
    }

    #[test]
    fn steps_follow_real_time_through_both_changes() {
        for day in ["2026-03-29T00:00:00Z", "2026-10-25T00:00:00Z"] {
            let next = paris("*/10 * * * *").upcoming(from(day), 20);
            let pauses: Vec<i64> = next.windows(2).map(|two| two[1].at - two[0].at).collect();
            assert_eq!(pauses, [600; 19], "{day}");
        }
    }

    #[test]
    fn a_step_of_hours_has_no_hole_where_the_clock_changes() {
        let two = paris("0 */2 * * *");
        assert_eq!(
            local(&two, "2026-03-28T22:30:00Z", 3),
            ["29 00:00+01", "29 03:00+02", "29 04:00+02"]
        );
        assert_eq!(
            local(&two, "2026-10-24T21:30:00Z", 4),
            ["25 00:00+02", "25 02:00+02", "25 02:00+01", "25 04:00+01"]
        );
        let six = paris("0 */6 * * *");
        assert_eq!(
            local(&six, "2026-10-24T21:30:00Z", 2),
            ["25 00:00+02", "25 06:00+01"]
        );
        let half = Timing::cron("15 * * * *", "Australia/Lord_Howe").unwrap();
        let next = half.upcoming(from("2026-10-03T14:00:00Z"), 4);
        assert!(next.windows(2).all(|two| two[1].at - two[0].at <= 3600));
    }

    #[test]
    fn periods_are_multiples_since_1970_in_every_zone() {
        let every = Timing::every("90s", "Europe/Paris").unwrap();
        let first = every.next(1_700_000_000).unwrap();
        assert_eq!((first % 90, every.next(first)), (0, Some(first + 90)));
        assert_eq!(every.to_string(), "every 1m30s");
        for wrong in ["", "10", "0s", "500ms", "400d", "10 minutes"] {
            assert!(Timing::every(wrong, "UTC").is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_zone_is_answered_with_its_neighbour() {
        let error = Timing::cron("0 2 * * *", "Europe/Pari").unwrap_err();
        assert_eq!(error.hint, "did you mean Europe/Paris?");
    }

    #[test]
    fn a_note_says_what_the_change_of_the_clock_does() {
        let next = paris("0 2 * * *").upcoming(from("2026-03-28T12:00:00Z"), 2);
        assert_eq!(
            next[0].note,
            "the clock is put forward by 1h at 2026-03-29T01:00:00Z; \
             runs at that moment: its own time is not shown"
        );
        assert_eq!(next[1].note, "");
        let next = paris("30 2 * * *").upcoming(from("2026-10-24T12:00:00Z"), 1);
        assert_eq!(next[0].note, "this time is shown twice: the first");
    }
}
