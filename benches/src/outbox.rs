//! `bench outbox`: rows of the outbox that the real binary moves to Redis per second.
//!
//! The rows are there before the relay starts, the process is up before they are counted: what is
//! measured is the steady rate between the first jobs that appear in Redis and the last.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use devkit::{Persistence, PostgresServer, RedisServer, Template};
use redis::Commands;

use crate::options::Options;
use crate::report::Report;

/// Rows of a full run.
const ROWS: usize = 400_000;
/// How often Redis is asked how many jobs there are.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// A relay must be done within this time.
const PATIENCE: Duration = Duration::from_secs(120);

struct Relay(Child);

impl Drop for Relay {
    fn drop(&mut self) {
        if self.0.kill().is_ok() {
            drop(self.0.wait());
        }
    }
}

/// Fills the table, starts a relay, counts.
pub(crate) fn measure(report: &mut Report, options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let rows = options.few(ROWS);
    let redis = RedisServer::start(Persistence::Aof)?;
    let (postgres, database) = runtime.block_on(async {
        let postgres = PostgresServer::start().await?;
        let database = postgres.database(Template::Empty).await?;
        anyhow::Ok((postgres, database))
    })?;
    let binary = std::env::current_exe()?.with_file_name("crm-worker");
    let command = |arguments: &[&str]| {
        let mut command = Command::new(&binary);
        command
            .args(arguments)
            .env("REDIS_URL", redis.url())
            .env("DATABASE_URL", &database)
            .env("CRM_WORKER__HTTP__BIND", "")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    };
    let migrated = command(&["migrate"]).status();
    if !migrated
        .context("run crm-worker; hint: make bench builds it")?
        .success()
    {
        bail!("crm-worker migrate failed");
    }
    runtime.block_on(async {
        let pool = sqlx::PgPool::connect(&database).await?;
        sqlx::query(
            "INSERT INTO worker.outbox (kind, payload) \
             SELECT 'debug.echo', jsonb_build_object('value', n) FROM generate_series(1, $1) AS n",
        )
        .bind(i64::try_from(rows)?)
        .execute(&pool)
        .await?;
        pool.close().await;
        anyhow::Ok(())
    })?;
    let mut connection = redis::Client::open(redis.url())?.get_connection()?;
    let relay = Relay(command(&["run", "--roles", "outbox"]).spawn()?);
    let mut jobs = move || -> Result<usize> {
        let stored: Option<usize> = connection.hget("crm:{debug}:count", "enqueued")?;
        Ok(stored.unwrap_or(0))
    };
    let started = Instant::now();
    let mut first = None;
    let (seconds, moved) = loop {
        if started.elapsed() > PATIENCE {
            bail!("the relay did not move {rows} rows within {PATIENCE:?}");
        }
        let now = jobs()?;
        if now > 0 && first.is_none() {
            first = Some((Instant::now(), now));
        }
        if let (Some((since, before)), true) = (first, now >= rows) {
            break (since.elapsed().as_secs_f64(), now - before);
        }
        sleep(LOOK_EVERY);
    };
    drop(relay);
    drop(postgres);
    let conditions = format!("{rows} rows of debug.echo, one relay, append-only file every second");
    report.add(
        "outbox",
        "crm-worker",
        moved as f64 / seconds,
        "rows/s",
        "",
        conditions,
    );
    Ok(())
}
