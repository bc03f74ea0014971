//! The record of a run in `worker.backups`.

use anyhow::Context;
use chrono::{DateTime, Utc};
use crm_backup::{Manifest, Name};
use rouage::JobError;
use sqlx::PgPool;
use sqlx::types::Json;

const BEGIN: &str = "\
INSERT INTO worker.backups (run_id, name, started_at, database_name) VALUES ($1, $2, $3, $4)
ON CONFLICT (run_id) DO UPDATE SET run_id = excluded.run_id RETURNING backup_id, name";

const DUMPED: &str = "\
UPDATE worker.backups SET server_version = $2, dump_version = $3, alembic_head = $4, byte_count = $5, sha256 = $6,
    uploads_bytes = $7, sentinel_rows = $8, dump_ms = $9, dumped_at = coalesce(dumped_at, $10) WHERE run_id = $1";

const VERIFIED: &str = "\
UPDATE worker.backups SET verified_at = $2, verify_ms = $3, table_count = $4, row_count = $5 WHERE run_id = $1";

const UPLOADED: &str = "\
UPDATE worker.backups SET sealed_bytes = $2, places = $3, uploaded_at = $4 WHERE run_id = $1";

/// Whether the run before this one failed, and nobody was told yet that all is well again.
const RECOVERED: &str = "\
SELECT coalesce((SELECT b.failed_at IS NOT NULL AND b.reported_at IS NULL FROM worker.backups b
WHERE b.backup_id < (SELECT backup_id FROM worker.backups WHERE run_id = $1) ORDER BY b.backup_id DESC LIMIT 1), FALSE)";

/// A run that has begun.
pub(super) struct Begun {
    pub(super) backup_id: i64,
    pub(super) name: Name,
}

/// Writes a new run down, or finds what an earlier attempt wrote.
pub(super) async fn begin(
    database: &PgPool,
    run_id: &str,
    database_name: &str,
    now: DateTime<Utc>,
) -> Result<Begun, JobError> {
    let (backup_id, name): (i64, String) = sqlx::query_as(BEGIN)
        .bind(run_id)
        .bind(Name::at(now).as_str())
        .bind(now)
        .bind(database_name)
        .fetch_one(database)
        .await
        .context("begin the record of the backup")?;
    Ok(Begun {
        backup_id,
        name: name.parse()?,
    })
}

/// The backup of a run.
pub(super) async fn name_of(database: &PgPool, run_id: &str) -> Result<Name, JobError> {
    let name: Option<String> =
        sqlx::query_scalar("SELECT name FROM worker.backups WHERE run_id = $1")
            .bind(run_id)
            .fetch_optional(database)
            .await
            .context("find the run")?;
    let name = name.ok_or_else(|| {
        JobError::discard(format!(
            "no backup was begun by run {run_id:?}; hint: run_id is the id of a backups.dump_database job"
        ))
    })?;
    Ok(name.parse()?)
}

pub(super) async fn dumped(
    database: &PgPool,
    manifest: &Manifest,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    let uploads = manifest.uploads.as_ref();
    sqlx::query(DUMPED)
        .bind(&manifest.run_id)
        .bind(&manifest.server_version)
        .bind(&manifest.dump_version)
        .bind(&manifest.alembic_head)
        .bind(manifest.dump.bytes.cast_signed())
        .bind(&manifest.dump.sha256)
        .bind(uploads.map(|uploads| uploads.file.bytes.cast_signed()))
        .bind(Json(&manifest.rows))
        .bind(manifest.dump_ms.cast_signed())
        .bind(now)
        .execute(database)
        .await?;
    Ok(())
}

pub(super) async fn verified(database: &PgPool, manifest: &Manifest) -> Result<(), JobError> {
    let Some(verified) = &manifest.verified else {
        return Ok(());
    };
    sqlx::query(VERIFIED)
        .bind(&manifest.run_id)
        .bind(verified.at)
        .bind(verified.took_ms.cast_signed())
        .bind(verified.tables.cast_signed())
        .bind(verified.rows.cast_signed())
        .execute(database)
        .await?;
    Ok(())
}

pub(super) async fn uploaded(
    database: &PgPool,
    manifest: &Manifest,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    let places: Vec<&str> = manifest
        .copies
        .iter()
        .map(|copy| copy.place.as_str())
        .collect();
    sqlx::query(UPLOADED)
        .bind(&manifest.run_id)
        .bind(
            manifest
                .sealed
                .as_ref()
                .map(|sealed| sealed.dump.bytes.cast_signed()),
        )
        .bind(places)
        .bind(now)
        .execute(database)
        .await?;
    Ok(())
}

/// Writes the end down; whether people are owed the word that all is well again.
pub(super) async fn reported(
    database: &PgPool,
    run_id: &str,
    now: DateTime<Utc>,
) -> Result<bool, JobError> {
    let owed: bool = sqlx::query_scalar(RECOVERED)
        .bind(run_id)
        .fetch_one(database)
        .await?;
    let done = sqlx::query(
        "UPDATE worker.backups SET reported_at = $2 WHERE run_id = $1 AND reported_at IS NULL",
    )
    .bind(run_id)
    .bind(now)
    .execute(database)
    .await?;
    Ok(owed && done.rows_affected() == 1)
}

pub(super) async fn drilled(
    database: &PgPool,
    name: &Name,
    took_ms: u64,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    sqlx::query("UPDATE worker.backups SET drilled_at = $2, drill_ms = $3 WHERE name = $1")
        .bind(name.as_str())
        .bind(now)
        .bind(took_ms.cast_signed())
        .execute(database)
        .await?;
    Ok(())
}

pub(super) async fn deleted(
    database: &PgPool,
    name: &Name,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    sqlx::query("UPDATE worker.backups SET deleted_at = coalesce(deleted_at, $2) WHERE name = $1")
        .bind(name.as_str())
        .bind(now)
        .execute(database)
        .await?;
    Ok(())
}

pub(super) async fn failed(
    database: &PgPool,
    run_id: &str,
    step: &str,
    error: &str,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    sqlx::query(
        "UPDATE worker.backups SET failed_at = $4, failed_step = $2, error = $3 WHERE run_id = $1",
    )
    .bind(run_id)
    .bind(step)
    .bind(error)
    .bind(now)
    .execute(database)
    .await?;
    Ok(())
}

/// A step that failed has succeeded after all.
pub(super) async fn mended(database: &PgPool, run_id: &str, step: &str) -> Result<(), JobError> {
    sqlx::query(
        "UPDATE worker.backups SET failed_at = NULL, failed_step = NULL, error = NULL \
         WHERE run_id = $1 AND failed_step = $2",
    )
    .bind(run_id)
    .bind(step)
    .execute(database)
    .await?;
    Ok(())
}
