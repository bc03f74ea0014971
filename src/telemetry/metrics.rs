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
        CELERY_WORKERS,
        "Same as rouage_workers, for alert rules written for Celery",
    ),
    (
        CELERY_PENDING,
        "Available jobs of all queues, for alert rules written for Celery",
    ),
];
