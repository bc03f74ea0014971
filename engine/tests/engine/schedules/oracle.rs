//! What the rules of time mean, by brute force: a walk through a zone minute by minute.
//!
//! It looks at the clock on the wall every minute and knows nothing else of the zone. A time that is
//! named is due the first time that the clock shows it or something later: this covers gaps, and what
//! is shown again is not later than anything. A step is due whenever the clock shows it, and at the end
//! of a gap that would stretch its pause.

use chrono::{DateTime, Days as CalendarDays, NaiveDate, Offset, TimeZone};
use chrono_tz::Tz;

use super::expressions::Spec;

pub(crate) const MINUTE: i64 = 60;
pub(crate) const DAY: i64 = 86_400;

/// What the clock is ahead of UTC, in seconds.
pub(crate) fn offset(zone: Tz, at: i64) -> i64 {
    let utc = DateTime::from_timestamp(at, 0).unwrap().naive_utc();
    i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc())
}

/// The start of a year, in seconds.
pub(crate) fn year(year: i32) -> i64 {
    let date = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
    date.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp()
}

/// Instants at which the clock is put forward or back, to the minute.
pub(crate) fn changes(zone: Tz, from: i64, until: i64) -> Vec<i64> {
    let mut found = Vec::new();
    let mut last = offset(zone, from);
    let mut hour = from;
    while hour < until {
        hour += 3600;
        if offset(zone, hour) != last {
            let mut minute = hour - 3600;
            while offset(zone, minute) == last {
                minute += MINUTE;
            }
            found.push(minute);
            last = offset(zone, hour);
        }
    }
    found
}

/// Occurrences of each expression in `[from, until)`, which are whole minutes.
pub(crate) fn walk(specs: &[Spec], zone: Tz, from: i64, until: i64) -> Vec<Vec<i64>> {
    let mut walks: Vec<Walk<'_>> = specs.iter().map(Walk::new).collect();
    let (mut gaps, mut last) = (Vec::new(), offset(zone, from - MINUTE));
    let mut shown_until = from - MINUTE + last;
    let mut at = from;
    while at < until {
        let now = offset(zone, at);
        if now != last {
            if now > last {
                gaps.push((at, now - last));
            }
            last = now;
        }
        let wall = at + now;
        for walk in &mut walks {
            if walk.spec.follows {
                walk.look(at, wall, wall);
            } else {
                walk.look(at, shown_until + MINUTE, wall);
            }
        }
        shown_until = shown_until.max(wall);
        at += MINUTE;
    }
    walks.into_iter().map(|walk| walk.finish(&gaps)).collect()
}

struct Walk<'s> {
    spec: &'s Spec,
    /// The day on the wall that was looked at last, and whether the expression comes on it.
    day: (i64, bool),
    found: Vec<i64>,
}

impl<'s> Walk<'s> {
    fn new(spec: &'s Spec) -> Self {
        Self {
            spec,
            day: (i64::MIN, false),
            found: Vec::new(),
        }
    }

    /// Notes the instant if a time between these two, both included, matches.
    fn look(&mut self, at: i64, first: i64, last: i64) {
        let mut wall = first;
        while wall <= last {
            if self.matches(wall) {
                self.found.push(at);
                return;
            }
            wall += MINUTE;
        }
    }

    fn matches(&mut self, wall: i64) -> bool {
        let (day, time) = (wall.div_euclid(DAY), wall.rem_euclid(DAY) / MINUTE);
        let (hour, minute) = ((time / 60) as usize, (time % 60) as usize);
        if !self.spec.hours[hour] || !self.spec.minutes[minute] {
            return false;
        }
        if self.day.0 != day {
            let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
            let date = epoch + CalendarDays::new(day as u64);
            self.day = (day, self.spec.on(date));
        }
        self.day.1
    }

    fn finish(self, gaps: &[(i64, i64)]) -> Vec<i64> {
        let mut found = self.found;
        if !self.spec.follows {
            return found;
        }
        let longest = self.spec.longest_pause();
        for (end, lost) in gaps {
            let behind = found.partition_point(|at| at < end);
            let (Some(next), true) = (found.get(behind).copied(), behind > 0) else {
                continue;
            };
            let pause = next - found[behind - 1];
            if next != *end && pause > longest && pause <= longest + lost {
                found.insert(behind, *end);
            }
        }
        found
    }
}
