//! One value of one row, and its text in a CSV cell.
//!
//! The formats of the texts are those of the CRM's own files, which Python wrote: `True`, an ISO 8601 time
//! with microseconds only if there are any, nothing for null. The one difference is wanted: a
//! text that a spreadsheet would run as a formula gets an apostrophe in front (OWASP, "CSV
//! Injection").
//!
//! Quoting is not decided here but by the CSV writer.

use std::borrow::Cow;

use anyhow::Context;
use chrono::{DateTime, Datelike, Timelike, Utc};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::exports::labels;

/// Microseconds from 1970, where Unix time starts, to 2000, where PostgreSQL's starts.
pub(super) const EPOCH_OFFSET: i64 = 946_684_800_000_000;

/// How a column's values are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    /// `integer`.
    Integer,
    /// Text that somebody typed: the only kind that can hold a formula.
    Text,
    /// Text that the database made or that has a fixed set of values.
    Verbatim,
    /// An enum, selected as text.
    Label,
    /// A sum in euros: `numeric`, selected as text, with its scale as stored.
    Money,
    /// `boolean`.
    Boolean,
    /// `timestamptz`, or a local time for people.
    Timestamp,
}

/// A value as it was read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'r> {
    Null,
    Integer(i32),
    Text(&'r str),
    Verbatim(&'r str),
    Label(&'r str),
    Money(&'r str),
    Boolean(bool),
    /// Microseconds since 2000.
    Timestamp(i64),
}

impl Cell {
    /// The value at `index`.
    pub(super) fn value(self, row: &PgRow, index: usize) -> anyhow::Result<Value<'_>> {
        // Unchecked: the column table names each type once, and checking it again costs a
        // lookup per cell. A timestamp arrives as its microseconds.
        let text = || row.try_get_unchecked::<Option<&str>, _>(index);
        let value = match self {
            Self::Integer => row
                .try_get_unchecked::<Option<i32>, _>(index)?
                .map(Value::Integer),
            Self::Text => text()?.map(Value::Text),
            Self::Verbatim => text()?.map(Value::Verbatim),
            Self::Label => text()?.map(Value::Label),
            Self::Money => text()?.map(Value::Money),
            Self::Boolean => row
                .try_get_unchecked::<Option<bool>, _>(index)?
                .map(Value::Boolean),
            Self::Timestamp => row
                .try_get_unchecked::<Option<i64>, _>(index)?
                .map(Value::Timestamp),
        };
        Ok(value.unwrap_or(Value::Null))
    }
}

impl<'r> Value<'r> {
    /// The text of a CSV cell; empty for null.
    pub(super) fn csv(self) -> anyhow::Result<Cow<'r, str>> {
        Ok(match self {
            Self::Null => Cow::Borrowed(""),
            Self::Integer(number) => number.to_string().into(),
            Self::Text(text) => neutralised(text),
            Self::Label(label) => labels::value_of(label).into(),
            Self::Money(text) | Self::Verbatim(text) => text.into(),
            Self::Boolean(value) => boolean(value),
            Self::Timestamp(micros) => timestamp(micros)?,
        })
    }
}

/// Whether a spreadsheet would take the text for a formula.
pub(super) fn is_like_a_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// The text with an apostrophe in front if a spreadsheet would take it for a formula.
fn neutralised(text: &str) -> Cow<'_, str> {
    if is_like_a_formula(text) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

fn boolean(value: bool) -> Cow<'static, str> {
    Cow::Borrowed(if value { "True" } else { "False" })
}

/// Microseconds since 2000 in UTC as an ISO 8601 time.
fn timestamp(micros: i64) -> anyhow::Result<Cow<'static, str>> {
    match micros {
        i64::MAX => return Ok("infinity".into()),
        i64::MIN => return Ok("-infinity".into()),
        _ => {}
    }
    let time = micros
        .checked_add(EPOCH_OFFSET)
        .and_then(DateTime::from_timestamp_micros)
        .with_context(|| format!("read a time {micros} µs from 2000"))?;
    Ok(iso(time).into())
}

fn iso(time: DateTime<Utc>) -> String {
    let (year, month, day) = (time.year(), time.month(), time.day());
    let (hour, minute, second, micros) = (
        time.hour(),
        time.minute(),
        time.second(),
        time.nanosecond() / 1000,
    );
    if micros == 0 {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+00:00")
    } else {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}+00:00")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_starts_like_a_formula_gets_an_apostrophe() {
        for start in ["=", "+", "-", "@", "\t", "\r"] {
            let text = format!("{start}1+1");
            assert_eq!(neutralised(&text), format!("'{text}"));
        }
    }

    #[test]
    fn other_texts_are_left_alone() {
        for text in ["", "a=1", " =1", "'=1", "\n=1", "é", "1-2", "a@b.example"] {
            assert_eq!(neutralised(text), text);
        }
    }

    #[test]
    fn times_are_written_as_python_writes_them() {
        let cases = [
            (0, "2000-01-01T00:00:00+00:00"),
            (820_886_400_000_000, "2026-01-05T00:00:00+00:00"),
            (820_915_200_000_000, "2026-01-05T08:00:00+00:00"),
            (820_915_200_000_001, "2026-01-05T08:00:00.000001+00:00"),
            (820_915_200_120_000, "2026-01-05T08:00:00.120000+00:00"),
            (-1, "1999-12-31T23:59:59.999999+00:00"),
            (i64::MAX, "infinity"),
            (i64::MIN, "-infinity"),
        ];
        for (micros, text) in cases {
            assert_eq!(timestamp(micros).unwrap(), text, "{micros}");
        }
    }

    #[test]
    fn a_time_no_calendar_holds_is_an_error_and_no_panic() {
        assert!(timestamp(i64::MAX - 1).is_err());
    }
}
