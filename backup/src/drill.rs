//! Does the newest backup come back? Tried for real, into a database that exists for nothing else.
//!
//! The scratch database is created and dropped here. Its name carries the name of the database it
//! stands in for, so that two installations on one server never touch each other's; one that a killed
//! drill left is removed by the next.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::archive::Archive;
use crate::leash::Leash;
use crate::manifest::Manifest;
use crate::restore::restore;
use crate::server::Server;
use crate::snapshot;
use crate::tools::Tools;

const PREFIX: &str = "crm_worker_drill";
/// Letters of the random end.
const TOKEN: usize = 12;
/// Letters of the database's own name.
const OWN: usize = 30;

/// What a drill has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drilled {
    /// From the empty database to the last counted row.
    pub took: Duration,
    /// Rows of the tables that were asked for.
    pub rows: BTreeMap<String, u64>,
}

/// Restores an archive into a scratch database, counts, and drops it. `token` are twelve letters or
/// digits that no other drill has.
pub async fn drill(
    tools: &Tools,
    server: &Server,
    archive: &Archive,
    manifest: &Manifest,
    token: &str,
    leash: &Leash,
) -> anyhow::Result<Drilled> {
    let mut admin = administrator(server).await?;
    remove_leftovers(&mut admin, server.database()).await?;
    let scratch = scratch_name(server.database(), token);
    let started = Instant::now();
    let created = execute(
        &mut admin,
        format!("CREATE DATABASE {scratch} TEMPLATE template0"),
    )
    .await;
    created.with_context(|| {
        format!(
            "create the database {scratch}; hint: the worker's role needs it once: ALTER ROLE … CREATEDB"
        )
    })?;
    let rows = fill_and_count(
        tools,
        &server.with_database(&scratch),
        archive,
        manifest,
        leash,
    )
    .await;
    let took = started.elapsed();
    // The connection may have been cut while the scratch database was filled.
    let mut admin = match admin.ping().await {
        Ok(()) => admin,
        Err(_) => administrator(server).await?,
    };
    let dropped = execute(&mut admin, format!("DROP DATABASE {scratch} WITH (FORCE)")).await;
    let rows = rows?;
    dropped.with_context(|| format!("drop the database {scratch}"))?;
    drop(admin.close().await);
    for (table, expected) in &manifest.rows {
        let found = rows.get(table).copied().unwrap_or(0);
        if found != *expected {
            bail!("table {table} came back with {found} rows, {expected} were counted");
        }
    }
    Ok(Drilled { took, rows })
}

async fn fill_and_count(
    tools: &Tools,
    scratch: &Server,
    archive: &Archive,
    manifest: &Manifest,
    leash: &Leash,
) -> anyhow::Result<BTreeMap<String, u64>> {
    let restoring = tokio::task::spawn_blocking({
        let (tools, scratch, archive, leash) = (
            tools.clone(),
            scratch.clone(),
            archive.clone(),
            leash.clone(),
        );
        move || restore(&tools, &scratch, &archive, false, &leash)
    });
    restoring.await.context("restore")??;
    let mut connection = scratch.connect().await?;
    let tables: Vec<String> = manifest.rows.keys().cloned().collect();
    let rows = snapshot::count(&mut connection, &tables).await?;
    connection.close().await.context("close the connection")?;
    Ok(rows)
}

/// The database itself is a place to create another one from: no other is needed.
async fn administrator(server: &Server) -> anyhow::Result<PgConnection> {
    server.connect().await
}

async fn remove_leftovers(admin: &mut PgConnection, database: &str) -> anyhow::Result<()> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT datname::text FROM pg_database WHERE datname LIKE 'crm\\_worker\\_drill\\_%' ORDER BY 1 LIMIT 100",
    )
    .fetch_all(&mut *admin)
    .await
    .context("look for scratch databases")?;
    for name in names.iter().filter(|name| is_ours(name, database)) {
        execute(
            admin,
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        )
        .await
        .with_context(|| format!("drop the database {name} of an earlier drill"))?;
    }
    Ok(())
}

async fn execute(admin: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(admin)
        .await
        .map(drop)
}

fn scratch_name(database: &str, token: &str) -> String {
    let token: String = token
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .chain(std::iter::repeat('0'))
        .take(TOKEN)
        .collect();
    format!("{PREFIX}_{}_{token}", own(database))
}

/// The database's name as far as it needs no quotes.
fn own(database: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    database.chars().map(plain).take(OWN).collect()
}

fn is_ours(name: &str, database: &str) -> bool {
    let start = format!("{PREFIX}_{}_", own(database));
    let fits = |token: &str| {
        token.len() == TOKEN && token.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    name.strip_prefix(&start).is_some_and(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_scratch_databases_of_this_database_are_ours() {
        let name = scratch_name("crm", "01JD9W5X8K7M6N5P");
        assert_eq!(name, "crm_worker_drill_crm_01jd9w5x8k7m");
        assert!(is_ours(&name, "crm"));
        assert!(!is_ours(
            &scratch_name("crm_staging", "01JD9W5X8K7M"),
            "crm"
        ));
        assert!(!is_ours("crm", "crm"));
        assert!(scratch_name(&"x".repeat(63), "1").len() <= 63);
    }
}
