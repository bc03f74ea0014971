//! Times and durations as people write and read them.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use crm_jobs::{Clock, SystemClock};
use rouage::filter::read_duration;
pub(super) use rouage::inspect::span;

/// `90s`, `10m`, `1h30m`, `2d`, `500ms`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    read_duration(text.trim()).ok_or_else(|| {
        format!("{text:?} is not a duration such as 90s, 10m, 1h30m or 2d, at most a year")
    })
}

/// An instant with its offset, as ms since 1970.
pub(super) fn instant(text: &str) -> Result<u64, String> {
    let parsed = DateTime::parse_from_rfc3339(text).ok();
    parsed
        .and_then(|at| u64::try_from(at.timestamp_millis()).ok())
        .ok_or_else(|| {
            format!(
                "{text:?} is not a time such as 2026-11-23T09:30:00+01:00, with its offset or Z"
            )
        })
}

/// An instant, or how long ago it was, as ms since 1970.
pub(super) fn past(text: &str) -> Result<u64, String> {
    let ago = |length: Duration| now_ms().saturating_sub(length.as_millis() as u64);
    duration(text).map(ago).or_else(|_| instant(text)).map_err(|_| {
        format!("{text:?} is neither a time such as 2026-11-23T09:30:00+01:00 nor how long ago it was, such as 2h")
    })
}

/// ms since 1970 now.
pub(super) fn now_ms() -> u64 {
    u64::try_from(SystemClock.now().timestamp_millis()).unwrap_or(0)
}

/// An instant for people; a dash for never.
pub(super) fn show(ms: u64) -> String {
    let at = i64::try_from(ms)
        .ok()
        .filter(|ms| *ms > 0)
        .and_then(DateTime::<Utc>::from_timestamp_millis);
    at.map_or_else(
        || "-".to_owned(),
        |at| at.to_rfc3339_opts(SecondsFormat::Secs, true),
    )
}

/// How far an instant is from now: `3m ago`, `in 2h`.
pub(super) fn relative(ms: u64, now: u64) -> String {
    match (ms, now.checked_sub(ms)) {
        (0, _) => "-".to_owned(),
        (_, Some(ago)) => format!("{} ago", span(ago)),
        (_, None) => format!("in {}", span(ms - now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_duration_is_answered_with_right_ones() {
        assert_eq!(duration(" 1h30m "), Ok(Duration::from_secs(5400)));
        let wrong = duration("10 minutes").unwrap_err();
        assert!(wrong.contains("such as 90s, 10m"), "{wrong}");
    }

    #[test]
    fn instants_need_an_offset() {
        assert_eq!(instant("1970-01-01T01:00:01+01:00"), Ok(1000));
        assert!(
            instant("2026-11-23T09:30:00")
                .unwrap_err()
                .contains("offset")
        );
    }

    #[test]
    fn distances_are_told_in_their_largest_unit() {
        assert_eq!(relative(1000, 181_000), "3m ago");
        assert_eq!(relative(7_201_000, 1000), "in 2h");
        assert_eq!(
            (relative(0, 5), show(0), show(1000)),
            ("-".into(), "-".into(), "1970-01-01T00:00:01Z".into())
        );
    }
}
