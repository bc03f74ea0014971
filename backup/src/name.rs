//! What a backup is called: `crm_backup_YYYYMMDD_HHMMSS`, as its operators have always called it.
//!
//! The time is UTC: an hour that a zone has twice would otherwise be one name for two backups.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, Utc};

const PREFIX: &str = "crm_backup_";
const FORMAT: &str = "%Y%m%d_%H%M%S";

/// The name that all files of one backup start with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The name of a backup that is taken now.
    pub fn at(time: DateTime<Utc>) -> Self {
        Self(format!("{PREFIX}{}", time.format(FORMAT)))
    }

    /// The name without an ending.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The dump: `pg_dump`'s custom format.
    pub fn dump(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.dump", self.0))
    }

    /// The dump, encrypted.
    pub fn sealed(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.dump.age", self.0))
    }

    /// The uploads folder.
    pub fn uploads(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.uploads.tar.gz", self.0))
    }

    /// The uploads folder, encrypted.
    pub fn sealed_uploads(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.uploads.tar.gz.age", self.0))
    }

    /// What is in them.
    pub fn manifest(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.manifest.json", self.0))
    }

    /// The name of the backup to which a file belongs; `None` for a stranger.
    pub fn of_file(file: &str) -> Option<Self> {
        file.split('.').next()?.parse().ok()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no backup's name.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a backup's name; hint: it looks like crm_backup_20261123_020000")]
pub struct NoName(String);

impl FromStr for Name {
    type Err = NoName;

    fn from_str(text: &str) -> Result<Self, NoName> {
        let time = text.strip_prefix(PREFIX);
        let fits = time.is_some_and(|time| {
            time.len() == 15 && NaiveDateTime::parse_from_str(time, FORMAT).is_ok()
        });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoName(text.chars().take(60).collect()))
        }
    }
}

impl serde::Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_time_in_utc_and_nothing_else_is_a_name() {
        let time = "2026-10-25T02:30:00+02:00".parse::<DateTime<chrono::FixedOffset>>();
        let name = Name::at(time.unwrap().to_utc());
        assert_eq!(name.as_str(), "crm_backup_20261025_003000");
        assert_eq!(
            Name::of_file("crm_backup_20261025_003000.dump.age"),
            Some(name)
        );
        for stranger in [
            "crm_backup_20261325_003000",
            "crm_backup_20261025_003000/../x",
            "backup_20261025_003000",
            "crm_backup_20261025_0030001",
            "",
        ] {
            assert!(stranger.parse::<Name>().is_err(), "{stranger}");
        }
    }
}
