//! Connections to the CRM's database.
//!
//! Every connection names itself in `pg_stat_activity` and limits its statements, so that a
//! worker that hangs is visible and does not hold a lock for ever. The address is a secret; the
//! messages of the driver do not contain it.

use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgPoolOptions;
use sqlx::{ConnectOptions, PgConnection};

pub(crate) use sqlx::PgPool as Pool;
pub(crate) use sqlx::postgres::PgConnectOptions as Options;

/// How long a single connection may take to come up.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long an unused probe connection stays open.
const PROBE_IDLE: Duration = Duration::from_mins(1);

/// Where the database is and how much of it this process takes.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Connections at most.
    pub(crate) max_connections: u32,
    /// How long a job waits for one.
    pub(crate) acquire_timeout: Duration,
    /// How long a statement may take.
    pub(crate) statement_timeout: Duration,
}

/// The address with our name on it.
pub(crate) fn options(url: &SecretString) -> anyhow::Result<Options> {
    let options =
        Options::from_str(url.expose_secret()).context("read the address of the database")?;
    Ok(options.application_name("crm-worker"))
}

/// The address that `PostgreSQL`'s own client programs would use: `PGHOST` and its companions.
pub(crate) fn from_environment() -> Options {
    Options::new().application_name("crm-worker")
}

/// The pool of the jobs; fails if the database does not answer.
pub(crate) async fn connect(options: &Options, limits: &Limits) -> anyhow::Result<Pool> {
    let statement_timeout = limits.statement_timeout.as_millis().to_string();
    let options = options
        .clone()
        .options([("statement_timeout", statement_timeout)]);
    let pool = PgPoolOptions::new()
        .max_connections(limits.max_connections)
        .acquire_timeout(limits.acquire_timeout);
    pool.connect_with(options)
        .await
        .context("connect to the database")
}

/// One connection beside the pool, opened when first used: a probe must not wait for jobs.
pub(crate) fn probe(options: &Options) -> Pool {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(PROBE_IDLE)
        .acquire_timeout(PATIENCE);
    pool.connect_lazy_with(options.clone())
}

/// A connection for one task.
pub(crate) async fn single(options: &Options) -> anyhow::Result<PgConnection> {
    let connecting = tokio::time::timeout(PATIENCE, options.connect());
    let connected = connecting
        .await
        .map_err(|_| anyhow::anyhow!("no answer within {PATIENCE:?}"));
    connected
        .and_then(|connected| Ok(connected?))
        .context("connect to the database")
}

/// Whether the database answers.
pub(crate) async fn ping(pool: &Pool) -> sqlx::Result<()> {
    sqlx::query("SELECT 1").execute(pool).await.map(drop)
}

/// The error of a question, with what to do where our tables are missing.
pub(crate) fn explained(error: sqlx::Error, doing: &'static str) -> anyhow::Error {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    let missing = matches!(code.as_deref(), Some("42P01" | "3F000"));
    let error = anyhow::Error::new(error).context(doing);
    if missing {
        error.context(format!(
            "{doing}: the table is missing; hint: run: crm-worker migrate"
        ))
    } else {
        error
    }
}
