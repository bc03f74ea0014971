//! `pg_dump`, watched: what it says is hashed on its way to the disk, and the file gets its name only
//! if the program ended well and the disk has everything.
//!
//! The custom format is compressed and can be restored in parts. One connection writes it: the
//! format that several connections can write is a folder of files, which no pipe can hash.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};

use crate::digest::{FileFacts, Summing, pump};
use crate::files::Partial;
use crate::leash::Leash;
use crate::server::Server;
use crate::tools::Tools;

/// How long `pg_dump` waits for a table that somebody changes.
const LOCK_WAIT: &str = "60s";
/// What every archive of the custom format starts with.
const MAGIC: &[u8] = b"PGDMP";

/// Writes the snapshot to `target`.
pub fn dump(
    tools: &Tools,
    server: &Server,
    snapshot: &str,
    target: &Path,
    leash: &Leash,
) -> anyhow::Result<FileFacts> {
    let mut command = tools.pg_dump(server);
    command
        .args([
            "--format=custom",
            "--no-owner",
            "--no-privileges",
            "--no-password",
        ])
        .arg(format!("--lock-wait-timeout={LOCK_WAIT}"))
        .arg(format!("--snapshot={snapshot}"))
        .arg(format!("--dbname={}", server.dbname()))
        // Statements of a dump take as long as the table is large; the job's timeout is the limit.
        .env(
            "PGOPTIONS",
            "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0",
        );
    let mut running = leash.start(&mut command)?;
    let stdout = running
        .stdout
        .take()
        .context("open the output of pg_dump")?;
    let partial = Partial::create(target)?;
    let written = write(stdout, &partial, leash);
    if written.is_err() {
        // It must not wait for somebody who reads.
        drop(running);
        return written
            .map(|sum| sum.facts(target))
            .context("write the dump");
    }
    running.finish()?;
    let sum = written?;
    partial.keep()?;
    Ok(sum.facts(target))
}

fn write(
    mut stdout: impl Read,
    partial: impl std::io::Write,
    leash: &Leash,
) -> anyhow::Result<crate::digest::Sum> {
    let mut summing = Summing::new(partial);
    let mut magic = Vec::with_capacity(MAGIC.len());
    stdout
        .by_ref()
        .take(MAGIC.len() as u64)
        .read_to_end(&mut magic)
        .context("read")?;
    // A program that says nothing has failed; its own words come with its status.
    if !magic.is_empty() && magic != MAGIC {
        bail!("pg_dump wrote something else than an archive");
    }
    pump(magic.as_slice(), &mut summing, leash)?;
    pump(stdout, &mut summing, leash)?;
    Ok(summing.sum)
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    #[test]
    fn a_full_disk_is_an_error_and_not_a_short_file() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = write(&b"PGDMP and more"[..], full, &Leash::default()).unwrap_err();
        assert!(format!("{error:#}").contains("No space left"), "{error:#}");
    }

    #[test]
    fn what_is_no_archive_is_refused_at_its_first_bytes() {
        let error = write(&b"-- SQL"[..], std::io::sink(), &Leash::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "pg_dump wrote something else than an archive"
        );
    }
}
