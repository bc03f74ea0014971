//! The ledger of effects: `worker.effects`, one row a key.
//!
//! Each method is one statement and every change names the call it has seen, so workers need no
//! locks. Times are the database's. What operators do (list what is open, decide it) is here
//! too; what the rows mean to an attempt is decided by the engine.

use std::time::Duration;

use anyhow::{Context, anyhow};
use rouage::effects::{EffectEnd, EffectLedger, EffectState, Recorded, Reservation};
use serde::Serialize;

use super::pool::Pool;

/// How long one question may take; the engine asks again.
const PATIENCE: Duration = Duration::from_secs(5);
/// Effects that leave in one statement.
const FORGOTTEN_AT_ONCE: i64 = 1000;

type Answer<'a, T> = std::pin::Pin<Box<dyn Future<Output = anyhow::Result<T>> + Send + 'a>>;

/// The ledger in the worker's schema.
#[derive(Clone)]
pub(crate) struct Effects {
    pool: Pool,
}

impl std::fmt::Debug for Effects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Effects(worker.effects)")
    }
}

/// An effect that waits for a person, or may have to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub(crate) struct OpenEffect {
    /// What must not happen twice.
    pub(crate) key: String,
    /// reserved (its call is over and wrote nothing) or unknown.
    pub(crate) state: String,
    /// The job that wanted it last.
    pub(crate) job_id: String,
    /// Its kind.
    pub(crate) kind: String,
    /// Its attempt.
    pub(crate) attempt: i32,
    /// When it was reserved, ms since 1970.
    pub(crate) reserved_at: i64,
}

/// A person's word about an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It happened; the answer as JSON.
    Happened(String),
    /// It did not happen.
    DidNotHappen,
}

/// What a decision found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decided {
    /// It was open and is decided; its job goes on when it is retried.
    By {
        /// The job that wanted it last.
        job_id: String,
    },
    /// Nothing to decide: it is in this state.
    Is(String),
    /// There is no such effect.
    NoSuchKey,
}

/// Call, state, job, fence, answer, seconds left, seconds since it reached its state.
type Row = (String, String, String, i64, Option<String>, f64, f64);

