//! `backups.report`: the end of a run, written down where the metrics look, and said to a heartbeat.
//!
//! People hear of failures at once, from the step that failed; here they hear that it is over.

use crm_job_contract::backups::{Report, Reported};
use rouage::{Handler, Job, JobContext, JobError};

use crate::backups::record;
use crate::backups::settle::settle;
use crate::services::Services;

/// Runs [`Report`].
#[derive(Debug, Clone)]
pub struct ReportHandler {
    services: Services,
}

impl ReportHandler {
    /// A handler with these services.
    pub fn new(services: Services) -> Self {
        Self { services }
    }
}

impl Handler for ReportHandler {
    type Job = Report;

    async fn run(&self, job: Report, cx: &JobContext) -> Result<Reported, JobError> {
        let reported = report(&self.services, &job).await;
        settle(
            &self.services,
            cx,
            Report::KIND,
            Some(&job.run_id),
            reported,
        )
        .await
    }
}

async fn report(services: &Services, job: &Report) -> Result<Reported, JobError> {
    let backups = &services.backups;
    let name = record::name_of(&services.database, &job.run_id).await?;
    let owed = record::reported(&services.database, &job.run_id, services.clock.now()).await?;
    if owed {
        let text =
            format!("Backup {name} is made, verified and copied; the one before had failed.");
        if let Err(error) = backups.announcer.tell(&text).await {
            tracing::warn!(%error, "nobody could be told that backups work again");
        }
    }
    let heartbeat = backups.announcer.heartbeat().await?;
    tracing::info!(backup = name.as_str(), heartbeat, "backup done");
    Ok(Reported {
        name: name.to_string(),
        heartbeat,
    })
}
