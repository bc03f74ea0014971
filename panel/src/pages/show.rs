//! Numbers, lengths and instants as the pages show them.

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use rouage::inspect::span;

use crate::words::Words;

/// Less than this from now is now.
const JUST_NOW_MS: u64 = 500;

/// A number with a thin space between thousands.
pub(crate) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3 * 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push('\u{202f}');
        }
        shown.push(digit);
    }
    shown
}

/// The same as HTML, a zero in grey.
pub(crate) fn count(n: u64) -> String {
    if n == 0 {
        return r#"<span class="zero">0</span>"#.to_owned();
    }
    number(n)
}

/// Bytes in the unit that fits.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KB", "MB", "GB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{n} B")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// An instant as `<time>`: how long ago or ahead it is, the instant itself as its title. The script
/// shows it in the viewer's zone.
pub(crate) fn time(at: u64, now: u64, words: &Words) -> String {
    let told = if at.abs_diff(now) < JUST_NOW_MS {
        words.now.to_owned()
    } else if at > now {
        (words.ahead)(&span(at - now))
    } else {
        (words.ago)(&span(now - at))
    };
    let instant = instant(at);
    let mut html = String::new();
    // Writing to a String does not fail.
    let _ = write!(
        html,
        r#"<time datetime="{instant}" title="{instant}">{told}</time>"#
    );
    html
}

/// An instant in RFC 3339, UTC, with milliseconds.
pub(crate) fn instant(at: u64) -> String {
    let at = DateTime::<Utc>::from_timestamp_millis(i64::try_from(at).unwrap_or(i64::MAX));
    at.map_or_else(String::new, |at| {
        at.to_rfc3339_opts(SecondsFormat::Millis, true)
    })
}

/// The end of an id, which tells one from the next.
pub(crate) fn short(id: &str) -> String {
    let length = id.chars().count();
    if length <= 14 {
        return id.to_owned();
    }
    let end: String = id.chars().skip(length - 10).collect();
    format!("…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let shown: Vec<String> = [0, 999, 1000, 1_234_567].map(number).to_vec();
        assert_eq!(
            shown,
            ["0", "999", "1\u{202f}000", "1\u{202f}234\u{202f}567"]
        );
    }

    #[test]
    fn bytes_have_the_unit_that_fits() {
        let shown: Vec<String> = [999, 1000, 12_300_000].map(bytes).to_vec();
        assert_eq!(shown, ["999 B", "1.0 KB", "12.3 MB"]);
    }

    #[test]
    fn an_instant_is_told_from_now() {
        let words = crate::words::Language::English.words();
        assert!(time(60_000, 120_000, words).contains(">1m ago<"));
        assert!(time(120_000, 60_000, words).contains(">in 1m<"));
    }

    #[test]
    fn an_id_is_cut_at_its_start() {
        assert_eq!(short("01JD9W5X8K7M6N5P4Q3R2S1T0V"), "…4Q3R2S1T0V");
        assert_eq!(short("nightly"), "nightly");
    }
}
