//! A batch's name, and the names of the jobs that are enqueued at its end.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::JobId;

/// Longest accepted batch id, in bytes: a callback's id, which has a few more, must be a job id.
pub const MAX_BATCH_ID_BYTES: usize = 50;

/// Identifies one batch of an installation, such as `campaign:12:2026-11-23`.
///
/// A name is used for one batch only: the jobs at its end are named after it, and a second batch of
/// that name finds them enqueued already while their records are kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BatchId(String);

impl BatchId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the job that is enqueued when every member completed.
    pub fn success(&self) -> Result<JobId, InvalidBatchId> {
        self.callback("success")
    }

    /// The id of the job that is enqueued when every member is over.
    pub fn complete(&self) -> Result<JobId, InvalidBatchId> {
        self.callback("complete")
    }

    /// A job id has no colons and a batch id no dots, so no two batches share one.
    pub(crate) fn callback(&self, name: &str) -> Result<JobId, InvalidBatchId> {
        let id = format!("{}.{name}", self.0.replace(':', "."));
        id.parse().map_err(|_| InvalidBatchId::new(&self.0))
    }
}

/// Why a text is no batch id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidBatchId(String);

impl InvalidBatchId {
    fn new(text: &str) -> Self {
        Self(text.chars().take(MAX_BATCH_ID_BYTES).collect())
    }
}

impl fmt::Display for InvalidBatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "batch id {:?} is not 1 to {MAX_BATCH_ID_BYTES} characters of letters, digits, '-', '_' and ':'; hint: use something like campaign:12:2026-11-23",
            self.0
        )
    }
}

impl std::error::Error for InvalidBatchId {}

impl FromStr for BatchId {
    type Err = InvalidBatchId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':');
        if (1..=MAX_BATCH_ID_BYTES).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidBatchId::new(text))
        }
    }
}

impl TryFrom<String> for BatchId {
    type Error = InvalidBatchId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<BatchId> for String {
    fn from(id: BatchId) -> Self {
        id.0
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_of_the_longest_id_is_a_job_id() {
        let id: BatchId = "x".repeat(MAX_BATCH_ID_BYTES).parse().unwrap();
        assert!(id.success().is_ok() && id.complete().is_ok());
    }

    #[test]
    fn callbacks_of_different_batches_have_different_ids() {
        let id = |text: &str| text.parse::<BatchId>().unwrap();
        assert_eq!(
            id("campaign:12").success().unwrap().as_str(),
            "campaign.12.success"
        );
        assert_ne!(id("a").complete(), id("a:complete").complete());
    }

    #[test]
    fn ids_that_would_break_a_key_or_a_callback_are_refused() {
        for text in ["", "a.b", "a b", "a{b}", "a/b", "é", &"x".repeat(51)] {
            assert!(text.parse::<BatchId>().is_err(), "{text:?} was accepted");
        }
    }
}
