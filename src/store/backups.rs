//! What the records of backups say; the jobs write them.

use anyhow::Context;
use sqlx::FromRow;

use super::pool::{self, Pool};

const LATEST: &str = "\
WITH done AS (SELECT * FROM worker.backups WHERE reported_at IS NOT NULL ORDER BY reported_at DESC LIMIT 1),
    drill AS (SELECT * FROM worker.backups WHERE drilled_at IS NOT NULL ORDER BY drilled_at DESC LIMIT 1)
SELECT (SELECT extract(epoch FROM reported_at)::float8 FROM done) AS reported_at,
    (SELECT byte_count FROM done) AS bytes,
    (SELECT extract(epoch FROM reported_at - started_at)::float8 FROM done) AS seconds,
    (SELECT extract(epoch FROM drilled_at)::float8 FROM drill) AS drilled_at,
    (SELECT drill_ms FROM drill) AS drill_ms";

const RUN: &str = "\
SELECT name, byte_count, row_count, places, reported_at IS NOT NULL AS done, failed_step, error
FROM worker.backups WHERE run_id = $1";

/// The last good backup and the last drill.
#[derive(Debug, FromRow)]
pub(crate) struct Latest {
    /// Seconds since 1970.
    pub(crate) reported_at: Option<f64>,
    pub(crate) bytes: Option<i64>,
    pub(crate) seconds: Option<f64>,
    /// Seconds since 1970.
    pub(crate) drilled_at: Option<f64>,
    pub(crate) drill_ms: Option<i64>,
}

/// How far a run is.
#[derive(Debug, FromRow)]
pub(crate) struct Run {
    pub(crate) name: String,
    pub(crate) byte_count: Option<i64>,
    pub(crate) row_count: Option<i64>,
    pub(crate) places: Vec<String>,
    pub(crate) done: bool,
    pub(crate) failed_step: Option<String>,
    pub(crate) error: Option<String>,
}

/// Reads the latest.
pub(crate) async fn latest(pool: &Pool) -> sqlx::Result<Latest> {
    sqlx::query_as(LATEST).fetch_one(pool).await
}

/// Reads one run; `None` before it has begun.
pub(crate) async fn run(pool: &Pool, run_id: &str) -> anyhow::Result<Option<Run>> {
    sqlx::query_as(RUN)
        .bind(run_id)
        .fetch_optional(pool)
        .await
        .map_err(|error| pool::explained(error, "read the record of the backup"))
        .context("look how far the backup is")
}
