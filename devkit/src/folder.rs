//! The folder of one server: where it lies, who owns it, who removes it.
//!
//! Folders lie on `/dev/shm` when it has room, because most of a test database's time is spent on
//! files. Until a watchdog has taken over, [`TempDir`] removes the folder; afterwards the watchdog
//! does, since only it survives a kill. PostgreSQL refuses to run as root, so its folder can be
//! given to an unprivileged account.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::error::{Doing, ServerError};

/// Where a tmpfs is mounted on Linux.
const SHARED_MEMORY: &str = "/dev/shm";
/// Free space below which a tmpfs is left to others: a large data set would fill it.
const ENOUGH_KIB: u64 = 1024 * 1024;
/// The account that owns nothing, by convention the same number everywhere.
const NOBODY: u32 = 65_534;

/// A user and group to run a server as.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    /// The user's number.
    pub(crate) uid: u32,
    /// The group's number.
    pub(crate) gid: u32,
}

/// Creates an empty folder that only its owner can enter.
pub(crate) fn create(purpose: &str) -> Result<TempDir, ServerError> {
    let base = base();
    tempfile::Builder::new()
        .prefix(&format!("devkit-{purpose}-"))
        .tempdir_in(&base)
        .doing(format!("create a folder in {}", base.display()))
}

/// Gives `folder` to an unprivileged account if it belongs to root, and says to which.
pub(crate) fn disown(folder: &Path) -> Result<Option<Account>, ServerError> {
    let owner = fs::metadata(folder)
        .doing(format!("look at {}", folder.display()))?
        .uid();
    if owner != 0 {
        return Ok(None);
    }
    chown(folder, Some(NOBODY), Some(NOBODY)).doing(format!("give away {}", folder.display()))?;
    Ok(Some(Account {
        uid: NOBODY,
        gid: NOBODY,
    }))
}

/// The fastest place that has room.
fn base() -> PathBuf {
    if free_kib(SHARED_MEMORY).is_some_and(|free| free > ENOUGH_KIB) {
        PathBuf::from(SHARED_MEMORY)
    } else {
        std::env::temp_dir()
    }
}

/// Free space of the file system at `path`, as `df` sees it.
fn free_kib(path: &str) -> Option<u64> {
    let output = Command::new("df").args(["-Pk", path]).output().ok()?;
    let table = String::from_utf8(output.stdout).ok()?;
    table
        .lines()
        .nth(1)?
        .split_whitespace()
        .nth(3)?
        .parse()
        .ok()
}
