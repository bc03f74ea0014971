//! What is in a backup, beside it: a small JSON that a person can read too.
//!
//! It holds counts and hashes, no row and no key, and goes to other places unencrypted. A backup
//! without a manifest is none: it is written after the files and removed before them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::digest::FileFacts;
use crate::files::Partial;
use crate::name::Name;

/// The keys without which a restored database cannot be used, by the CRM's names. Their values are
/// never here: they are kept where the CRM's secrets are.
pub const RESTORE_KEYS: [&str; 3] = ["ENCRYPTION_KEY", "EMAIL_ENCRYPTION_KEY", "SECRET_KEY"];
/// Longest manifest.
const LONGEST: u64 = 1024 * 1024;
/// Backups in one folder at most.
const MOST: usize = 10_000;

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The shape of this file.
    pub format: u32,
    /// What its files start with.
    pub name: Name,
    /// Who made it: the id of the job.
    pub run_id: String,
    /// Grows with every backup, whatever the clock says.
    pub sequence: u64,
    /// When the snapshot was taken, by the clock of the host.
    pub taken_at: DateTime<Utc>,
    /// The database.
    pub database: String,
    /// The server's version.
    pub server_version: String,
    /// `pg_dump`'s version; `pg_restore` must not be older.
    pub dump_version: String,
    /// The revision of the CRM's schema, if Alembic keeps one.
    pub alembic_head: Option<String>,
    /// The dump.
    pub dump: FileFacts,
    /// How long `pg_dump` took, in ms.
    pub dump_ms: u64,
    /// Rows of some tables, counted in the snapshot.
    pub rows: BTreeMap<String, u64>,
    /// Names of the keys that a restored database needs.
    pub needs_keys: Vec<String>,
    /// The folder of uploads, if it is backed up.
    #[serde(default)]
    pub uploads: Option<Uploads>,
    /// Set when every row was read back.
    #[serde(default)]
    pub verified: Option<Verified>,
    /// The encrypted dump.
    #[serde(default)]
    pub sealed: Option<Sealed>,
    /// Where else it is.
    #[serde(default)]
    pub copies: Vec<Copied>,
}

/// The folder of uploads in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploads {
    /// The file: tar, compressed with gzip.
    pub file: FileFacts,
    /// Files in it, folders not counted.
    pub files: u64,
}

/// What reading everything back has shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// When.
    pub at: DateTime<Utc>,
    /// Tables in the archive.
    pub tables: u64,
    /// Rows in all of them.
    pub rows: u64,
    /// How long it took, in ms.
    pub took_ms: u64,
}

/// What was encrypted, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The public keys that open it.
    pub recipients: Vec<String>,
    /// The dump, encrypted.
    pub dump: FileFacts,
    /// The uploads, encrypted.
    #[serde(default)]
    pub uploads: Option<FileFacts>,
}

/// A place that has a copy, read back and compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// The place.
    pub place: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl Manifest {
    /// The number that tells how this text is to be read.
    pub const FORMAT: u32 = 1;

    /// Writes it into the folder, whole or not at all.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let path = self.name.manifest(folder);
        let text = self.to_json()?;
        let partial = Partial::create(&path)?;
        (&partial)
            .write_all(text.as_bytes())
            .with_context(|| format!("write {}", path.display()))?;
        partial.keep()
    }

    /// The text of the file.
    pub fn to_json(&self) -> anyhow::Result<String> {
        let mut text = serde_json::to_string_pretty(self).context("write the manifest as JSON")?;
        text.push('\n');
        Ok(text)
    }

    /// Reads a file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let file = File::open(path).with_context(|| format!("open {shown}"))?;
        let mut text = String::new();
        file.take(LONGEST)
            .read_to_string(&mut text)
            .with_context(|| format!("read {shown}"))?;
        Self::from_json(&text).with_context(|| format!("read {shown}"))
    }

    /// Reads a text.
    pub fn from_json(text: &str) -> anyhow::Result<Self> {
        let manifest: Self = serde_json::from_str(text)
            .map_err(|error| anyhow::anyhow!("it is no manifest (line {})", error.line()))?;
        if manifest.format > Self::FORMAT {
            bail!("it is from a newer release (format {})", manifest.format);
        }
        Ok(manifest)
    }
}

/// All manifests of a folder, the newest first; what cannot be read is left out and named.
pub fn all(folder: &Path) -> anyhow::Result<(Vec<Manifest>, Vec<String>)> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    let (mut manifests, mut unreadable) = (Vec::new(), Vec::new());
    for entry in entries.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        let ours = Name::of_file(&file).is_some() && file.ends_with(".manifest.json");
        if !ours || manifests.len() == MOST {
            continue;
        }
        match Manifest::read(&entry.path()) {
            Ok(manifest) => manifests.push(manifest),
            Err(_) => unreadable.push(file),
        }
    }
    manifests.sort_by(|a, b| {
        let key = |of: &Manifest| (of.sequence, of.taken_at);
        key(b).cmp(&key(a))
    });
    Ok((manifests, unreadable))
}

#[cfg(test)]
pub(crate) fn example(folder: &Path, sequence: u64) -> Manifest {
    let taken_at = DateTime::from_timestamp(1_800_000_000 + sequence as i64 * 86_400, 0).unwrap();
    let name = Name::at(taken_at);
    let path = name.dump(folder);
    Manifest {
        format: Manifest::FORMAT,
        run_id: format!("run-{sequence}"),
        sequence,
        taken_at,
        database: "crm".to_owned(),
        server_version: "16.4".to_owned(),
        dump_version: "16.4".to_owned(),
        alembic_head: None,
        dump: FileFacts {
            name: path.file_name().unwrap().to_str().unwrap().to_owned(),
            bytes: 1000,
            sha256: "0".repeat(64),
        },
        dump_ms: 1,
        rows: BTreeMap::new(),
        needs_keys: RESTORE_KEYS.map(str::to_owned).to_vec(),
        uploads: None,
        verified: None,
        sealed: None,
        copies: Vec::new(),
        name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_come_back_newest_first_and_a_broken_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for sequence in [2, 3, 1] {
            example(folder.path(), sequence)
                .write(folder.path())
                .unwrap();
        }
        let broken = "crm_backup_20200101_000000.manifest.json";
        std::fs::write(folder.path().join(broken), "{").unwrap();
        let (found, unreadable) = all(folder.path()).unwrap();
        let sequences: Vec<u64> = found.iter().map(|manifest| manifest.sequence).collect();
        assert_eq!(
            (sequences, unreadable),
            (vec![3, 2, 1], vec![broken.to_owned()])
        );
        assert_eq!(found[0], example(folder.path(), 3));
    }

    #[test]
    fn a_manifest_of_a_newer_release_is_not_guessed_at() {
        let mut manifest = example(Path::new("/"), 1);
        manifest.format = 2;
        let error = Manifest::from_json(&manifest.to_json().unwrap()).unwrap_err();
        assert!(error.to_string().contains("newer release"));
    }
}
