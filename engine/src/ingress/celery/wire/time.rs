//! Times as Celery writes and reads them: ISO 8601 in any form; without an offset it is UTC.

use chrono::{
    DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Timelike, Utc,
};

/// Milliseconds since 1970; what lies before is 0. `None` if it is no date.
///
/// Takes calendar, week and ordinal dates, each with or without hyphens, alone or followed by a
/// time with or without colons, fraction and offset.
pub(crate) fn parse(written: &str) -> Option<u64> {
    let written = written.trim();
    // No form is longer; a long digit string is not worth looking at.
    if !written.is_ascii() || written.len() > 64 {
        return None;
    }
    let (date, time) = match written.find(['T', 't', ' ']) {
        Some(at) => (&written[..at], Some(&written[at + 1..])),
        None => (written, None),
    };
    let date = date_of(date)?;
    let Some(time) = time else {
        return Some(millis(date.and_time(NaiveTime::MIN)));
    };
    let (clock, offset) = split_offset(time)?;
    let (clock, next_day) = clock_of(clock)?;
    let mut local = date.and_time(clock);
    if next_day {
        local = local.checked_add_days(chrono::Days::new(1))?;
    }
    Some(millis(local.checked_sub_offset(offset)?))
}

/// Whether it is a time of day, with or without an offset.
pub(crate) fn is_time(written: &str) -> bool {
    written.is_ascii()
        && written.len() <= 64
        && split_offset(written)
            .and_then(|(clock, _)| clock_of(clock))
            .is_some()
}

/// As Python's `isoformat` writes it; beyond what a date can hold, the end of the year 9999.
pub(crate) fn iso(ms: u64) -> String {
    const LAST_MS: u64 = 253_402_300_799_999;
    let at = i64::try_from(ms.min(LAST_MS))
        .ok()
        .and_then(DateTime::<Utc>::from_timestamp_millis)
        .unwrap_or_default();
    let format = if at.timestamp_subsec_millis() == 0 {
        SecondsFormat::Secs
    } else {
        SecondsFormat::Micros
    };
    at.to_rfc3339_opts(format, false)
}

fn millis(utc: NaiveDateTime) -> u64 {
    u64::try_from(utc.and_utc().timestamp_millis()).unwrap_or(0)
}

fn date_of(date: &str) -> Option<NaiveDate> {
    let compact: String = date.chars().filter(|&sign| sign != '-').collect();
    let hyphens: Vec<usize> = date.match_indices('-').map(|(at, _)| at).collect();
    let year = number(compact.get(..4)?)?.cast_signed();
    let rest = &compact[4..];
    match (rest.len(), hyphens.as_slice()) {
        (0, []) => NaiveDate::from_ymd_opt(year, 1, 1),
        (2, [4]) => NaiveDate::from_ymd_opt(year, number(rest)?, 1),
        (3, [] | [4]) if !rest.starts_with('W') => NaiveDate::from_yo_opt(year, number(rest)?),
        (4, [] | [4, 7]) if !rest.starts_with('W') => {
            NaiveDate::from_ymd_opt(year, number(&rest[..2])?, number(&rest[2..])?)
        }
        (3, [] | [4]) => week_date(year, &rest[1..], "1"),
        (4, [] | [4, 8]) => week_date(year, &rest[1..3], &rest[3..]),
        _ => None,
    }
}

fn week_date(year: i32, week: &str, day: &str) -> Option<NaiveDate> {
    let day = chrono::Weekday::try_from(u8::try_from(number(day)?.checked_sub(1)?).ok()?).ok()?;
    NaiveDate::from_isoywd_opt(year, number(week)?, day)
}

/// The time of day, and whether it is the midnight at the end of the day.
fn clock_of(clock: &str) -> Option<(NaiveTime, bool)> {
    let (whole, fraction) = match clock.find(['.', ',']) {
        Some(at) => (&clock[..at], Some(&clock[at + 1..])),
        None => (clock, None),
    };
    let compact = match whole.len() {
        2 | 4 | 6 => whole.to_owned(),
        5 | 8 => whole
            .split(':')
            .map(|part| (part.len() == 2).then_some(part))
            .collect::<Option<String>>()?,
        _ => return None,
    };
    let part = |from: usize| compact.get(from..from + 2).map_or(Some(0), number);
    let (hour, minute, second) = (part(0)?, part(2)?, part(4)?);
    let nanos = match fraction {
        None => 0,
        // A fraction of a minute or an hour is legal ISO, but no Python reads or writes it.
        Some(_) if compact.len() != 6 => return None,
        Some(digits) => {
            number(digits.get(..9.min(digits.len()))?)?;
            if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                return None;
            }
            number(&format!("{digits:0<9.9}"))?
        }
    };
    if (hour, minute, second, nanos) == (24, 0, 0, 0) {
        return Some((NaiveTime::MIN, true));
    }
    NaiveTime::from_hms_nano_opt(hour, minute, second, nanos).map(|time| (time, false))
}

fn split_offset(time: &str) -> Option<(&str, FixedOffset)> {
    let utc = FixedOffset::east_opt(0)?;
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, utc));
    }
    let Some(at) = time.find(['+', '-']) else {
        return Some((time, utc));
    };
    let (clock, signed) = time.split_at(at);
    let seconds = offset_seconds(&signed[1..])?;
    let seconds = if signed.starts_with('-') {
        -seconds
    } else {
        seconds
    };
    Some((clock, FixedOffset::east_opt(seconds)?))
}

/// `HH`, `HHMM`, `HH:MM`, or with seconds, as Python writes historic zones.
fn offset_seconds(offset: &str) -> Option<i32> {
    let (time, _) = clock_of(offset)?;
    Some(time.num_seconds_from_midnight().cast_signed())
}

fn number(digits: &str) -> Option<u32> {
    (!digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}
