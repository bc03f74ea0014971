//! Times and durations as they are written in JSON.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use rouage::filter::read_duration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// An instant with its offset, in ms since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(pub(super) u64);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let parsed = DateTime::parse_from_rfc3339(&text).ok();
        let ms = parsed.and_then(|at| u64::try_from(at.timestamp_millis()).ok());
        ms.map(Self).ok_or_else(|| {
            D::Error::custom(
                "not a time such as 2026-11-23T09:30:00+01:00, after 1970, with its offset or Z",
            )
        })
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "An instant after 1970, with its offset or Z.",
            "examples": ["2026-11-23T09:30:00+01:00"],
        })
    }
}

/// A duration such as `90s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        read_duration(&text).map(Self).ok_or_else(|| {
            D::Error::custom("not a duration such as 500ms, 90s, 10m, 1h30m or 2d, at most a year")
        })
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^([0-9]{1,9}(ms|s|m|h|d))+$",
            "description": "A duration in ms, s, m, h and d, at most a year.",
            "examples": ["90s", "1h30m"],
        })
    }
}

/// An instant as it is written; `None` for never.
pub(super) fn written(ms: u64) -> Option<String> {
    let at = i64::try_from(ms).ok().filter(|ms| *ms > 0)?;
    let at = DateTime::<Utc>::from_timestamp_millis(at)?;
    Some(at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_need_an_offset_and_come_back_in_utc() {
        let read = |text: &str| serde_json::from_str::<Moment>(&format!("{text:?}"));
        let at = read("2026-11-23T09:30:00+01:00").unwrap();
        assert_eq!(written(at.0).unwrap(), "2026-11-23T08:30:00.000Z");
        for wrong in ["2027-01-01T00:00:00", "1969-12-31T23:59:59Z", "ann"] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(!error.contains(wrong), "{error}");
        }
        assert_eq!(written(0), None);
    }

    #[test]
    fn durations_are_texts_with_units() {
        let read = |text: &str| serde_json::from_str::<Span>(text);
        assert_eq!(read("\"1h30m\"").unwrap().0, Duration::from_mins(90));
        for wrong in ["90", "\"90\"", "\"\"", "\"400d\"", "\"-1s\""] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
