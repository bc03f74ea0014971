//! `backups.dump_database`: the start of a run, and the chain behind it.
//!
//! 1. The run gets its record, and with it the name that all attempts use.
//! 2. Preflight: leftovers go, the disk has room, `pg_dump` is new enough. A place for copies that is
//!    away is a warning: the backup on this host is made all the same.
//! 3. Dump, uploads, and last the manifest: without it the files do not count.
//! 4. The other steps are enqueued under an id made of the name: once, however often this runs.

use std::time::Duration;

use anyhow::{Context, bail};
use chrono::TimeDelta;
use crm_backup::{
    Manifest, RESTORE_KEYS, Snapshot, Uploads, dump, free_bytes, pack, remove_leftovers,
};
use crm_job_contract::backups::{
    ApplyRetention, DumpDatabase, DumpedDatabase, Report, Upload, VerifyDump,
};
use rouage::{Handler, Job, JobContext, JobError, JobId};
use tokio::time::{Instant, timeout};

use crate::backups::ports::Backups;
use crate::backups::record::{self, Begun};
use crate::backups::settle::settle;
use crate::backups::work::blocking;
use crate::services::Services;

/// Room for a first backup, whose size nobody knows.
const FIRST: u64 = 64 * 1024 * 1024;
/// How long a place may take to answer the question whether it is there.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs [`DumpDatabase`].
#[derive(Debug, Clone)]
pub struct DumpDatabaseHandler {
    services: Services,
}

impl DumpDatabaseHandler {
    /// A handler with these services.
    pub fn new(services: Services) -> Self {
        Self { services }
    }
}

impl Handler for DumpDatabaseHandler {
    type Job = DumpDatabase;

    async fn run(&self, job: DumpDatabase, cx: &JobContext) -> Result<DumpedDatabase, JobError> {
        let made = back_up(&self.services, &job, cx).await;
        let run_id = cx.id().as_str();
        settle(&self.services, cx, DumpDatabase::KIND, Some(run_id), made).await
    }
}

async fn back_up(
    services: &Services,
    job: &DumpDatabase,
    cx: &JobContext,
) -> Result<DumpedDatabase, JobError> {
    let backups = &services.backups;
    let now = services.clock.now();
    let known = backups.manifests()?;
    if let Some(hours) = job.unless_younger_than_hours {
        let limit = TimeDelta::hours(hours.into());
        let young = known.iter().find(|manifest| {
            let age = now - manifest.taken_at;
            // One from the future is no reason to make none.
            manifest.verified.is_some() && age >= TimeDelta::zero() && age < limit
        });
        if let Some(young) = young {
            tracing::info!(
                backup = young.name.as_str(),
                "a young backup makes this one needless"
            );
            return Ok(DumpedDatabase {
                name: young.name.to_string(),
                bytes: young.dump.bytes,
                skipped: true,
            });
        }
    }
    let run_id = cx.id().as_str();
    let begun = record::begin(&services.database, run_id, backups.server.database(), now).await?;
    let made = known.iter().find(|manifest| manifest.run_id == run_id);
    let manifest = match made {
        Some(manifest) => manifest.clone(),
        None => make(services, &begun, &known, cx).await?,
    };
    record::dumped(&services.database, &manifest, services.clock.now()).await?;
    follow_up(cx, job, &manifest).await?;
    Ok(DumpedDatabase {
        name: manifest.name.to_string(),
        bytes: manifest.dump.bytes,
        skipped: false,
    })
}

