//! `maintenance.remind_interactions`: one notification for each due action.
//!
//! Notification and mark are one statement, so none is lost and none is doubled. An action that was
//! moved to a later time after its reminder is due again then.

use crm_job_contract::maintenance::{RemindInteractions, RemindedInteractions};
use rouage::{Handler, JobContext, JobError};

use crate::services::Services;

/// Reminders of one statement.
const BATCH: i64 = 500;

const REMIND: &str = "\
WITH due AS (
    SELECT id, assignee_id, title, next_action_at
    FROM public.crm_interactions
    WHERE status IN ('todo', 'in_progress') AND assignee_id IS NOT NULL AND next_action_at <= $1
      AND (notified_at IS NULL OR notified_at < next_action_at)
    ORDER BY next_action_at, id LIMIT $2
    FOR UPDATE SKIP LOCKED
), told AS (
    INSERT INTO public.notifications (user_id, type, priority, title, message, link, resource_type,
        resource_id, metadata, is_read, is_archived, created_at, updated_at)
    SELECT assignee_id, 'TASK_DUE', 'HIGH', left('Rappel : ' || title, 255),
        'Action prévue le ' || to_char(next_action_at AT TIME ZONE 'Europe/Paris', 'DD/MM/YYYY \"à\" HH24:MI'),
        '/interactions/' || id, 'interaction', id,
        json_build_object('interaction_id', id, 'next_action_at', next_action_at), FALSE, FALSE, $1, $1
    FROM due
)
UPDATE public.crm_interactions i SET notified_at = $1 FROM due WHERE i.id = due.id";

/// Runs [`RemindInteractions`].
#[derive(Debug, Clone)]
pub struct RemindInteractionsHandler {
    services: Services,
}

impl RemindInteractionsHandler {
    /// A handler with these services.
    pub fn new(services: Services) -> Self {
        Self { services }
    }
}

impl Handler for RemindInteractionsHandler {
    type Job = RemindInteractions;

    async fn run(
        &self,
        _job: RemindInteractions,
        cx: &JobContext,
    ) -> Result<RemindedInteractions, JobError> {
        let now = self.services.clock.now();
        let mut reminded = 0;
        loop {
            cx.check()?;
            let told = sqlx::query(REMIND)
                .bind(now)
                .bind(BATCH)
                .execute(&self.services.database)
                .await?
                .rows_affected();
            reminded += told;
            if told == 0 {
                return Ok(RemindedInteractions { reminded });
            }
            cx.progress(reminded, None, "reminders");
        }
    }
}