impl Effects {
    /// A ledger over a pool.
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool }
    }

    async fn insert(&self, reservation: &Reservation) -> anyhow::Result<Option<Recorded>> {
        let inserted = sqlx::query(
            "INSERT INTO worker.effects (key, state, call, job_id, kind, attempt, fence, reserved_at, over_at) \
             VALUES ($1, 'reserved', $2, $3, $4, $5, $6, now(), now() + $7 * interval '1 second') \
             ON CONFLICT (key) DO NOTHING",
        )
        .bind(&reservation.key)
        .bind(&reservation.call)
        .bind(reservation.job.as_str())
        .bind(&reservation.kind)
        .bind(i32::try_from(reservation.attempt)?)
        .bind(i64::try_from(reservation.fence)?)
        .bind(reservation.lasts.as_secs_f64())
        .execute(&self.pool)
        .await
        .context("reserve an effect")?;
        if inserted.rows_affected() == 1 {
            return Ok(None);
        }
        let row: Option<Row> = sqlx::query_as(
            "SELECT call, state, job_id, fence, answer::text, \
                 extract(epoch FROM over_at - now())::float8, \
                 extract(epoch FROM now() - coalesce(settled_at, reserved_at))::float8 \
             FROM worker.effects WHERE key = $1",
        )
        .bind(&reservation.key)
        .fetch_optional(&self.pool)
        .await
        .context("look at an effect")?;
        // Gone between the two statements: the engine asks again.
        let row = row.ok_or_else(|| anyhow!("effect {:?} was just forgotten", reservation.key))?;
        recorded(row).map(Some)
    }

    async fn replace(&self, reservation: &Reservation, seen: &str) -> anyhow::Result<bool> {
        let done = sqlx::query(
            "UPDATE worker.effects SET state = 'reserved', call = $2, job_id = $3, kind = $4, attempt = $5, \
                 fence = $6, reserved_at = now(), over_at = now() + $7 * interval '1 second', \
                 settled_at = NULL, note = NULL \
             WHERE key = $1 AND call IN ($8, $2) AND state <> 'confirmed'",
        )
        .bind(&reservation.key)
        .bind(&reservation.call)
        .bind(reservation.job.as_str())
        .bind(&reservation.kind)
        .bind(i32::try_from(reservation.attempt)?)
        .bind(i64::try_from(reservation.fence)?)
        .bind(reservation.lasts.as_secs_f64())
        .bind(seen)
        .execute(&self.pool)
        .await
        .context("take an effect over")?;
        Ok(done.rows_affected() == 1)
    }

    async fn close(&self, key: &str, call: &str, end: &EffectEnd) -> anyhow::Result<bool> {
        let answer = match end {
            EffectEnd::Confirmed(answer) => Some(answer),
            EffectEnd::Released | EffectEnd::Unknown => None,
        };
        // An end that is written twice, because the first answer was lost, is written once.
        let done = sqlx::query(
            "UPDATE worker.effects SET state = $3, answer = $4::json, settled_at = now() \
             WHERE key = $1 AND call = $2 \
                 AND (state = 'reserved' OR state = $3 OR state <> 'confirmed' AND $3 <> 'unknown')",
        )
        .bind(key)
        .bind(call)
        .bind(end.state().name())
        .bind(answer)
        .execute(&self.pool)
        .await
        .context("end an effect")?;
        Ok(done.rows_affected() == 1)
    }

    /// Effects of which nobody knows whether they happened, the oldest first.
    pub(crate) async fn open(&self, limit: u32) -> sqlx::Result<Vec<OpenEffect>> {
        sqlx::query_as(
            "SELECT key, state, job_id, kind, attempt, (extract(epoch FROM reserved_at) * 1000)::bigint AS reserved_at \
             FROM worker.effects WHERE state = 'unknown' OR state = 'reserved' AND over_at < now() \
             ORDER BY effects.reserved_at LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
    }

    /// Writes a person's word about an open effect.
    pub(crate) async fn decide(
        &self,
        key: &str,
        decision: &Decision,
        note: &str,
    ) -> sqlx::Result<Decided> {
        let (state, answer) = match decision {
            Decision::Happened(answer) => (EffectState::Confirmed, Some(answer)),
            Decision::DidNotHappen => (EffectState::Released, None),
        };
        // What a person decided before may be decided anew; what a worker knows may not.
        let decided: Option<String> = sqlx::query_scalar(
            "UPDATE worker.effects SET state = $2, answer = $3::json, note = $4, settled_at = now() \
             WHERE key = $1 AND (state = 'unknown' OR state = 'reserved' AND over_at < now() \
                 OR state <> 'reserved' AND note IS NOT NULL) \
             RETURNING job_id",
        )
        .bind(key)
        .bind(state.name())
        .bind(answer)
        .bind(note)
        .fetch_optional(&self.pool)
        .await?;
        if let Some(job_id) = decided {
            return Ok(Decided::By { job_id });
        }
        let state = sqlx::query_scalar("SELECT state FROM worker.effects WHERE key = $1")
            .bind(key)
            .fetch_optional(&self.pool)
            .await?;
        Ok(state.map_or(Decided::NoSuchKey, Decided::Is))
    }

    /// Removes effects that were confirmed or released longer ago than that, a bounded number of
    /// them; how many. Open ones stay.
    pub(crate) async fn forget(&self, older_than: Duration) -> sqlx::Result<u64> {
        let done = sqlx::query(
            "DELETE FROM worker.effects WHERE key IN ( \
                 SELECT key FROM worker.effects WHERE state IN ('confirmed', 'released') \
                     AND settled_at < now() - $1 * interval '1 second' \
                 ORDER BY settled_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        )
        .bind(older_than.as_secs_f64())
        .bind(FORGOTTEN_AT_ONCE)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}

impl EffectLedger for Effects {
    fn reserve<'a>(&'a self, reservation: &'a Reservation) -> Answer<'a, Option<Recorded>> {
        Box::pin(in_time(self.insert(reservation)))
    }

    fn take_over<'a>(&'a self, reservation: &'a Reservation, seen: &'a str) -> Answer<'a, bool> {
        Box::pin(in_time(self.replace(reservation, seen)))
    }

    fn end<'a>(&'a self, key: &'a str, call: &'a str, end: &'a EffectEnd) -> Answer<'a, bool> {
        Box::pin(in_time(self.close(key, call, end)))
    }
}

async fn in_time<T>(answer: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::time::timeout(PATIENCE, answer)
        .await
        .unwrap_or_else(|_| Err(anyhow!("the database did not answer within {PATIENCE:?}")))
}

fn recorded(row: Row) -> anyhow::Result<Recorded> {
    let (call, state, job, fence, answer, left, age) = row;
    let state = EffectState::ALL
        .into_iter()
        .find(|known| known.name() == state)
        .ok_or_else(|| anyhow!("effect state {state:?} is unknown here"))?;
    Ok(Recorded {
        state,
        call,
        job: job.parse().context("read the job of an effect")?,
        fence: u64::try_from(fence)?,
        answer,
        left: Duration::try_from_secs_f64(left).unwrap_or_default(),
        age: Duration::try_from_secs_f64(age).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests;
