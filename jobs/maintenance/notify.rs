//! Notifications to administrators.

use chrono::{DateTime, Utc};
use rouage::JobError;
use serde_json::Value;
use sqlx::PgConnection;

/// What administrators are told.
pub(super) struct Notice<'n> {
    /// A label of `notificationtype`.
    pub(super) kind: &'n str,
    /// A label of `notificationpriority`.
    pub(super) priority: &'n str,
    pub(super) title: &'n str,
    pub(super) message: &'n str,
    /// What it is about; with `metadata` it tells one notice from another.
    pub(super) resource_type: &'n str,
    pub(super) metadata: Value,
}

/// Tells every active administrator who was not told the same before.
pub(super) async fn administrators(
    connection: &mut PgConnection,
    notice: &Notice<'_>,
    now: DateTime<Utc>,
) -> Result<u64, JobError> {
    let told = sqlx::query(
        "INSERT INTO public.notifications (user_id, type, priority, title, message, resource_type, metadata, \
         is_read, is_archived, created_at, updated_at) \
         SELECT u.id, $1::text::notificationtype, $2::text::notificationpriority, $3, $4, $5, $6, FALSE, FALSE, $7, $7 \
         FROM public.users u LEFT JOIN public.roles r ON r.id = u.role_id \
         WHERE u.is_active AND (u.is_superuser OR r.name = 'admin') \
         AND NOT EXISTS (SELECT FROM public.notifications n WHERE n.user_id = u.id \
             AND n.resource_type = $5 AND n.metadata::jsonb = $6::jsonb)",
    )
    .bind(notice.kind)
    .bind(notice.priority)
    .bind(notice.title)
    .bind(notice.message)
    .bind(notice.resource_type)
    .bind(&notice.metadata)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(told.rows_affected())
}
