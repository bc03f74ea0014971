//! Files that are whole or not there: written aside, forced to the disk, renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::name::Name;

/// The ending of a file that is being written.
const PARTIAL: &str = "partial";

/// A file that is not there until [`Partial::keep`].
#[derive(Debug)]
pub(crate) struct Partial {
    path: PathBuf,
    target: PathBuf,
    file: File,
    kept: bool,
}

impl Partial {
    /// Opens it beside its target, readable for its owner only; what an earlier attempt left goes.
    pub(crate) fn create(target: &Path) -> anyhow::Result<Self> {
        let path = partial(target);
        let shown = path.display().to_string();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("remove {shown}"));
            }
            _ => {}
        }
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("create {shown}"))?;
        Ok(Self {
            path,
            target: target.to_owned(),
            file,
            kept: false,
        })
    }

    /// Forces it to the disk and gives it its name.
    pub(crate) fn keep(mut self) -> anyhow::Result<()> {
        let shown = self.target.display();
        self.file
            .sync_all()
            .with_context(|| format!("write {shown} to the disk"))?;
        fs::rename(&self.path, &self.target).with_context(|| format!("rename to {shown}"))?;
        self.kept = true;
        // The name is on the disk when its folder is.
        let folder = self.target.parent().unwrap_or(Path::new("."));
        let folder = File::open(folder).and_then(|folder| folder.sync_all());
        folder.context("write the folder to the disk")
    }
}

impl Write for &Partial {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        (&self.file).write(part)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&self.file).flush()
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept {
            drop(fs::remove_file(&self.path));
        }
    }
}

fn partial(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".");
    name.push(PARTIAL);
    name.into()
}

/// Removes what a killed process was writing. Only while no backup runs.
pub fn remove_leftovers(folder: &Path) -> anyhow::Result<usize> {
    let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    let mut removed = 0;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if Name::of_file(&name).is_some() && name.ends_with(".partial") {
            fs::remove_file(entry.path()).with_context(|| format!("remove {name}"))?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Bytes that can still be written into the folder.
pub fn free_bytes(folder: &Path) -> anyhow::Result<u64> {
    let stat = rustix::fs::statvfs(folder)
        .with_context(|| format!("ask for the free space of {}", folder.display()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("crm_backup_20261123_020000.dump");
        let partial = Partial::create(&target).unwrap();
        (&partial).write_all(b"half").unwrap();
        assert!(!target.exists());
        drop(partial);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let partial = Partial::create(&target).unwrap();
        (&partial).write_all(b"whole").unwrap();
        partial.keep().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"whole");
    }

    #[test]
    fn only_leftovers_of_backups_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "crm_backup_20261123_020000.dump.partial",
            "crm_backup_20261123_020000.dump",
            "x.partial",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(remove_leftovers(folder.path()).unwrap(), 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
