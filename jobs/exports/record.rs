//! What `worker.exports` remembers of an export, and the only place that writes it.
//!
//! One row per job, shared by its attempts: `running` until it is `ready` or `failed`. A row
//! that has a hash has been announced to its user; a retry does not announce again.

use std::path::Path;

use chrono::{DateTime, Utc};
use crm_job_contract::exports::{ExportFile, ExportRecords};
use rouage::JobError;
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection, PgPool};

use crate::exports::request::Request;

/// The row of one job.
#[derive(Debug, Clone, FromRow)]
pub(super) struct Record {
    pub(super) export_id: i64,
    pub(super) status: String,
    pub(super) row_count: Option<i64>,
    pub(super) byte_count: Option<i64>,
    pub(super) sha256: Option<String>,
    pub(super) file_name: Option<String>,
}

/// Everything a finished file adds to its row.
#[derive(Debug)]
pub(super) struct Ready<'a> {
    pub(super) file: &'a ExportFile,
    pub(super) path: &'a Path,
    pub(super) finished_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) download_token: Option<String>,
}

// A ready row stays ready until it is known whether its file is still there. An expired one
// starts over, as a new access to the data: it loses its hash.
const BEGIN: &str = "INSERT INTO worker.exports AS e \
     (job_id, dataset, format, filters, columns, user_id, status, file_name, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, 'running', \
         $2 || '_' || to_char($8 AT TIME ZONE $7, 'YYYYMMDD_HH24MISS') || '.' || CASE WHEN $9 THEN 'zip' ELSE $3 END, $8) \
     ON CONFLICT (job_id) DO UPDATE SET \
         status = CASE e.status WHEN 'ready' THEN 'ready' ELSE 'running' END, \
         sha256 = CASE e.status WHEN 'expired' THEN NULL ELSE e.sha256 END, \
         finished_at = CASE e.status WHEN 'ready' THEN e.finished_at END, \
         file_name = coalesce(e.file_name, excluded.file_name), \
         error = NULL \
     RETURNING export_id, status, row_count, byte_count, sha256, file_name";

/// Creates the row of the job, or takes it up again. A refused request has no `request`.
pub(super) async fn begin(
    database: &PgPool,
    job_id: &str,
    job: &ExportRecords,
    request: Option<&Request>,
    now: DateTime<Utc>,
) -> Result<Record, JobError> {
    let columns: Vec<_> = request
        .iter()
        .flat_map(|request| &request.columns)
        .map(|column| column.name)
        .collect();
    let query = sqlx::query_as(BEGIN)
        .bind(job_id)
        .bind(storable(&job.dataset))
        .bind(storable(&job.format))
        .bind(request.map_or_else(|| json!({}), |_| filters(job)))
        .bind(columns)
        .bind(job.user_id)
        .bind(request.map(|request| request.time_zone.clone()))
        .bind(now)
        .bind(job.zip);
    Ok(query.fetch_one(database).await?)
}

/// Locks the row until the transaction ends.
pub(super) async fn lock(connection: &mut PgConnection, job_id: &str) -> sqlx::Result<Record> {
    sqlx::query_as(
        "SELECT export_id, status, row_count, byte_count, sha256, file_name \
         FROM worker.exports WHERE job_id = $1 FOR UPDATE",
    )
    .bind(job_id)
    .fetch_one(connection)
    .await
}

/// The file is in its place.
pub(super) async fn set_ready(
    connection: &mut PgConnection,
    ready: &Ready<'_>,
) -> Result<(), JobError> {
    sqlx::query(
        "UPDATE worker.exports SET status = 'ready', row_count = $2, byte_count = $3, sha256 = $4, \
         file_path = $5, finished_at = $6, expires_at = $7, download_token = $8, error = NULL WHERE export_id = $1",
    )
    .bind(ready.file.export_id)
    .bind(i64::try_from(ready.file.rows)?)
    .bind(i64::try_from(ready.file.bytes)?)
    .bind(&ready.file.sha256)
    .bind(ready.path.to_string_lossy())
    .bind(ready.finished_at)
    .bind(ready.expires_at)
    .bind(&ready.download_token)
    .execute(connection)
    .await?;
    Ok(())
}

/// The job has failed for good. Answers whether the row was still running.
pub(super) async fn set_failed(
    database: &PgPool,
    job_id: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE worker.exports SET status = 'failed', error = $2, finished_at = $3 \
         WHERE job_id = $1 AND status = 'running'",
    )
    .bind(job_id)
    .bind(storable(reason))
    .bind(now)
    .execute(database)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether PostgreSQL knows the time zone by this name.
pub(super) async fn knows_time_zone(database: &PgPool, name: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pg_timezone_names WHERE lower(name) = lower($1))",
    )
    .bind(storable(name))
    .fetch_one(database)
    .await
}

impl Record {
    /// The finished file, if the row says there is one.
    pub(super) fn file(&self) -> Option<ExportFile> {
        if self.status != "ready" {
            return None;
        }
        Some(ExportFile {
            export_id: self.export_id,
            file_name: self.file_name.clone()?,
            rows: u64::try_from(self.row_count?).ok()?,
            bytes: u64::try_from(self.byte_count?).ok()?,
            sha256: self.sha256.clone()?,
        })
    }

    /// Whether the user was told already.
    pub(super) fn is_announced(&self) -> bool {
        self.sha256.is_some()
    }
}

fn filters(job: &ExportRecords) -> Value {
    json!(job.filters)
}

/// No column can hold a NUL character.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
