//! Size and SHA-256 of what passes by.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::leash::Leash;

/// Bytes moved at once.
pub(crate) const CHUNK: usize = 128 * 1024;

/// What a file certainly is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Its name, without a folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

/// Size and hash so far.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    bytes: u64,
    hash: Sha256,
}

impl Sum {
    pub(crate) fn add(&mut self, part: &[u8]) {
        self.bytes += part.len() as u64;
        self.hash.update(part);
    }

    /// The facts of a file that holds what was added.
    pub(crate) fn facts(self, path: &Path) -> FileFacts {
        let name = path.file_name().unwrap_or_default();
        let mut sha256 = String::with_capacity(64);
        for byte in self.hash.finalize() {
            // Writing to a String does not fail.
            let _ = write!(sha256, "{byte:02x}");
        }
        FileFacts {
            name: name.to_string_lossy().into_owned(),
            bytes: self.bytes,
            sha256,
        }
    }
}

/// A writer that sums up what it wrote.
#[derive(Debug)]
pub(crate) struct Summing<W> {
    pub(crate) sum: Sum,
    pub(crate) inner: W,
}

impl<W> Summing<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self {
            sum: Sum::default(),
            inner,
        }
    }
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(part)?;
        self.sum.add(&part[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Moves everything, until the leash is cut.
pub(crate) fn pump(mut from: impl Read, mut to: impl Write, leash: &Leash) -> anyhow::Result<u64> {
    let mut chunk = vec![0; CHUNK];
    let mut moved = 0;
    loop {
        leash.check()?;
        let read = match from.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.context("read")?,
        };
        if read == 0 {
            return Ok(moved);
        }
        to.write_all(&chunk[..read]).context("write")?;
        moved += read as u64;
    }
}

/// Reads a whole file.
pub fn facts_of(path: &Path, leash: &Leash) -> anyhow::Result<FileFacts> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("open {shown}"))?;
    let mut summing = Summing::new(io::sink());
    pump(file, &mut summing, leash).with_context(|| format!("read {shown}"))?;
    Ok(summing.sum.facts(path))
}
