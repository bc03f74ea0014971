//! The binary's own metrics: names and meanings, beside the engine's in `rouage::metrics`.
//!
//! One table, so that a test can compare it with the dashboards and alert rules. The two
//! `celery_` names are what the CRM's existing alert rules ask for.

/// Always 1; the version is its label.
pub(crate) const BUILD: &str = "crm_worker_build_info";
/// Whether Redis answered the latest look at the queues.
pub(crate) const REDIS_UP: &str = "crm_worker_redis_up";
/// Connections to the database, by state: used, idle.
pub(crate) const DATABASE_CONNECTIONS: &str = "crm_worker_database_connections";
/// 1 for a family that this process refuses to run.
pub(crate) const FAMILY_REFUSED: &str = "crm_worker_family_refused";
/// When the last backup was verified and copied, in seconds since 1970; 0 if there is none.
pub(crate) const BACKUP_LAST_SUCCESS: &str = "crm_worker_backup_last_success_timestamp_seconds";
/// Size of the last good dump.
pub(crate) const BACKUP_SIZE: &str = "crm_worker_backup_size_bytes";
/// How long the last good backup took from its start to its report.
pub(crate) const BACKUP_DURATION: &str = "crm_worker_backup_duration_seconds";
/// When a backup was last restored in a drill, in seconds since 1970.
pub(crate) const BACKUP_LAST_DRILL: &str = "crm_worker_restore_drill_timestamp_seconds";
/// How long that restore took.
pub(crate) const RESTORE_DRILL: &str = "crm_worker_restore_drill_seconds";
/// The engine's number of workers under the name of the CRM's rules.
pub(crate) const CELERY_WORKERS: &str = "celery_workers_active";
/// Jobs that wait for a slot under the name of the CRM's rules.
pub(crate) const CELERY_PENDING: &str = "celery_tasks_pending";

/// Every name with its help text: what dashboards and alerts may use besides the engine's.
pub(crate) const ALL: &[(&str, &str)] = &[
    (BUILD, "Always 1; the label version is the binary's"),
    (
        REDIS_UP,
        "Whether Redis answered the latest look at the queues; if not, their gauges are old",
    ),
    (
        DATABASE_CONNECTIONS,
        "Connections of this process to the database, by state",
    ),
    (
        FAMILY_REFUSED,
        "1 for a family this process refuses to run; doctor says why",
    ),
    (
        BACKUP_LAST_SUCCESS,
        "When the last backup was verified and copied; 0 if there is none",
    ),
    (BACKUP_SIZE, "Size of the dump of the last good backup"),
    (
        BACKUP_DURATION,
        "Seconds from the start of the last good backup to its report",
    ),
    (
        BACKUP_LAST_DRILL,
        "When a backup was last restored in a drill",
    ),
    (RESTORE_DRILL, "Seconds that this restore took"),
    (
        CELERY_WORKERS,
        "Same as rouage_workers, for alert rules written for Celery",
    ),
    (
        CELERY_PENDING,
        "Available jobs of all queues, for alert rules written for Celery",
    ),
];
