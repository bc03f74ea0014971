//! `backups.verify_dump`: a dump counts when every row of it was read back.

use crm_backup::{Archive, Contents, Manifest, Unfit, Verified, check_size, verify};
use crm_job_contract::backups::{VerifiedDump, VerifyDump};
use rouage::{Handler, Job, JobContext, JobError};
use tokio::time::Instant;

use crate::backups::ports::Backups;
use crate::backups::record;
use crate::backups::settle::settle;
use crate::backups::work::blocking;
use crate::services::Services;

/// Runs [`VerifyDump`].
#[derive(Debug, Clone)]
pub struct VerifyDumpHandler {
    services: Services,
}

impl VerifyDumpHandler {
    /// A handler with these services.
    pub fn new(services: Services) -> Self {
        Self { services }
    }
}

impl Handler for VerifyDumpHandler {
    type Job = VerifyDump;

    async fn run(&self, job: VerifyDump, cx: &JobContext) -> Result<VerifiedDump, JobError> {
        let verified = prove(&self.services, &job, cx).await;
        let run_id = Some(job.run_id.as_str());
        settle(&self.services, cx, VerifyDump::KIND, run_id, verified).await
    }
}

async fn prove(
    services: &Services,
    job: &VerifyDump,
    cx: &JobContext,
) -> Result<VerifiedDump, JobError> {
    let backups = &services.backups;
    let name = record::name_of(&services.database, &job.run_id).await?;
    let mut manifest = backups.manifest(&name)?;
    if manifest.verified.is_none() {
        if !job.accept_size {
            check_size(manifest.dump.bytes, &earlier_sizes(backups, &manifest)?)
                .map_err(refusal)?;
        }
        cx.progress(0, None, "reading every row back");
        let started = Instant::now();
        let contents = read_back(backups, &manifest, cx).await?;
        manifest.verified = Some(Verified {
            at: services.clock.now(),
            tables: contents.tables.len() as u64,
            rows: contents.total(),
            took_ms: started.elapsed().as_millis() as u64,
        });
        manifest.write(&backups.dir)?;
    }
    record::verified(&services.database, &manifest).await?;
    let Some(verified) = manifest.verified else {
        return Err(JobError::retry("the manifest was not marked as verified"));
    };
    tracing::info!(
        backup = name.as_str(),
        rows = verified.rows,
        "backup verified"
    );
    Ok(VerifiedDump {
        tables: verified.tables,
        rows: verified.rows,
    })
}

async fn read_back(
    backups: &Backups,
    manifest: &Manifest,
    cx: &JobContext,
) -> Result<Contents, JobError> {
    let archive = Archive::new(manifest.name.dump(&backups.dir), None)?;
    let (tools, described) = (backups.tools.clone(), manifest.clone());
    let verdict = blocking(cx, move |leash| verify(&tools, &archive, &described, leash)).await?;
    verdict.map_err(refusal)
}

/// A file that is not what it should be does not get better; one that could not be read may.
fn refusal(unfit: Unfit) -> JobError {
    match unfit {
        Unfit::Unreadable(error) => error.into(),
        unfit => JobError::discard(unfit.to_string()),
    }
}

/// The sizes of the verified backups before this one, the newest first.
fn earlier_sizes(backups: &Backups, manifest: &Manifest) -> anyhow::Result<Vec<u64>> {
    let known = backups.manifests()?;
    let earlier = known
        .iter()
        .filter(|other| other.verified.is_some() && other.sequence < manifest.sequence);
    Ok(earlier.map(|other| other.dump.bytes).collect())
}
