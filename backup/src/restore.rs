//! A database from an archive.
//!
//! Everything happens in one transaction of `pg_restore`: it is all there at the end, or nothing was
//! changed. What is in the target already is looked at first; overwriting it is somebody's decision.

use anyhow::Context;
use sqlx::Connection;

use crate::archive::Archive;
use crate::leash::Leash;
use crate::server::Server;
use crate::tools::Tools;

/// Tables that are named when the target is not empty.
const NAMED: i64 = 5;

/// Some tables that the target has already, and how many there are; none if it is empty.
pub async fn occupants(server: &Server) -> anyhow::Result<(Vec<String>, i64)> {
    let mut connection = server.connect().await?;
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT n.nspname || '.' || c.relname, count(*) OVER () FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname <> 'information_schema' \
         AND n.nspname NOT LIKE 'pg\\_%' \
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') \
         ORDER BY 1 LIMIT $1",
    )
    .bind(NAMED)
    .fetch_all(&mut connection)
    .await
    .context("look into the target")?;
    connection.close().await.context("close the connection")?;
    let count = rows.first().map_or(0, |(_, count)| *count);
    Ok((rows.into_iter().map(|(name, _)| name).collect(), count))
}

/// Runs `pg_restore` into a database that exists.
///
/// `replace` drops what the archive brings before it is created; what the archive does not know stays.
pub fn restore(
    tools: &Tools,
    server: &Server,
    archive: &Archive,
    replace: bool,
    leash: &Leash,
) -> anyhow::Result<()> {
    let mut command = tools.pg_restore();
    server.configure(&mut command);
    command
        .args(["--no-owner", "--no-privileges", "--no-password"])
        .args(["--single-transaction", "--exit-on-error"])
        .arg(format!("--dbname={}", server.dbname()))
        .env(
            "PGOPTIONS",
            "-c statement_timeout=0 -c lock_timeout=60s -c idle_in_transaction_session_timeout=0",
        );
    if replace {
        command.args(["--clean", "--if-exists"]);
    }
    let running = leash.start(&mut command)?;
    archive
        .feed(running, leash, |said| {
            // It says nothing while it restores; its end is the end.
            std::io::copy(said, &mut std::io::sink()).context("wait for pg_restore")
        })
        .with_context(|| format!("restore into {}", server.database()))?;
    Ok(())
}
