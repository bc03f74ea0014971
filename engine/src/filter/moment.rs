//! Points in time as people write them: `2h` ago, or an instant with its offset.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// Units of a duration in ms, the larger ones first.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];
/// Longest duration that can be asked for, in ms: a leap year.
const LONGEST_MS: u64 = 366 * 86_400_000;

/// A point in time, in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// So many ms before now.
    Ago(u64),
    /// This instant, in ms since 1970.
    At(u64),
}

impl Moment {
    /// In ms since 1970, if it is `now` ms since 1970.
    pub const fn resolve(self, now: u64) -> u64 {
        match self {
            Self::Ago(ms) => now.saturating_sub(ms),
            Self::At(at) => at,
        }
    }
}

/// Reads `90s`, `10m`, `1h30m`, `2d`, `500ms`; `None` for anything else and for more than a year.
pub fn read_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut millis = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, behind) = rest.split_at(digits);
        let letters = behind
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(behind.len());
        let (unit, left) = behind.split_at(letters);
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let part = number.parse::<u64>().ok()?.checked_mul(*size)?;
        millis = millis.checked_add(part).filter(|sum| *sum <= LONGEST_MS)?;
        rest = left;
    }
    (!text.is_empty()).then(|| Duration::from_millis(millis))
}

impl FromStr for Moment {
    /// Nothing to add: it is neither a duration nor an instant.
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some(ago) = read_duration(text) {
            return Ok(Self::Ago(ago.as_millis() as u64));
        }
        let at = DateTime::parse_from_rfc3339(text).map_err(drop)?;
        u64::try_from(at.timestamp_millis())
            .map(Self::At)
            .map_err(drop)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Ago(0) => f.write_str("0s"),
            Self::Ago(mut ms) => {
                for (unit, size) in UNITS {
                    if ms >= size {
                        write!(f, "{}{unit}", ms / size)?;
                        ms %= size;
                    }
                }
                Ok(())
            }
            Self::At(ms) => {
                // Beyond what a calendar knows there is nothing later to mean.
                let at = i64::try_from(ms)
                    .ok()
                    .and_then(DateTime::from_timestamp_millis);
                let at = at.unwrap_or(DateTime::<Utc>::MAX_UTC);
                f.write_str(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_units_and_their_sums() {
        for (text, ms) in [
            ("90s", 90_000),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
            ("5ms", 5),
        ] {
            assert_eq!(text.parse(), Ok(Moment::Ago(ms)), "{text}");
        }
        for wrong in [
            "",
            "10",
            "m",
            "10 m",
            "-1s",
            "1y",
            "400d",
            "1s5",
            "99999999999999999999s",
        ] {
            assert_eq!(read_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn instants_need_an_offset() {
        assert_eq!("1970-01-01T01:00:01.5+01:00".parse(), Ok(Moment::At(1500)));
        assert_eq!("2026-11-23T09:30:00".parse::<Moment>(), Err(()));
        assert_eq!("1969-11-23T09:30:00Z".parse::<Moment>(), Err(()));
    }

    #[test]
    fn moments_are_written_as_they_are_read() {
        assert_eq!(Moment::Ago(5_400_000).to_string(), "1h30m");
        assert_eq!(Moment::At(1500).to_string(), "1970-01-01T00:00:01.500Z");
    }
}
