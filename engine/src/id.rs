//! A job's name in the world: short, printable, safe in a key, a URL and a log line.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest accepted id, in bytes. A UUID has 36, a generated id 26.
pub const MAX_ID_BYTES: usize = 64;

/// Identifies one job in its queue.
///
/// Generated ids are ULIDs: they sort by the time of enqueueing. A producer may bring its own
/// (an outbox row, a schedule's occurrence): enqueueing the same id twice is one job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId(Arc<str>);

impl JobId {
    /// A fresh id.
    #[cfg(feature = "client")]
    pub fn generate() -> Self {
        Self(ulid::Ulid::generate().to_string().into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no job id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidJobId(String);

impl fmt::Display for InvalidJobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "job id {:?} is not 1 to {MAX_ID_BYTES} characters of letters, digits, '-', '_' and '.'",
            self.0
        )
    }
}

impl std::error::Error for InvalidJobId {}

impl FromStr for JobId {
    type Err = InvalidJobId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if (1..=MAX_ID_BYTES).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidJobId(text.chars().take(MAX_ID_BYTES).collect()))
        }
    }
}

impl TryFrom<String> for JobId {
    type Error = InvalidJobId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<JobId> for String {
    fn from(id: JobId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_would_break_a_key_or_a_script_are_refused() {
        for text in ["", "a b", "a:b", "a{b}", "a\nb", "é", &"x".repeat(65)] {
            assert!(text.parse::<JobId>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn uuids_and_occurrence_names_are_accepted() {
        for text in [
            "0192e4a0-7b1c-7def-8000-1234567890ab",
            "nightly-backup.20261123T020000Z",
        ] {
            assert_eq!(text.parse::<JobId>().unwrap().as_str(), text);
        }
    }
}
