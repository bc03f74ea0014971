//! The history of finished jobs: `worker.job_runs`.
//!
//! A batch is one statement and may be written twice. Searches walk backwards through time, page by
//! page: a page's last row is the cursor of the next, so that a search costs the same on page one
//! and on page one hundred.

use std::time::Duration;

use anyhow::{Context, anyhow};
use rouage::history::{FinishedJob, History};
use serde::Serialize;
use sqlx::{Postgres, QueryBuilder};

use super::pool::Pool;

/// How long one batch may take to be written; the engine tries again.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rows that leave in one statement.
const FORGOTTEN_AT_ONCE: i64 = 5000;
/// Most rows on a page.
pub(crate) const MAX_PAGE: u32 = 1000;

/// The history in the worker's schema.
#[derive(Clone)]
pub(crate) struct JobRuns {
    pool: Pool,
}

impl std::fmt::Debug for JobRuns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JobRuns(worker.job_runs)")
    }
}

/// One statement of one shape, however many jobs: it is planned once.
const INSERT: &str = "INSERT INTO worker.job_runs (finished_at, job_id, queue, kind, state, tags, priority, \
         attempts, enqueued_at, started_at, duration_ms, worker, reason, error_kind, error_message, result_bytes) \
     SELECT to_timestamp(finished / 1000.0), job, queue, kind, state, string_to_array(tags, E'\\n'), priority, \
         attempts, to_timestamp(enqueued / 1000.0), to_timestamp(nullif(started, 0) / 1000.0), \
         CASE WHEN started > 0 THEN greatest(finished - started, 0) END, nullif(worker, ''), nullif(reason, ''), \
         nullif(error_kind, ''), nullif(error_message, ''), bytes \
     FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], \
         $8::bigint[], $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bigint[]) \
         AS ended (finished, job, queue, kind, state, tags, priority, attempts, enqueued, started, worker, reason, \
         error_kind, error_message, bytes) \
     ON CONFLICT (finished_at, job_id) DO NOTHING";

/// What is searched for; everything that is given must hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Search {
    pub(crate) job: Option<String>,
    pub(crate) queue: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) state: Option<String>,
    /// A part of the last error's message, whatever the case of its letters.
    pub(crate) error: Option<String>,
    /// Not before this instant, ms since 1970.
    pub(crate) since: Option<u64>,
    /// Before this instant, ms since 1970.
    pub(crate) until: Option<u64>,
    /// Only what comes behind this row.
    pub(crate) behind: Option<Cursor>,
    /// Rows at most, up to [`MAX_PAGE`].
    pub(crate) limit: u32,
}

/// A place in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    finished_at: u64,
    job: String,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.finished_at, self.job)
    }
}

impl std::str::FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text
            .split_once(':')
            .and_then(|(at, job)| Some((at.parse().ok()?, job.to_owned())));
        let (finished_at, job) =
            parts.ok_or_else(|| format!("{text:?} is not a cursor that a page ended with"))?;
        Ok(Self { finished_at, job })
    }
}

/// One end of a job. Instants are ms since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub(crate) struct JobRun {
    pub(crate) job_id: String,
    pub(crate) queue: String,
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) tags: Vec<String>,
    pub(crate) priority: i16,
    pub(crate) attempts: i32,
    pub(crate) enqueued_at: i64,
    pub(crate) started_at: Option<i64>,
    pub(crate) finished_at: i64,
    pub(crate) duration_ms: Option<i64>,
    pub(crate) worker: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) error_kind: Option<String>,
    pub(crate) error_message: Option<String>,
    pub(crate) result_bytes: i32,
}

impl JobRun {
    /// Its place in the history.
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor {
            finished_at: u64::try_from(self.finished_at).unwrap_or(0),
            job: self.job_id.clone(),
        }
    }
}

