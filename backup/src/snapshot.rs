//! What the database held at one moment, kept open while it is dumped.
//!
//! The rows are counted in the very snapshot that `pg_dump` writes, so a count that differs later is
//! damage and never a row that somebody added meanwhile.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow, bail};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::server::Server;

/// Limits of this connection: it is idle while `pg_dump` works, which may take long.
const BEGIN: &str = "\
SET idle_in_transaction_session_timeout = 0;
SET statement_timeout = '10min';
SET lock_timeout = '60s';
BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// What is known about the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Such as 16.4.
    pub server_version: String,
    /// Such as 16.
    pub server_major: u32,
    /// The revision of the CRM's schema, if Alembic keeps one.
    pub alembic_head: Option<String>,
    /// Rows of the tables that were asked for.
    pub rows: BTreeMap<String, u64>,
}

/// A transaction that shows one moment, until it is ended or dropped.
#[derive(Debug)]
pub struct Snapshot {
    connection: PgConnection,
    /// What other connections call it.
    pub id: String,
    /// What the database held.
    pub facts: Facts,
}

impl Snapshot {
    /// Takes one, and counts the rows of these tables.
    pub async fn begin(server: &Server, tables: &[String]) -> anyhow::Result<Self> {
        let mut connection = server.connect().await?;
        sqlx::raw_sql(BEGIN)
            .execute(&mut connection)
            .await
            .context("begin the snapshot")?;
        let id = sqlx::query_scalar("SELECT pg_export_snapshot()")
            .fetch_one(&mut connection)
            .await
            .context("export the snapshot")?;
        let facts = Facts::read(&mut connection, tables).await?;
        Ok(Self {
            connection,
            id,
            facts,
        })
    }

    /// Lets it go.
    pub async fn end(self) {
        // The server notices a lost connection too.
        drop(self.connection.close().await);
    }
}

impl Facts {
    async fn read(connection: &mut PgConnection, tables: &[String]) -> anyhow::Result<Self> {
        let (version, number): (String, i32) = sqlx::query_as(
            "SELECT current_setting('server_version'), current_setting('server_version_num')::int",
        )
        .fetch_one(&mut *connection)
        .await
        .context("ask for the server's version")?;
        Ok(Self {
            // Debian adds the name of its package.
            server_version: version.split(' ').next().unwrap_or_default().to_owned(),
            server_major: u32::try_from(number / 10_000).unwrap_or(0),
            alembic_head: alembic_head(connection).await?,
            rows: count(connection, tables).await?,
        })
    }
}

/// The rows of some tables.
pub(crate) async fn count(
    connection: &mut PgConnection,
    tables: &[String],
) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut rows = BTreeMap::new();
    for table in tables {
        check_table(table)?;
        let found: Option<String> = sqlx::query_scalar("SELECT to_regclass($1)::text")
            .bind(qualified(table))
            .fetch_one(&mut *connection)
            .await
            .with_context(|| format!("look for table {table}"))?;
        found.ok_or_else(|| {
            anyhow!("there is no table {table}; hint: correct backups.sentinel_tables, or run the CRM's migrations")
        })?;
        let statement = format!("SELECT count(*) FROM {}", qualified(table));
        let counted: i64 = sqlx::query_scalar(AssertSqlSafe(statement))
            .fetch_one(&mut *connection)
            .await
            .with_context(|| format!("count the rows of {table}"))?;
        rows.insert(table.clone(), counted.unsigned_abs());
    }
    Ok(rows)
}

async fn alembic_head(connection: &mut PgConnection) -> anyhow::Result<Option<String>> {
    let exists: bool =
        sqlx::query_scalar("SELECT to_regclass('public.alembic_version') IS NOT NULL")
            .fetch_one(&mut *connection)
            .await
            .context("look for alembic's table")?;
    if !exists {
        return Ok(None);
    }
    sqlx::query_scalar(
        "SELECT string_agg(version_num, ',' ORDER BY version_num) FROM public.alembic_version",
    )
    .fetch_one(connection)
    .await
    .context("read alembic's revision")
}

/// Accepts a name that needs no quotes, with or without a schema.
pub fn check_table(table: &str) -> anyhow::Result<()> {
    let plain = |name: &str| {
        let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        starts && name.len() <= 63 && name.chars().all(fits)
    };
    let (schema, name) = table.split_once('.').unwrap_or(("public", table));
    if plain(schema) && plain(name) {
        return Ok(());
    }
    let shown: String = table.chars().take(60).collect();
    bail!("{shown:?} is no plain name of a table; hint: lower case, such as users or public.users")
}

fn qualified(table: &str) -> String {
    let (schema, name) = table.split_once('.').unwrap_or(("public", table));
    format!("\"{schema}\".\"{name}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_of_tables_get_into_a_statement() {
        for good in ["users", "public.users", "_x1"] {
            check_table(good).unwrap();
        }
        for bad in ["", "Users", "a b", "a.b.c", "x\"; DROP", "1st"] {
            assert!(check_table(bad).is_err(), "{bad}");
        }
        assert_eq!(qualified("users"), "\"public\".\"users\"");
    }
}
