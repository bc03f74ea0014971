//! `maintenance.delete_old_rows`: what nobody has to keep any more, a thousand rows at a time.

use chrono::{DateTime, TimeDelta, Utc};
use crm_job_contract::maintenance::{DeleteOldRows, DeletedRows};
use rouage::{Handler, JobContext, JobError};
use sqlx::PgPool;

use crate::services::Services;

/// Rows of one statement: short locks, and a stop is noticed soon.
const BATCH: i64 = 1000;
/// Longest accepted `keep_days`: a century.
const MOST_DAYS: u32 = 36_500;

/// Rows that grow old.
struct Rows {
    /// Their name in the payload.
    name: &'static str,
    /// How long they are kept.
    keep: Keep,
    /// Deletes some; `$1` is the instant before which they are old, `$2` how many at most.
    delete: &'static str,
}

enum Keep {
    /// As many days as asked for, at least and usually these.
    Days { least: u32, usual: u32 },
    /// Until a date in the row itself.
    UntilTheirDate,
}

const ROWS: [Rows; 4] = [
    Rows {
        name: "access_logs",
        // The CRM's record of who saw personal data is evidence: three years at least.
        keep: Keep::Days {
            least: 1095,
            usual: 1095,
        },
        delete: "DELETE FROM public.data_access_logs WHERE id IN (SELECT id FROM public.data_access_logs \
                 WHERE accessed_at < $1 AT TIME ZONE 'UTC' ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)",
    },
    Rows {
        name: "ai_preferences",
        keep: Keep::UntilTheirDate,
        delete: "DELETE FROM public.ai_user_preferences WHERE id IN (SELECT id FROM public.ai_user_preferences \
                 WHERE expires_at < $1 AT TIME ZONE 'UTC' ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)",
    },
    Rows {
        name: "read_notifications",
        keep: Keep::Days {
            least: 1,
            usual: 30,
        },
        delete: "DELETE FROM public.notifications WHERE id IN (SELECT id FROM public.notifications \
                 WHERE is_read AND created_at < $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)",
    },
    Rows {
        name: "workflow_executions",
        keep: Keep::Days {
            least: 1,
            usual: 90,
        },
        // One that still waits or runs is not old, whenever it was made.
        delete: "DELETE FROM public.workflow_executions WHERE id IN (SELECT id FROM public.workflow_executions \
                 WHERE created_at < $1 AND status NOT IN ('PENDING', 'RUNNING') \
                 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)",
    },
];

/// Runs [`DeleteOldRows`].
#[derive(Debug, Clone)]
pub struct DeleteOldRowsHandler {
    services: Services,
}

impl DeleteOldRowsHandler {
    /// A handler with these services.
    pub fn new(services: Services) -> Self {
        Self { services }
    }
}

impl Handler for DeleteOldRowsHandler {
    type Job = DeleteOldRows;

    async fn run(&self, job: DeleteOldRows, cx: &JobContext) -> Result<DeletedRows, JobError> {
        let rows = find(&job.rows)?;
        let before = rows.old_before(job.keep_days, self.services.clock.now())?;
        delete(&self.services.database, rows, before, cx).await
    }
}

fn find(name: &str) -> Result<&'static Rows, JobError> {
    ROWS.iter().find(|rows| rows.name == name).ok_or_else(|| {
        let names: Vec<&str> = ROWS.iter().map(|rows| rows.name).collect();
        let shown: String = name.chars().take(40).collect();
        JobError::discard(format!("rows is {shown:?}; allowed: {}", names.join(", ")))
    })
}

impl Rows {
    fn old_before(
        &self,
        asked: Option<u32>,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, JobError> {
        let days = match (&self.keep, asked) {
            (Keep::UntilTheirDate, None) => 0,
            (Keep::UntilTheirDate, Some(_)) => {
                return Err(JobError::discard(format!(
                    "keep_days has no meaning for {}, which have a date of their own; leave it out",
                    self.name
                )));
            }
            (Keep::Days { usual, .. }, None) => *usual,
            (Keep::Days { least, .. }, Some(days)) if (*least..=MOST_DAYS).contains(&days) => days,
            (Keep::Days { least, .. }, Some(days)) => {
                return Err(JobError::discard(format!(
                    "keep_days is {days} for {}; allowed: {least} to {MOST_DAYS}",
                    self.name
                )));
            }
        };
        Ok(now - TimeDelta::days(i64::from(days)))
    }
}

async fn delete(
    database: &PgPool,
    rows: &Rows,
    before: DateTime<Utc>,
    cx: &JobContext,
) -> Result<DeletedRows, JobError> {
    let mut deleted = 0;
    loop {
        cx.check()?;
        let gone = sqlx::query(rows.delete)
            .bind(before)
            .bind(BATCH)
            .execute(database)
            .await?
            .rows_affected();
        deleted += gone;
        if gone == 0 {
            tracing::info!(rows = rows.name, deleted, "old rows are gone");
            return Ok(DeletedRows { deleted });
        }
        cx.progress(deleted, None, "rows deleted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(rows: &str, keep_days: Option<u32>) -> String {
        let now = "2026-12-01T00:00:00Z".parse().unwrap();
        find(rows)
            .and_then(|rows| rows.old_before(keep_days, now))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn access_logs_are_never_deleted_before_three_years() {
        assert_eq!(
            refusal("access_logs", Some(1094)),
            "keep_days is 1094 for access_logs; allowed: 1095 to 36500"
        );
    }

    #[test]
    fn what_cannot_be_deleted_is_refused_in_words() {
        assert!(refusal("users", None).starts_with("rows is \"users\"; allowed: access_logs, "));
        assert!(refusal("ai_preferences", Some(9)).contains("leave it out"));
        assert!(refusal("workflow_executions", Some(0)).contains("allowed: 1 to"));
    }
}
