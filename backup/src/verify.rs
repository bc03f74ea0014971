//! Is this file the backup that its manifest describes, to the last row?
//!
//! In this order, so that the cheap questions come first: is it there, is it as long, has it the same
//! hash, can every row be unpacked, has each counted table as many rows as were counted when it was
//! dumped. Damage of any kind fails the hash; the rest finds a dump that was wrong from the start.

use std::fs;

use crate::archive::Archive;
use crate::contents::Contents;
use crate::digest::facts_of;
use crate::leash::Leash;
use crate::manifest::Manifest;
use crate::tools::Tools;

/// Earlier backups that a size is compared with, and how many there must be.
const COMPARED: usize = 7;
const FEWEST: usize = 3;

/// Why a file is not the backup it should be.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// No file.
    #[error("{0} is not there")]
    Missing(String),
    /// Cut or grown.
    #[error("{file} has {found} bytes, its manifest says {expected}")]
    Size {
        /// The file.
        file: String,
        /// Bytes on the disk.
        found: u64,
        /// Bytes when it was made.
        expected: u64,
    },
    /// Changed.
    #[error("{0} was changed since it was made: its SHA-256 is another one")]
    Checksum(String),
    /// Wrong from the start.
    #[error("table {table} has {found} rows in the archive, {expected} were counted")]
    Rows {
        /// The table.
        table: String,
        /// Rows in the archive.
        found: u64,
        /// Rows in the snapshot.
        expected: u64,
    },
    /// Wrong from the start.
    #[error("table {0} is not in the archive")]
    NoTable(String),
    /// Suspicious.
    #[error(
        "the dump has {bytes} bytes, less than half of {median}, the median of the latest; hint: if the data really \
         shrank, crm-worker backup now --accept-size"
    )]
    Small {
        /// Its size.
        bytes: u64,
        /// The median of the latest.
        median: u64,
    },
    /// Cannot be read, or the check was stopped.
    #[error("{0:#}")]
    Unreadable(anyhow::Error),
}

/// Compares an archive with its manifest and reads all of it.
pub fn verify(
    tools: &Tools,
    archive: &Archive,
    manifest: &Manifest,
    leash: &Leash,
) -> Result<Contents, Unfit> {
    check_file(archive, manifest, leash)?;
    if archive.is_sealed() {
        let found = archive.plain_facts(leash).map_err(Unfit::Unreadable)?;
        if found.sha256 != manifest.dump.sha256 {
            return Err(Unfit::Checksum(found.name));
        }
    }
    let contents = Contents::read(tools, archive, leash).map_err(Unfit::Unreadable)?;
    for (table, &expected) in &manifest.rows {
        let found = contents.rows(table);
        let found = found.ok_or_else(|| Unfit::NoTable(table.clone()))?;
        if found != expected {
            let table = table.clone();
            return Err(Unfit::Rows {
                table,
                found,
                expected,
            });
        }
    }
    Ok(contents)
}

/// Size and hash of the file as it lies there.
pub(crate) fn check_file(
    archive: &Archive,
    manifest: &Manifest,
    leash: &Leash,
) -> Result<(), Unfit> {
    let path = archive.path();
    let file = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let expected = match &manifest.sealed {
        Some(sealed) if archive.is_sealed() => &sealed.dump,
        // Encrypted by hand: what is inside is compared all the same.
        None if archive.is_sealed() => return Ok(()),
        _ => &manifest.dump,
    };
    let found = fs::metadata(path)
        .map_err(|_| Unfit::Missing(path.display().to_string()))?
        .len();
    if found != expected.bytes {
        return Err(Unfit::Size {
            file,
            found,
            expected: expected.bytes,
        });
    }
    let facts = facts_of(path, leash).map_err(Unfit::Unreadable)?;
    if facts.sha256 != expected.sha256 {
        return Err(Unfit::Checksum(file));
    }
    Ok(())
}

/// Whether a dump is suspiciously small beside the latest ones, the newest first.
pub fn check_size(bytes: u64, latest: &[u64]) -> Result<(), Unfit> {
    let mut compared: Vec<u64> = latest.iter().copied().take(COMPARED).collect();
    if compared.len() < FEWEST {
        return Ok(());
    }
    compared.sort_unstable();
    let median = compared[compared.len() / 2];
    if bytes < median / 2 {
        return Err(Unfit::Small { bytes, median });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_median_of_the_latest_seven_is_too_small() {
        let latest = [100, 90, 110, 100, 100, 100, 100, 1, 1, 1, 1, 1, 1, 1, 1];
        assert!(check_size(50, &latest).is_ok());
        let error = check_size(49, &latest).unwrap_err().to_string();
        assert!(error.contains("49 bytes, less than half of 100"), "{error}");
        assert!(check_size(1, &latest[..2]).is_ok());
    }
}
