//! Files of the CRM's records, made for one user.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rouage::{Job, RetryPolicy, Timeout, Unique};
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Writes the records of one data set that a user may see to a file.
///
/// The rows are those the user may see when the job *runs*; nothing in the payload widens
/// them. An unknown data set, format, filter, column, order or user ends the job with a
/// message that names it and says what is allowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExportRecords {
    /// What is exported: `people`, `organisations`, `mandats`, `campaigns`, `mailing_lists`,
    /// `email_sends`, or `rgpd_subject`, which is everything about one account.
    #[cfg_attr(feature = "schema", schemars(example = &"people"))]
    pub dataset: String,

    /// How it is written: `csv`, `xlsx`, `pdf`; `json` for `rgpd_subject`.
    #[serde(default = "csv")]
    pub format: String,

    /// Narrows the rows, by filter name. People: `role`, `country_code`, `language`,
    /// `is_active`, `search`. Organisations: `category`, `type`, `city`, `country_code`,
    /// `language`, `is_active`, `search`. Mandats: `type`, `status`. Campaigns: `status`. Mailing
    /// lists: `only_active`, `only_mine`, `target_type`, `search`. Email sends: `campaign_id`,
    /// `batch_id`, `status`, `recipient_email`, `search`. Of an account: `user_id`, who is asking
    /// if it is not set, and `include_access_logs`, for administrators. A filter that is null or an empty text is not set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filters: BTreeMap<String, Value>,

    /// Only these rows, by id; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<i32>,

    /// Only these columns, in this order; empty means all in their usual order, in a `pdf` those
    /// that a page has room for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,

    /// The order of the rows, such as `created_at:desc`, which is the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,

    /// Who asked: decides the rows and gets the notification. The CRM's tokens carry the id as
    /// text, so a number in a text is accepted too.
    #[serde(deserialize_with = "number_or_text")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "number_or_text_schema"))]
    pub user_id: i32,

    /// The language of the notification: `fr` (the usual one) or `en`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,

    /// The time zone of the time in the file's name; `Europe/Paris` if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tz: Option<String>,

    /// Whether the file is put into a ZIP archive.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub zip: bool,

    /// Whether a workbook of organisations gets a sheet of statistics; it does if nothing is said.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub include_charts: bool,
}

impl Job for ExportRecords {
    type Output = ExportFile;
    const KIND: &'static str = "exports.export_records";
    const QUEUE: &'static str = "exports";
    /// Somebody waits for the file: better a clear failure soon than a file tomorrow.
    const RETRY: RetryPolicy = RetryPolicy::attempts(3);
    /// Far above what the largest allowed export needs.
    const TIMEOUT: Timeout = Timeout::after(Duration::from_mins(10));

    /// Whoever clicks twice gets the same file: the user, and everything that shapes it.
    fn unique(&self) -> Option<Unique> {
        let wish = serde_json::to_string(self).ok()?;
        let Self {
            user_id, dataset, ..
        } = self;
        // What was sent may be of any length; a key is not.
        let dataset: String = dataset
            .chars()
            .filter(|c| !c.is_control())
            .take(20)
            .collect();
        let key = format!(
            "export:{user_id}:{dataset}:{:016x}",
            fingerprint(wish.as_bytes())
        );
        Some(Unique::while_live(key))
    }
}

/// FNV-1a, 64 bits (IETF draft-eastlake-fnv): stable across releases, which std's hashers are not.
/// Filters may hold names, so the key holds their fingerprint only.
fn fingerprint(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix)
}

/// A finished export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportFile {
    /// Its record in `worker.exports`.
    pub export_id: i64,
    /// The name to offer when the file is downloaded.
    pub file_name: String,
    /// Rows without the header.
    pub rows: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the file in hexadecimal.
    pub sha256: String,
}

fn csv() -> String {
    "csv".to_owned()
}

/// Removes export files whose time is over, and what killed attempts left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PurgeExpired {}

/// What [`PurgeExpired`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgedFiles {
    /// Records that became expired.
    pub expired: u64,
    /// Files that were removed.
    pub files: u64,
    /// Unfinished files of dead attempts that were removed.
    pub parts: u64,
}

impl Job for PurgeExpired {
    type Output = PurgedFiles;
    const KIND: &'static str = "exports.purge_expired";
    const QUEUE: &'static str = "exports";
    /// The next scheduled run does what this one could not.
    const RETRY: RetryPolicy = RetryPolicy::attempts(3);
    /// Far above what ten thousand files need.
    const TIMEOUT: Timeout = Timeout::after(Duration::from_mins(10));

    fn unique(&self) -> Option<Unique> {
        Some(Unique::while_live(Self::KIND))
    }
}

const fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
const fn is_yes(value: &bool) -> bool {
    *value
}

fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    deserializer.deserialize_any(NumberOrText)
}

struct NumberOrText;

impl Visitor<'_> for NumberOrText {
    type Value = i32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id as a number or as a number in a text")
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<i32, E> {
        i32::try_from(number).map_err(|_| E::custom("user_id is out of range"))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<i32, E> {
        i32::try_from(number).map_err(|_| E::custom("user_id is out of range"))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<i32, E> {
        text.parse()
            .map_err(|_| E::custom("user_id is a text that is no number"))
    }
}

#[cfg(feature = "schema")]
fn number_or_text_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "anyOf": [
            { "type": "integer", "format": "int32" },
            { "type": "string", "pattern": "^[+-]?[0-9]+$" }
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(payload: &str) -> String {
        let job: ExportRecords = serde_json::from_str(payload).unwrap();
        job.unique().unwrap().key
    }

    #[test]
    fn equal_wishes_of_a_user_have_one_key_however_they_are_spelled() {
        let wish = key(r#"{"dataset":"people","user_id":7,"filters":{"a":1,"b":"x"}}"#);
        assert_eq!(
            wish,
            key(r#"{"filters":{"b":"x","a":1},"user_id":"7","format":"csv","dataset":"people"}"#)
        );
        assert_eq!(wish, "export:7:people:d50c1b953cea3014");
    }

    #[test]
    fn another_user_or_another_filter_is_another_wish() {
        let wish = key(r#"{"dataset":"people","user_id":7}"#);
        assert_ne!(wish, key(r#"{"dataset":"people","user_id":8}"#));
        assert_ne!(
            wish,
            key(r#"{"dataset":"people","user_id":7,"filters":{"language":"fr"}}"#)
        );
    }

    #[test]
    fn no_filter_can_be_read_in_a_key() {
        assert!(
            !key(r#"{"dataset":"people","user_id":7,"filters":{"search":"Dupont"}}"#)
                .contains("Dupont")
        );
    }
}