impl JobRuns {
    /// A history over a pool.
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool }
    }

    async fn insert(&self, jobs: &[FinishedJob]) -> anyhow::Result<()> {
        let texts = |of: fn(&FinishedJob) -> &str| jobs.iter().map(of).collect::<Vec<_>>();
        let numbers = |of: fn(&FinishedJob) -> u64| {
            let signed = |job| i64::try_from(of(job)).unwrap_or(i64::MAX);
            jobs.iter().map(signed).collect::<Vec<i64>>()
        };
        let messages: Vec<String> = jobs.iter().map(message).collect();
        // Tags have no control characters.
        let tags: Vec<String> = jobs.iter().map(|job| job.tags.join("\n")).collect();
        sqlx::query(INSERT)
            .bind(numbers(|job| job.finished_at))
            .bind(texts(|job| job.id.as_str()))
            .bind(texts(|job| &job.queue))
            .bind(texts(|job| &job.kind))
            .bind(texts(|job| job.state.name()))
            .bind(tags)
            .bind(numbers(|job| job.priority.into()))
            .bind(numbers(|job| job.attempts.into()))
            .bind(numbers(|job| job.enqueued_at))
            .bind(numbers(|job| job.started_at))
            .bind(texts(|job| &job.worker))
            .bind(texts(|job| &job.reason))
            .bind(texts(|job| &job.error_kind))
            .bind(messages)
            .bind(numbers(|job| job.result_bytes))
            .execute(&self.pool)
            .await
            .context("write the history")?;
        Ok(())
    }

    /// One page, the newest first.
    pub(crate) async fn search(&self, search: &Search) -> sqlx::Result<Vec<JobRun>> {
        let mut query = QueryBuilder::<Postgres>::new(
            "SELECT job_id, queue, kind, state, tags, priority, attempts, \
                 (extract(epoch FROM enqueued_at) * 1000)::bigint AS enqueued_at, \
                 (extract(epoch FROM started_at) * 1000)::bigint AS started_at, \
                 (extract(epoch FROM r.finished_at) * 1000)::bigint AS finished_at, \
                 duration_ms, worker, reason, error_kind, error_message, result_bytes \
             FROM worker.job_runs r WHERE true",
        );
        narrow(&mut query, search);
        query
            .push(" ORDER BY r.finished_at DESC, job_id DESC LIMIT ")
            .push_bind(i64::from(search.limit.clamp(1, MAX_PAGE)));
        query.build_query_as().fetch_all(&self.pool).await
    }

    /// Removes what ended longer ago than that, a bounded number of rows; how many.
    pub(crate) async fn forget(&self, older_than: Duration) -> sqlx::Result<u64> {
        let done = sqlx::query(
            "DELETE FROM worker.job_runs WHERE (finished_at, job_id) IN ( \
                 SELECT finished_at, job_id FROM worker.job_runs \
                 WHERE finished_at < now() - $1 * interval '1 second' \
                 ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        )
        .bind(older_than.as_secs_f64())
        .bind(FORGOTTEN_AT_ONCE)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}

impl History for JobRuns {
    fn record<'a>(
        &'a self,
        jobs: &'a [FinishedJob],
    ) -> std::pin::Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send + 'a>> {
        Box::pin(async move {
            if jobs.is_empty() {
                return Ok(());
            }
            tokio::time::timeout(PATIENCE, self.insert(jobs))
                .await
                .unwrap_or_else(|_| Err(anyhow!("the database did not answer within {PATIENCE:?}")))
        })
    }
}

/// No column can hold a NUL character.
fn message(job: &FinishedJob) -> String {
    job.error_message.replace('\0', "\u{fffd}")
}

fn narrow(query: &mut QueryBuilder<Postgres>, search: &Search) {
    for (condition, value) in [
        (" AND job_id = ", &search.job),
        (" AND queue = ", &search.queue),
        (" AND kind = ", &search.kind),
        (" AND state = ", &search.state),
    ] {
        if let Some(value) = value {
            query.push(condition).push_bind(value.clone());
        }
    }
    if let Some(tag) = &search.tag {
        // As the index has it.
        query
            .push(" AND tags <> '{}' AND tags @> ARRAY[")
            .push_bind(tag.clone())
            .push("]");
    }
    if let Some(part) = &search.error {
        let escaped: String = part
            .chars()
            .flat_map(|c| {
                ['\\']
                    .into_iter()
                    .filter(move |_| "\\%_".contains(c))
                    .chain([c])
            })
            .collect();
        query
            .push(" AND error_message IS NOT NULL AND error_message ILIKE ")
            .push_bind(format!("%{escaped}%"));
    }
    for (condition, ms) in [
        (" AND r.finished_at >= to_timestamp(", search.since),
        (" AND r.finished_at < to_timestamp(", search.until),
    ] {
        if let Some(ms) = ms {
            query
                .push(condition)
                .push_bind(ms as i64)
                .push(" / 1000.0)");
        }
    }
    if let Some(Cursor { finished_at, job }) = &search.behind {
        query
            .push(" AND (r.finished_at, job_id) < (to_timestamp(")
            .push_bind(*finished_at as i64)
            .push(" / 1000.0), ")
            .push_bind(job.clone())
            .push(")");
    }
}

#[cfg(test)]
mod tests;