async fn make(
    services: &Services,
    begun: &Begun,
    known: &[Manifest],
    cx: &JobContext,
) -> Result<Manifest, JobError> {
    let backups = &services.backups;
    preflight(backups, known).await?;
    cx.progress(0, Some(2), "dumping the database");
    let snapshot = Snapshot::begin(&backups.server, &backups.sentinels).await?;
    let dump_version = {
        let (tools, major) = (backups.tools.clone(), snapshot.facts.server_major);
        blocking(cx, move |_| tools.check(major)).await??
    };
    let started = Instant::now();
    let target = begun.name.dump(&backups.dir);
    let made = blocking(cx, {
        let (tools, server, id) = (
            backups.tools.clone(),
            backups.server.clone(),
            snapshot.id.clone(),
        );
        move |leash| dump(&tools, &server, &id, &target, leash)
    });
    let made = made.await??;
    let took = started.elapsed();
    let facts = snapshot.facts.clone();
    snapshot.end().await;
    cx.progress(1, Some(2), "packing the uploads");
    let uploads = pack_uploads(backups, begun, cx).await?;
    let newest = known.iter().map(|manifest| manifest.sequence).max();
    let manifest = Manifest {
        format: Manifest::FORMAT,
        name: begun.name.clone(),
        run_id: cx.id().to_string(),
        // A restored database counts from where it was dumped; the folder may be further.
        sequence: begun
            .backup_id
            .unsigned_abs()
            .max(newest.map_or(0, |newest| newest + 1)),
        taken_at: services.clock.now(),
        database: backups.server.database().to_owned(),
        server_version: facts.server_version,
        dump_version,
        alembic_head: facts.alembic_head,
        dump: made,
        dump_ms: took.as_millis() as u64,
        rows: facts.rows,
        needs_keys: RESTORE_KEYS.map(str::to_owned).to_vec(),
        uploads,
        verified: None,
        sealed: None,
        copies: Vec::new(),
    };
    warn_of_the_clock(&manifest, known);
    manifest.write(&backups.dir)?;
    tracing::info!(
        backup = manifest.name.as_str(),
        bytes = manifest.dump.bytes,
        "database dumped"
    );
    Ok(manifest)
}

async fn pack_uploads(
    backups: &Backups,
    begun: &Begun,
    cx: &JobContext,
) -> Result<Option<Uploads>, JobError> {
    let Some(folder) = backups.uploads_dir.clone() else {
        return Ok(None);
    };
    let target = begun.name.uploads(&backups.dir);
    let (file, files) = blocking(cx, move |leash| pack(&folder, &target, leash)).await??;
    Ok(Some(Uploads { file, files }))
}

async fn preflight(backups: &Backups, known: &[Manifest]) -> anyhow::Result<()> {
    let removed = remove_leftovers(&backups.dir)?;
    if removed > 0 {
        tracing::warn!(
            removed,
            "files of a backup that was interrupted were removed"
        );
    }
    check_space(free_bytes(&backups.dir)?, known)?;
    for place in &backups.places {
        let asked = timeout(PATIENCE, place.list()).await;
        if !matches!(asked, Ok(Ok(_))) {
            tracing::warn!(
                place = place.place(),
                "the place for copies does not answer; the backup is made, and copied when it does"
            );
        }
    }
    Ok(())
}

/// Twice the latest: the dump and its encrypted copy lie side by side.
fn check_space(free: u64, known: &[Manifest]) -> anyhow::Result<()> {
    let size = |manifest: &Manifest| {
        let uploads = manifest.uploads.as_ref();
        manifest.dump.bytes + uploads.map_or(0, |uploads| uploads.file.bytes)
    };
    let needed = known
        .first()
        .map_or(FIRST, |latest| size(latest).saturating_mul(2));
    if free < needed {
        bail!(
            "{free} bytes are free in backups.dir, {needed} are needed; hint: make room, or lower backups.keep_daily"
        );
    }
    Ok(())
}

/// Names and tiers go by the clock; retention does not, but somebody should know.
fn warn_of_the_clock(manifest: &Manifest, known: &[Manifest]) {
    if let Some(later) = known
        .iter()
        .find(|other| other.taken_at > manifest.taken_at)
    {
        tracing::warn!(
            backup = manifest.name.as_str(),
            earlier = later.name.as_str(),
            "the clock went back: an earlier backup has a later name"
        );
    }
}

async fn follow_up(
    cx: &JobContext,
    job: &DumpDatabase,
    manifest: &Manifest,
) -> Result<(), JobError> {
    let id: JobId = format!("{}-steps", manifest.name)
        .parse()
        .context("name the next steps")?;
    let run_id = || manifest.run_id.clone();
    let verify = VerifyDump {
        run_id: run_id(),
        accept_size: job.accept_size,
    };
    cx.enqueue(&verify)
        .id(id)
        .then(&Upload { run_id: run_id() })
        .then(&ApplyRetention {})
        .then(&Report { run_id: run_id() })
        .await
        .context("enqueue the next steps")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_backup_needs_some_room() {
        check_space(FIRST, &[]).unwrap();
        let error = check_space(FIRST - 1, &[]).unwrap_err().to_string();
        assert!(error.contains("are needed; hint: make room"), "{error}");
    }
}
