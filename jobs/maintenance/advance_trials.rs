//! `maintenance.advance_trials`: trial, grace period, expired.
//!
//! Days are days in Paris. A user is reminded once when seven, three and one days are left; after a
//! day without this job the reminder comes the day after. Who pays or is an administrator of the
//! whole installation keeps access.

use chrono::{DateTime, Utc};
use crm_job_contract::maintenance::{AdvanceTrials, AdvancedTrials};
use rouage::{Handler, JobContext, JobError};
use sqlx::PgPool;

use crate::services::Services;

/// Days of grace, if the payload says nothing.
const GRACE_DAYS: u32 = 3;
/// Most days of grace.
const MOST_GRACE_DAYS: u32 = 90;

/// The reminder of a trial is the one of the fewest days that are not fewer than those left.
const REMIND: &str = "\
WITH ending AS (
    SELECT id, trial_ends_at,
        (trial_ends_at AT TIME ZONE 'Europe/Paris')::date - ($1 AT TIME ZONE 'Europe/Paris')::date AS days
    FROM public.users
    WHERE subscription_status = 'trial' AND is_active AND trial_converted_at IS NULL
      AND trial_ends_at > $1 AND trial_ends_at < $1 + interval '9 days'
), reminder AS (
    SELECT id, trial_ends_at, days,
        json_build_object('reminder', CASE WHEN days <= 1 THEN 1 WHEN days <= 3 THEN 3 ELSE 7 END,
            'trial_ends_at', trial_ends_at) AS metadata
    FROM ending WHERE days <= 7
)
INSERT INTO public.notifications (user_id, type, priority, title, message, link, resource_type, resource_id,
    metadata, is_read, is_archived, created_at, updated_at)
SELECT id, 'SYSTEM', 'HIGH', 'Votre période d''essai se termine bientôt',
    'Elle se termine le ' || to_char(trial_ends_at AT TIME ZONE 'Europe/Paris', 'DD/MM/YYYY') || '.',
    '/settings/subscription', 'trial', id, metadata, FALSE, FALSE, $1, $1
FROM reminder
WHERE NOT EXISTS (SELECT FROM public.notifications n WHERE n.user_id = reminder.id
    AND n.resource_type = 'trial' AND n.metadata::jsonb = reminder.metadata::jsonb)";

const EXPIRE: &str = "\
UPDATE public.users SET subscription_status = 'expired', is_active = FALSE, updated_at = $1
WHERE subscription_status = 'grace_period' AND trial_converted_at IS NULL AND NOT is_superuser
  AND trial_ends_at + make_interval(days => $2) <= $1";

const INTO_GRACE: &str = "\
UPDATE public.users SET subscription_status = 'grace_period', updated_at = $1
WHERE subscription_status = 'trial' AND trial_converted_at IS NULL AND trial_ends_at <= $1";

/// Runs [`AdvanceTrials`].
#[derive(Debug, Clone)]
pub struct AdvanceTrialsHandler {
    services: Services,
}

impl AdvanceTrialsHandler {
    /// A handler with these services.
    pub fn new(services: Services) -> Self {
        Self { services }
    }
}

impl Handler for AdvanceTrialsHandler {
    type Job = AdvanceTrials;

    async fn run(&self, job: AdvanceTrials, _cx: &JobContext) -> Result<AdvancedTrials, JobError> {
        let grace = job.grace_days.unwrap_or(GRACE_DAYS);
        if grace > MOST_GRACE_DAYS {
            return Err(JobError::discard(format!(
                "grace_days is {grace}; allowed: 0 to {MOST_GRACE_DAYS}"
            )));
        }
        advance(&self.services.database, grace, self.services.clock.now()).await
    }
}

/// Who is in grace is expired first: whoever comes into it now keeps access until the next run.
async fn advance(
    database: &PgPool,
    grace_days: u32,
    now: DateTime<Utc>,
) -> Result<AdvancedTrials, JobError> {
    let mut transaction = database.begin().await?;
    let expired = sqlx::query(EXPIRE)
        .bind(now)
        .bind(i32::try_from(grace_days)?)
        .execute(&mut *transaction)
        .await?;
    let in_grace = sqlx::query(INTO_GRACE)
        .bind(now)
        .execute(&mut *transaction)
        .await?;
    let reminded = sqlx::query(REMIND)
        .bind(now)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(AdvancedTrials {
        reminded: reminded.rows_affected(),
        in_grace: in_grace.rows_affected(),
        expired: expired.rows_affected(),
    })
}
