//! The migrations of schema `worker`: embedded, forward-only, applied once.
//!
//! The list of what was applied is `worker.schema_migrations`: the CRM's own schema holds
//! nothing of ours, and the CRM's Alembic nothing of us. Several processes may migrate at the
//! same time; an advisory lock lets one at a time through, and the others find nothing to do.
//! Versions that this binary does not know are left alone, so that the previous release can be
//! started again.

use std::time::Duration;

use anyhow::Context;
use sqlx::migrate::{Migrate, Migration, Migrator};
use sqlx::{Connection, PgConnection};

use super::pool::{self, Options};

/// Where applied migrations are written down.
const TABLE: &str = "worker.schema_migrations";
/// How long to wait for another process that migrates, or for a table that is in use.
const LOCK_TIMEOUT: Duration = Duration::from_mins(1);

static EMBEDDED: Migrator = sqlx::migrate!();

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Step {
    /// Its number.
    pub(crate) version: i64,
    /// What its file is called.
    pub(crate) description: String,
}

/// What a database has of the migrations of this binary.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Not applied yet, in order.
    pub(crate) pending: Vec<Step>,
    /// Applied from a file with another content than ours.
    pub(crate) changed: Vec<Step>,
    /// Applied by a newer release.
    pub(crate) unknown: Vec<i64>,
}

/// Compares a database with the embedded migrations; writes nothing.
pub(crate) async fn state(connection: &mut PgConnection) -> sqlx::Result<State> {
    let applied = applied(connection).await?;
    let found = |migration: &Migration| {
        applied
            .iter()
            .find(|(version, _)| *version == migration.version)
    };
    let mut state = State::default();
    for migration in EMBEDDED.iter() {
        match found(migration) {
            None => state.pending.push(step(migration)),
            Some((_, checksum)) if migration.checksum != *checksum => {
                state.changed.push(step(migration));
            }
            Some(_) => {}
        }
    }
    let unknown = applied
        .iter()
        .map(|(version, _)| *version)
        .filter(|version| !EMBEDDED.version_exists(*version));
    state.unknown = unknown.collect();
    Ok(state)
}

/// Applies what is pending and answers what that was.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Step>> {
    let lock_timeout = LOCK_TIMEOUT.as_millis().to_string();
    let options = options.clone().options([("lock_timeout", lock_timeout)]);
    // A connection of its own: the lock goes with it, also after a failure. The migrator takes
    // the same lock again; ours is held already while the pending ones are counted.
    let mut connection = pool::single(&options).await?;
    connection
        .lock()
        .await
        .context("wait for other migrations")?;
    let before = state(&mut connection)
        .await
        .context("read the applied migrations")?;
    migrator()
        .run_direct(None, &mut connection, false)
        .await
        .context("migrate schema worker")?;
    connection.close().await.context("close the connection")?;
    Ok(before.pending)
}

fn migrator() -> Migrator {
    let mut migrator = Migrator::with_migrations(EMBEDDED.migrations.to_vec());
    migrator.dangerous_set_table_name(TABLE);
    migrator.create_schema("worker");
    migrator.set_ignore_missing(true);
    migrator
}

async fn applied(connection: &mut PgConnection) -> sqlx::Result<Vec<(i64, Vec<u8>)>> {
    let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(TABLE)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(Vec::new());
    }
    sqlx::query_as(
        "SELECT version, checksum FROM worker.schema_migrations WHERE success ORDER BY version",
    )
    .fetch_all(connection)
    .await
}

fn step(migration: &Migration) -> Step {
    Step {
        version: migration.version,
        description: migration.description.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_embedded() {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
        let files = files.filter(|file| {
            file.as_ref()
                .unwrap()
                .path()
                .extension()
                .is_some_and(|end| end == "sql")
        });
        assert_eq!(EMBEDDED.iter().count(), files.count());
    }
}
