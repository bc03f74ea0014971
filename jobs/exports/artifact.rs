//! A file in the making: hidden until it is whole, then in its place under one rename.
//!
//! The bytes go into a hidden part file that removes itself unless [`put_in_place`] renames it.
//! Its name is drawn at random: if an attempt that lost its lease still writes, the next one
//! has a file of its own, and neither can rename the other's.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::Context;
use rouage::{JobContext, JobError};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::task;
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};

/// End of a part file's name; its start is the job's id between dots.
const PART: &str = ".part";

/// A whole file that is not in its place yet; dropping it removes it.
#[derive(Debug)]
pub(super) struct Written {
    part: NamedTempFile,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// Where the bytes of a format go: into the part file, or into an archive in the part file.
pub(super) struct Output {
    to: Destination,
    bytes: Arc<AtomicU64>,
}

enum Destination {
    Plain(Hashed),
    Zipped(Box<ZipWriter<StreamWriter<Hashed>>>),
}

/// A part file with the hash and the number of the bytes that went into it.
struct Hashed {
    part: NamedTempFile,
    digest: Sha256,
    bytes: Arc<AtomicU64>,
    cx: JobContext,
}

/// Where the finished file of a job is.
pub(super) fn path_of(dir: &Path, job_id: &str, extension: &str) -> PathBuf {
    dir.join(format!("{job_id}.{extension}"))
}

/// Renames the part file to `path` and makes the name survive a power cut.
pub(super) async fn put_in_place(written: Written, path: PathBuf) -> Result<(), JobError> {
    task::spawn_blocking(move || {
        written
            .part
            .persist(&path)
            .context("move the export into place")?;
        let dir = path.parent().context("find the folder of the export")?;
        File::open(dir)
            .and_then(|dir| dir.sync_all())
            .context("sync the export folder")
    })
    .await??;
    Ok(())
}

impl Output {
    /// A part file of the job of `cx`; with a name inside, an archive that holds that file.
    pub(super) fn create(
        dir: &Path,
        inside: Option<&str>,
        cx: &JobContext,
    ) -> anyhow::Result<Self> {
        let bytes = Arc::new(AtomicU64::new(0));
        let hashed = Hashed {
            part: create_part(dir, cx.id().as_str())?,
            digest: Sha256::new(),
            bytes: Arc::clone(&bytes),
            cx: cx.clone(),
        };
        let Some(name) = inside else {
            let to = Destination::Plain(hashed);
            return Ok(Self { to, bytes });
        };
        let mut zip = ZipWriter::new_stream(hashed);
        // Sizes of more than four gigabytes need another field, which must be chosen before.
        zip.start_file(name, SimpleFileOptions::default().large_file(true))
            .context("begin the archive of the export")?;
        let to = Destination::Zipped(Box::new(zip));
        Ok(Self { to, bytes })
    }

    /// Bytes written so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// The whole file, safe on the disk.
    pub(super) fn finish(self, rows: u64, max_bytes: u64) -> Result<Written, JobError> {
        let hashed = match self.to {
            Destination::Plain(hashed) => hashed,
            Destination::Zipped(zip) => zip
                .finish()
                .context("end the archive of the export")?
                .into_inner(),
        };
        let bytes = hashed.bytes.load(Relaxed);
        check_size(bytes, max_bytes)?;
        hashed
            .part
            .as_file()
            .sync_all()
            .context("sync the export")?;
        Ok(Written {
            part: hashed.part,
            rows,
            bytes,
            sha256: format!("{:x}", hashed.digest.finalize()),
        })
    }
}

impl Write for Output {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match &mut self.to {
            Destination::Plain(hashed) => hashed.write(data),
            Destination::Zipped(zip) => zip.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            Destination::Plain(hashed) => hashed.flush(),
            Destination::Zipped(zip) => zip.flush(),
        }
    }
}

impl Write for Hashed {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        // Some formats write everything at their end: a cancellation is heard there too.
        if self.cx.token().is_cancelled() {
            return Err(io::Error::other("stopped"));
        }
        let written = self.part.write(data)?;
        self.digest.update(&data[..written]);
        self.bytes.fetch_add(written as u64, Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.part.flush()
    }
}

/// A permanent failure if a file is larger than allowed.
pub(super) fn check_size(bytes: u64, max_bytes: u64) -> Result<(), JobError> {
    if bytes <= max_bytes {
        return Ok(());
    }
    Err(JobError::discard(format!(
        "the file exceeds {max_bytes} bytes, the limit of one export; hint: narrow it by filters or ids, or name fewer columns"
    )))
}

fn create_part(dir: &Path, job_id: &str) -> anyhow::Result<NamedTempFile> {
    let context = || {
        format!(
            "open the export folder {}; hint: it must exist and be writable",
            dir.display()
        )
    };
    remove_parts(dir, job_id).with_context(context)?;
    // Only the owner may read it: tempfile creates it with mode 0600, and the name keeps it.
    tempfile::Builder::new()
        .prefix(&format!(".{job_id}."))
        .suffix(PART)
        .tempfile_in(dir)
        .with_context(context)
}

/// Removes what attempts of the same job left when they were killed.
fn remove_parts(dir: &Path, job_id: &str) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_str().and_then(job_of_part) == Some(job_id) {
            match std::fs::remove_file(entry.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// The job of a file called `.<job id>.<random>.part`; ids may contain dots themselves.
pub(super) fn job_of_part(name: &str) -> Option<&str> {
    let (job, _random) = name
        .strip_prefix('.')?
        .strip_suffix(PART)?
        .rsplit_once('.')?;
    (!job.is_empty()).then_some(job)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_another_job_are_not_taken_for_ours() {
        assert_eq!(job_of_part(".a.X1y2z3.part"), Some("a"));
        assert_eq!(job_of_part(".a.b.X1y2z3.part"), Some("a.b"));
        for name in [
            "a.csv",
            "a.X1y2z3.part",
            ".a.X1y2z3.part2",
            ".part",
            ".a.part",
        ] {
            assert_eq!(job_of_part(name), None, "{name}");
        }
    }

    #[test]
    fn parts_of_killed_attempts_are_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        for name in [".a.X1y2z3.part", ".a.b.X1y2z3.part", "a.csv"] {
            File::create(dir.path().join(name)).unwrap();
        }
        let part = create_part(dir.path(), "a").unwrap();
        assert!(!dir.path().join(".a.X1y2z3.part").exists());
        assert!(dir.path().join(".a.b.X1y2z3.part").exists() && dir.path().join("a.csv").exists());
        drop(part);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_missing_folder_is_named_with_a_hint() {
        let error = create_part(Path::new("/nowhere/exports"), "a").unwrap_err();
        assert!(
            format!("{error:#}").contains("open the export folder /nowhere/exports; hint:"),
            "{error:#}"
        );
    }

    #[test]
    fn a_file_above_the_limit_is_a_permanent_failure_that_says_how_to_narrow_it() {
        assert!(check_size(10, 10).is_ok());
        let error = check_size(11, 10).unwrap_err();
        assert!(matches!(error, JobError::Discard(_)));
        assert!(error.to_string().contains("exceeds 10 bytes"), "{error}");
    }
}
