//! `backups.restore_drill`: the newest verified backup is brought back for real.
//!
//! The dump on this host is used: the private key that opens the copies is not here.

use crm_backup::{Archive, Leash, drill, verify};
use crm_job_contract::backups::{RestoreDrill, RestoredDrill};
use rouage::{Handler, Job, JobContext, JobError};

use crate::backups::record;
use crate::backups::settle::settle;
use crate::backups::work::{blocking, leashed};
use crate::services::Services;

/// Runs [`RestoreDrill`].
#[derive(Debug, Clone)]
pub struct RestoreDrillHandler {
    services: Services,
}

impl RestoreDrillHandler {
    /// A handler with these services.
    pub fn new(services: Services) -> Self {
        Self { services }
    }
}

impl Handler for RestoreDrillHandler {
    type Job = RestoreDrill;

    async fn run(&self, _job: RestoreDrill, cx: &JobContext) -> Result<RestoredDrill, JobError> {
        let drilled = bring_back(&self.services, cx).await;
        settle(&self.services, cx, RestoreDrill::KIND, None, drilled).await
    }
}

async fn bring_back(services: &Services, cx: &JobContext) -> Result<RestoredDrill, JobError> {
    let backups = &services.backups;
    let newest = backups
        .manifests()?
        .into_iter()
        .find(|manifest| manifest.verified.is_some());
    let manifest = newest.ok_or_else(|| {
        JobError::discard("there is no verified backup; hint: crm-worker backup now")
    })?;
    let archive = Archive::new(manifest.name.dump(&backups.dir), None)?;
    cx.progress(0, Some(2), "reading the backup");
    let verdict = blocking(cx, {
        let (tools, archive, manifest) = (backups.tools.clone(), archive.clone(), manifest.clone());
        move |leash| verify(&tools, &archive, &manifest, leash)
    });
    // Damage that came after it was verified.
    verdict
        .await?
        .map_err(|unfit| JobError::discard(unfit.to_string()))?;
    cx.progress(1, Some(2), "restoring into a scratch database");
    let leash = Leash::default();
    let token: String = cx.id().as_str().chars().rev().take(12).collect();
    let drilling = drill(
        &backups.tools,
        &backups.server,
        &archive,
        &manifest,
        &token,
        &leash,
    );
    let drilled = leashed(cx, &leash, drilling).await??;
    let took_ms = drilled.took.as_millis() as u64;
    record::drilled(
        &services.database,
        &manifest.name,
        took_ms,
        services.clock.now(),
    )
    .await?;
    tracing::info!(
        backup = manifest.name.as_str(),
        took_ms,
        "backup restored in a drill"
    );
    Ok(RestoredDrill {
        name: manifest.name.to_string(),
        took_ms,
    })
}
