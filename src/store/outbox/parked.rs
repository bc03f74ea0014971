//! What people see of the outbox: how much waits and for how long, and what is parked.

use std::time::Duration;

use serde::Serialize;

use crate::store::pool::Pool;

/// Waiting rows are counted up to here.
pub(crate) const COUNTED: i64 = 100_000;
/// Parked rows that leave in one statement.
const FORGOTTEN_AT_ONCE: i64 = 1000;

/// The outbox for people, over a pool.
#[derive(Debug, Clone)]
pub(crate) struct ParkedRows {
    pool: Pool,
}

/// How the outbox is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub(crate) struct Glance {
    /// Rows that wait to be relayed; counted up to 100,000.
    pub(crate) waiting: i64,
    /// How long the first of them has waited, ms.
    pub(crate) lag_ms: i64,
    /// Rows that wait for a person.
    pub(crate) parked: i64,
}

/// A row of which no job can be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub(crate) struct ParkedRow {
    /// Its number.
    pub(crate) id: i64,
    /// The id its job would have.
    pub(crate) job_id: String,
    /// What job it was to be.
    pub(crate) kind: String,
    /// Size of the payload, which is not shown.
    pub(crate) bytes: i32,
    /// When it was written, ms since 1970.
    pub(crate) created_at: i64,
    /// When it was parked, ms since 1970.
    pub(crate) parked_at: i64,
    /// Why.
    pub(crate) reason: String,
}

impl ParkedRows {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool }
    }

    /// Looks without reading more than it must.
    pub(crate) async fn glance(&self) -> sqlx::Result<Glance> {
        sqlx::query_as(
            "SELECT (SELECT count(*) FROM (SELECT FROM worker.outbox WHERE parked_at IS NULL LIMIT $1) AS counted) AS waiting, \
                 coalesce((SELECT greatest(extract(epoch FROM clock_timestamp() - created_at) * 1000, 0)::bigint \
                     FROM worker.outbox WHERE parked_at IS NULL ORDER BY id LIMIT 1), 0) AS lag_ms, \
                 (SELECT count(*) FROM (SELECT FROM worker.outbox WHERE parked_at IS NOT NULL LIMIT $1) AS counted) AS parked",
        )
        .bind(COUNTED)
        .fetch_one(&self.pool)
        .await
    }

    /// Parked rows, those that were parked first in front.
    pub(crate) async fn list(&self, limit: u32) -> sqlx::Result<Vec<ParkedRow>> {
        sqlx::query_as(
            "SELECT id, job_id, kind, bytes, reason, \
                 (extract(epoch FROM outbox.created_at) * 1000)::bigint AS created_at, \
                 (extract(epoch FROM outbox.parked_at) * 1000)::bigint AS parked_at \
             FROM worker.outbox WHERE parked_at IS NOT NULL ORDER BY outbox.parked_at, id LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
    }

    /// Lets parked rows wait again: these, or all of a kind, or all; how many.
    pub(crate) async fn retry(&self, ids: &[i64], kind: Option<&str>) -> sqlx::Result<u64> {
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query(
            "UPDATE worker.outbox SET parked_at = NULL, reason = NULL WHERE parked_at IS NOT NULL \
                 AND (cardinality($1::bigint[]) = 0 OR id = ANY($1)) AND ($2::text IS NULL OR kind = $2)",
        )
        .bind(ids)
        .bind(kind)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("SELECT pg_notify('worker_outbox', '')")
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(done.rows_affected())
    }

    /// Removes parked rows for ever: these, or all of a kind; how many.
    pub(crate) async fn discard(&self, ids: &[i64], kind: Option<&str>) -> sqlx::Result<u64> {
        let done = sqlx::query(
            "DELETE FROM worker.outbox WHERE parked_at IS NOT NULL \
                 AND (cardinality($1::bigint[]) = 0 OR id = ANY($1)) AND ($2::text IS NULL OR kind = $2)",
        )
        .bind(ids)
        .bind(kind)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// Removes rows that were parked longer ago than that, a bounded number of them; how many.
    pub(crate) async fn forget(&self, older_than: Duration) -> sqlx::Result<u64> {
        let done = sqlx::query(
            "DELETE FROM worker.outbox WHERE id IN ( \
                 SELECT id FROM worker.outbox WHERE parked_at < now() - $1 * interval '1 second' \
                 ORDER BY parked_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        )
        .bind(older_than.as_secs_f64())
        .bind(FORGOTTEN_AT_ONCE)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
