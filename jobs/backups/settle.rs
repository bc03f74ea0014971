//! The end of a step: a failure that no attempt follows is written down and told to people.
//!
//! A worker that is killed in its last attempt tells nobody; for that there is the alert on the time
//! of the last good backup.

use rouage::{JobContext, JobError, StopReason};

use crate::services::Services;

use super::record;

/// Longest reason that is kept and told.
const LONGEST: usize = 600;

/// Hands a step's result on. `run_id` is `None` for a job that belongs to no run.
pub(super) async fn settle<T>(
    services: &Services,
    cx: &JobContext,
    kind: &'static str,
    run_id: Option<&str>,
    result: Result<T, JobError>,
) -> Result<T, JobError> {
    let database = &services.database;
    match &result {
        Ok(_) => {
            if let Some(run_id) = run_id {
                record::mended(database, run_id, kind).await?;
            }
        }
        Err(error) => {
            if let Some(why) = final_reason(cx, error) {
                let why: String = why.chars().take(LONGEST).collect();
                if let Some(run_id) = run_id
                    && let Err(error) =
                        record::failed(database, run_id, kind, &why, services.clock.now()).await
                {
                    // The database may be what is broken: people are told all the same.
                    tracing::error!(%error, "the failure was not written down");
                }
                tell(services, cx, kind, &why).await;
            }
        }
    }
    result
}

async fn tell(services: &Services, cx: &JobContext, kind: &str, why: &str) {
    let id = cx.id().as_str();
    tracing::error!(kind, why, "a step of the backup failed for good");
    let text = format!("Backup failed: {kind}: {why}\nhint: crm-worker jobs show {id}");
    if let Err(error) = services.backups.announcer.tell(&text).await {
        tracing::error!(%error, "nobody could be told of it");
    }
}

/// Why the job ends here; `None` if another attempt follows.
fn final_reason(cx: &JobContext, error: &JobError) -> Option<String> {
    let last = cx.attempt() >= cx.max_attempts();
    match (error, cx.stop_reason()) {
        (JobError::Discard(_), _) => Some(error.to_string()),
        (JobError::Cancelled, Some(StopReason::Requested)) => {
            Some("cancelled on request".to_owned())
        }
        (JobError::Cancelled, Some(StopReason::Timeout)) if last => {
            Some("took too long".to_owned())
        }
        (JobError::Retry { .. }, _) if last => Some(error.to_string()),
        _ => None,
    }
}
