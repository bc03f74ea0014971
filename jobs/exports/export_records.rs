//! `exports.export_records`: the order in which an export happens.
//!
//! 1. The payload is understood, or refused for ever with a sentence that names what is wrong.
//! 2. The record is created, or taken up again; if it is ready and its file is whole, that is
//!    the answer.
//! 3. The rows are written to a part file from one snapshot.
//! 4. Under a lock on the record: the file is renamed, the record becomes ready, the access is
//!    logged and the user is notified, the last three in one transaction.
//!
//! A kill before the commit of step 4 leaves a running record and at most a whole file without
//! an announcement; the retry replaces the file and announces it. A kill after it leaves
//! nothing to do. Of two attempts at once the first to take the lock wins.

use std::path::Path;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use crm_job_contract::exports::{ExportFile, ExportRecords};
use rouage::{Handler, JobContext, JobError, StopReason};

use crate::exports::artifact::{self, Written};
use crate::exports::download_token::Claim;
use crate::exports::record::{self, Ready, Record};
use crate::exports::request::Request;
use crate::exports::unknown::quote;
use crate::exports::{announce, snapshot};
use crate::services::Services;

/// Runs [`ExportRecords`].
#[derive(Debug, Clone)]
pub struct ExportRecordsHandler {
    services: Services,
}

impl ExportRecordsHandler {
    /// A handler with these services.
    pub fn new(services: Services) -> Self {
        Self { services }
    }
}

impl Handler for ExportRecordsHandler {
    type Job = ExportRecords;

    async fn run(&self, job: ExportRecords, cx: &JobContext) -> Result<ExportFile, JobError> {
        export(&self.services, &job, cx).await
    }
}

async fn export(
    services: &Services,
    job: &ExportRecords,
    cx: &JobContext,
) -> Result<ExportFile, JobError> {
    let request = match understand(services, job).await {
        Err(transient @ JobError::Retry { .. }) => return Err(transient),
        understood_or_refused => understood_or_refused,
    };
    let now = services.clock.now();
    let record = record::begin(
        &services.database,
        cx.id().as_str(),
        job,
        request.as_ref().ok(),
        now,
    )
    .await?;
    let request = match request {
        Ok(request) => request,
        Err(refusal) => return Err(settle(services, None, cx, refusal).await?),
    };
    let dir = &services.exports.dir;
    let path = artifact::path_of(dir, cx.id().as_str(), request.extension());
    match produce(services, &request, &record, &path, cx).await {
        Ok(file) => Ok(file),
        Err(error) => Err(settle(services, Some(&path), cx, error).await?),
    }
}

/// Resolves every name of the payload, the time zone included.
async fn understand(services: &Services, job: &ExportRecords) -> Result<Request, JobError> {
    let request = Request::parse(job)?;
    // The usual zone needs no question: reading all zones takes PostgreSQL a moment.
    if job.tz.is_some() && !record::knows_time_zone(&services.database, &request.time_zone).await? {
        let name = quote(&request.time_zone);
        let message =
            format!("unknown time zone {name} (allowed: IANA names such as Europe/Paris)");
        return Err(JobError::discard(message));
    }
    Ok(request)
}

async fn produce(
    services: &Services,
    request: &Request,
    record: &Record,
    path: &Path,
    cx: &JobContext,
) -> Result<ExportFile, JobError> {
    if let Some(file) = still_there(record, path).await {
        return Ok(file);
    }
    let inside = inside(record, request);
    let now = services.clock.now();
    let written = snapshot::write(
        &services.database,
        &services.exports,
        request,
        &inside,
        now,
        cx,
    )
    .await?;
    cx.check()?;
    publish(services, request, written, path, cx).await
}

/// What the file is called in an archive: as the archive, but for the end.
fn inside(record: &Record, request: &Request) -> String {
    let name = record.file_name.as_deref().unwrap_or(request.dataset.name);
    let stem = name.strip_suffix(".zip").unwrap_or(name);
    format!("{stem}.{}", request.format.name())
}

/// The file of a record that is ready, if it is whole.
async fn still_there(record: &Record, path: &Path) -> Option<ExportFile> {
    let file = record.file()?;
    let size = tokio::fs::metadata(path).await.ok()?.len();
    (size == file.bytes).then_some(file)
}

