//! `exports.purge_expired`: removes files whose time is over, and what killed attempts left.
//!
//! 1. Records whose time is over become expired, a page at a time: from then on nobody downloads
//!    their files.
//! 2. The folder is looked through: part files nobody has written to for an hour, and whole files
//!    whose record is expired or failed, are removed, the latter under the lock that an attempt
//!    takes before it puts a file there.
//!
//! A kill between the two leaves files that the next run removes. Files that no record knows are
//! somebody else's and stay.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use crm_job_contract::exports::{PurgeExpired, PurgedFiles};
use rouage::{Handler, JobContext, JobError};
use sqlx::PgPool;
use tokio::task;

use crate::exports::artifact::job_of_part;
use crate::services::Services;

/// Records in one statement.
const PAGE: i64 = 500;
/// Files looked at in one run.
const MOST_FILES: usize = 100_000;
/// How long a part file is left alone after its last byte: no attempt may last so long.
const PART_AGE: TimeDelta = TimeDelta::hours(1);

const EXPIRE: &str = "\
UPDATE worker.exports SET status = 'expired' WHERE export_id IN (
    SELECT export_id FROM worker.exports WHERE status = 'ready' AND expires_at <= $1
    ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

const LOCK_IF_OVER: &str = "\
SELECT export_id FROM worker.exports
WHERE job_id = $1 AND status IN ('expired', 'failed') FOR UPDATE SKIP LOCKED";

/// Runs [`PurgeExpired`].
#[derive(Debug, Clone)]
pub struct PurgeExpiredHandler {
    services: Services,
}

impl PurgeExpiredHandler {
    /// A handler with these services.
    pub fn new(services: Services) -> Self {
        Self { services }
    }
}

impl Handler for PurgeExpiredHandler {
    type Job = PurgeExpired;

    async fn run(&self, _job: PurgeExpired, cx: &JobContext) -> Result<PurgedFiles, JobError> {
        let Services {
            database,
            exports,
            clock,
            ..
        } = &self.services;
        let now = clock.now();
        let expired = expire(database, now, cx).await?;
        let dir = exports.dir.clone();
        let (parts, files) = task::spawn_blocking(move || look_through(&dir, now)).await??;
        for part in &parts {
            remove(part).await?;
        }
        let mut removed = 0;
        for (job, path) in &files {
            cx.check()?;
            removed += u64::from(remove_if_over(database, job, path).await?);
        }
        Ok(PurgedFiles {
            expired,
            files: removed,
            parts: parts.len() as u64,
        })
    }
}

async fn expire(database: &PgPool, now: DateTime<Utc>, cx: &JobContext) -> Result<u64, JobError> {
    let mut expired = 0;
    loop {
        cx.check()?;
        let done = sqlx::query(EXPIRE)
            .bind(now)
            .bind(PAGE)
            .execute(database)
            .await?;
        expired += done.rows_affected();
        if done.rows_affected() < PAGE as u64 {
            return Ok(expired);
        }
    }
}

/// Old part files, and whole files with the jobs they are called after.
type Found = (Vec<PathBuf>, Vec<(String, PathBuf)>);

fn look_through(dir: &Path, now: DateTime<Utc>) -> anyhow::Result<Found> {
    let context = || format!("look through the export folder {}", dir.display());
    let (mut parts, mut files) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(dir).with_context(context)? {
        let entry = entry.with_context(context)?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if job_of_part(&name).is_some() {
            if entry
                .metadata()
                .is_ok_and(|metadata| is_old(&metadata, now))
            {
                parts.push(entry.path());
            }
        } else if let Some((job, _extension)) = name.rsplit_once('.')
            && !job.is_empty()
        {
            files.push((job.to_owned(), entry.path()));
        }
        if parts.len() + files.len() >= MOST_FILES {
            break;
        }
    }
    Ok((parts, files))
}

fn is_old(metadata: &Metadata, now: DateTime<Utc>) -> bool {
    let modified = metadata.modified().ok().map(DateTime::<Utc>::from);
    modified.is_some_and(|modified| now - modified > PART_AGE)
}

/// Whether there was a file to remove.
async fn remove_if_over(database: &PgPool, job: &str, path: &Path) -> Result<bool, JobError> {
    let mut transaction = database.begin().await?;
    let over: Option<i64> = sqlx::query_scalar(LOCK_IF_OVER)
        .bind(job)
        .fetch_optional(&mut *transaction)
        .await?;
    if over.is_none() {
        return Ok(false);
    }
    remove(path).await?;
    transaction.commit().await?;
    Ok(true)
}

async fn remove(path: &Path) -> anyhow::Result<()> {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).context("remove a file of an export")
        }
        _ => Ok(()),
    }
}
