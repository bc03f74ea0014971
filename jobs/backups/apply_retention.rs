//! `backups.apply_retention`: what no tier keeps is deleted, here and in every other place.
//!
//! Each place is judged by what *it* has: a place that missed a week keeps its own last good ones.
//! The manifest goes first, so that what is half deleted does not count as a backup.

use std::fs;
use std::io::ErrorKind;

use anyhow::Context;
use crm_backup::retention::{Kept, surplus};
use crm_backup::{Manifest, Name};
use crm_job_contract::backups::{AppliedRetention, ApplyRetention};
use rouage::{Handler, Job, JobContext, JobError};

use crate::backups::ports::{Backups, kept};
use crate::backups::record;
use crate::backups::settle::settle;
use crate::blobs::BlobStore;
use crate::services::Services;

/// Longest manifest.
const MANIFEST: u64 = 1024 * 1024;
const ENDING: &str = ".manifest.json";

/// Runs [`ApplyRetention`].
#[derive(Debug, Clone)]
pub struct ApplyRetentionHandler {
    services: Services,
}

impl ApplyRetentionHandler {
    /// A handler with these services.
    pub fn new(services: Services) -> Self {
        Self { services }
    }
}

impl Handler for ApplyRetentionHandler {
    type Job = ApplyRetention;

    async fn run(
        &self,
        _job: ApplyRetention,
        cx: &JobContext,
    ) -> Result<AppliedRetention, JobError> {
        let applied = apply(&self.services, cx).await;
        settle(&self.services, cx, ApplyRetention::KIND, None, applied).await
    }
}

async fn apply(services: &Services, cx: &JobContext) -> Result<AppliedRetention, JobError> {
    let backups = &services.backups;
    let known: Vec<Kept> = backups.manifests()?.iter().map(kept).collect();
    let mut applied = AppliedRetention::default();
    for name in surplus(&known, &backups.tiers) {
        cx.check()?;
        delete_here(backups, &name)?;
        record::deleted(&services.database, &name, services.clock.now()).await?;
        tracing::info!(backup = name.as_str(), "backup deleted, no tier keeps it");
        applied.deleted += 1;
    }
    for place in &backups.places {
        let shown = place.place();
        applied.deleted_copies += thin_out(place.as_ref(), backups, cx)
            .await
            .map_err(|error| match error {
                JobError::Retry { .. } => JobError::retry(format!("thin out {shown}: {error}")),
                other => other,
            })?;
    }
    Ok(applied)
}

fn delete_here(backups: &Backups, name: &Name) -> anyhow::Result<()> {
    let dir = &backups.dir;
    let files = [
        name.manifest(dir),
        name.dump(dir),
        name.sealed(dir),
        name.uploads(dir),
        name.sealed_uploads(dir),
    ];
    for file in files {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("delete {}", file.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

async fn thin_out(
    place: &dyn BlobStore,
    backups: &Backups,
    cx: &JobContext,
) -> Result<u64, JobError> {
    let keys = place.list().await?;
    let mut there = Vec::new();
    for key in keys.iter().filter(|key| key.ends_with(ENDING)) {
        cx.check()?;
        if Name::of_file(key).is_none() {
            continue;
        }
        let bytes = place.read(key, MANIFEST).await?.unwrap_or_default();
        // One that cannot be read is not deleted either.
        match Manifest::from_json(&String::from_utf8_lossy(&bytes)) {
            Ok(manifest) if manifest.database == backups.server.database() => {
                there.push(kept(&manifest));
            }
            Ok(_) => {}
            Err(_) => tracing::warn!(place = place.place(), key, "a manifest cannot be read"),
        }
    }
    let mut deleted = 0;
    for name in surplus(&there, &backups.tiers) {
        cx.check()?;
        let mut files: Vec<&String> = keys
            .iter()
            .filter(|key| Name::of_file(key).as_ref() == Some(&name))
            .collect();
        files.sort_by_key(|key| !key.ends_with(ENDING));
        for key in files {
            place.delete(key).await?;
        }
        deleted += 1;
    }
    Ok(deleted)
}