/// Renames the file and tells everybody, once.
async fn publish(
    services: &Services,
    request: &Request,
    written: Written,
    path: &Path,
    cx: &JobContext,
) -> Result<ExportFile, JobError> {
    let mut transaction = services.database.begin().await?;
    let record = record::lock(&mut transaction, cx.id().as_str()).await?;
    if let Some(file) = still_there(&record, path).await {
        return Ok(file);
    }
    let file = describe(&record, &written)?;
    let finished_at = services.clock.now();
    let expires_at = expiry(services, finished_at)?;
    artifact::put_in_place(written, path.to_owned()).await?;
    let ready = Ready {
        file: &file,
        path,
        finished_at,
        expires_at,
        download_token: token(services, request, &file, expires_at),
    };
    record::set_ready(&mut transaction, &ready).await?;
    if !record.is_announced() {
        announce::log_access(&mut transaction, request, &file, finished_at).await?;
        announce::notify(&mut transaction, request, &file, finished_at, expires_at).await?;
    }
    transaction.commit().await?;
    tracing::info!(
        export_id = file.export_id,
        rows = file.rows,
        bytes = file.bytes,
        "export ready"
    );
    Ok(file)
}

/// The right to download the file, if there is a secret to sign it with.
fn token(
    services: &Services,
    request: &Request,
    file: &ExportFile,
    expires_at: DateTime<Utc>,
) -> Option<String> {
    let secret = services.exports.url_secret.as_ref()?;
    let claim = Claim {
        export_id: file.export_id,
        user_id: request.user_id,
        expires_at: expires_at.timestamp(),
    };
    Some(secret.sign(&claim))
}

fn describe(record: &Record, written: &Written) -> anyhow::Result<ExportFile> {
    Ok(ExportFile {
        export_id: record.export_id,
        file_name: record
            .file_name
            .clone()
            .context("read the file name from the record")?,
        rows: written.rows,
        bytes: written.bytes,
        sha256: written.sha256.clone(),
    })
}

fn expiry(services: &Services, finished_at: DateTime<Utc>) -> anyhow::Result<DateTime<Utc>> {
    let keep = TimeDelta::from_std(services.exports.keep)?;
    finished_at
        .checked_add_signed(keep)
        .context("add the time exports are kept")
}

/// Writes a failure that no retry follows into the record, and hands it on.
///
/// If the record cannot be written, that error comes out instead and the job is tried again:
/// better than a record that runs for ever.
async fn settle(
    services: &Services,
    path: Option<&Path>,
    cx: &JobContext,
    error: JobError,
) -> Result<JobError, JobError> {
    if let Some(reason) = final_reason(cx, &error) {
        let id = cx.id().as_str();
        let was_running =
            record::set_failed(&services.database, id, &reason, services.clock.now()).await?;
        if let Some(path) = path.filter(|_| was_running) {
            // An earlier attempt may have been killed between its rename and its commit.
            tokio::fs::remove_file(path).await.ok();
        }
    }
    Ok(error)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn context(attempt: u32, stop: Option<StopReason>) -> JobContext {
        let cx = JobContext::new(
            "x".parse().unwrap(),
            "exports.export_records",
            "exports",
            attempt,
            3,
        );
        if let Some(reason) = stop {
            cx.stop(reason);
        }
        cx
    }

    #[test]
    fn only_a_failure_that_no_attempt_follows_is_final() {
        let cases = [
            (JobError::discard("no"), 1, None, Some("no")),
            (JobError::retry("later"), 2, None, None),
            (JobError::retry("later"), 3, None, Some("later")),
            (
                JobError::Cancelled,
                1,
                Some(StopReason::Requested),
                Some("cancelled on request"),
            ),
            (JobError::Cancelled, 1, Some(StopReason::Timeout), None),
            (
                JobError::Cancelled,
                3,
                Some(StopReason::Timeout),
                Some("took too long"),
            ),
            (JobError::Cancelled, 3, Some(StopReason::Shutdown), None),
            (JobError::Cancelled, 3, Some(StopReason::LeaseLost), None),
        ];
        for (error, attempt, stop, reason) in cases {
            assert_eq!(
                final_reason(&context(attempt, stop), &error).as_deref(),
                reason,
                "{error} {stop:?}"
            );
        }
    }
}
