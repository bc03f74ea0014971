//! A private PostgreSQL server with ready-made databases.
//!
//! Creating a cluster, its schema and its rows takes seconds; copying them takes a fraction. So
//! they are built once into a cached template (`template`), each server starts from a copy
//! (`cluster`), and each test gets its own database, cloned by the server from one of the two
//! [`Template`]s. Durability is off: the data must survive a test, not a power cut.
//!
//! No pool is kept here: each statement opens its own connection, so that a server may be shared
//! between the runtimes of many tests.

mod cluster;
mod template;

use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use crate::binaries;
use crate::error::{Doing, ServerError};

use cluster::Cluster;

/// The only role of the private server; it may do everything.
const ROLE: &str = "crm";
/// PostgreSQL cuts longer names silently.
const LONGEST_NAME: usize = 63;

/// What a new database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// The CRM's tables without a row.
    Empty,
    /// The CRM's tables with the small data set.
    Small,
}

impl Template {
    /// The database that is cloned.
    fn database(self) -> &'static str {
        match self {
            Self::Empty => "crm_empty",
            Self::Small => "crm_small",
        }
    }
}

/// A running server; dropping it ends the process and removes its folder.
#[derive(Debug)]
pub struct PostgresServer {
    cluster: Cluster,
    created: AtomicU32,
}

impl PostgresServer {
    /// Starts a server from the cached template, which the first call on a machine builds.
    pub async fn start() -> Result<Self, ServerError> {
        let binaries = binaries::postgres()?;
        let cluster = template::start_copy(binaries).await?;
        Ok(Self {
            cluster,
            created: AtomicU32::new(0),
        })
    }

    /// Creates a database with a name of its own and returns its address.
    pub async fn database(&self, template: Template) -> Result<String, ServerError> {
        let number = self.created.fetch_add(1, Ordering::Relaxed);
        self.named_database(template, &format!("d{number}")).await
    }

    /// Creates a database called `name` and returns its address.
    pub async fn named_database(
        &self,
        template: Template,
        name: &str,
    ) -> Result<String, ServerError> {
        check_name(name)?;
        let statement = format!("CREATE DATABASE {name} TEMPLATE {}", template.database());
        self.administer(&statement).await?;
        Ok(self.url(name))
    }

    /// Removes a database, cutting the connections it still has.
    pub async fn drop_database(&self, name: &str) -> Result<(), ServerError> {
        check_name(name)?;
        self.administer(&format!("DROP DATABASE {name} WITH (FORCE)"))
            .await
    }

    /// The address of the database `name`, whether or not it exists.
    pub fn url(&self, name: &str) -> String {
        self.cluster.url(name)
    }

    /// The loopback port; stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.cluster.port()
    }

    /// The server's process number, `None` while it is down.
    pub fn pid(&self) -> Option<u32> {
        self.cluster.process.pid()
    }

    /// The folder with its data, log and socket; vanishes with the server.
    pub fn folder(&self) -> &Path {
        self.cluster.process.folder()
    }

    /// Ends the server as a crash would: connections break, nothing is tidied up.
    ///
    /// This is the server's own immediate shutdown. A real kill of the first process would leave
    /// its children for a moment, and they would keep [`Self::restart`] from working.
    pub fn kill(&mut self) -> Result<(), ServerError> {
        self.cluster.process.end("QUIT")
    }

    /// Breaks the connections, writes everything and ends the server; the folder stays.
    pub fn stop_gracefully(&mut self) -> Result<(), ServerError> {
        self.cluster.process.end("INT")
    }

    /// Starts the server again, after ending it if it runs: same port, same data.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        if self.pid().is_some() {
            self.kill()?;
        }
        self.cluster.launch()
    }

    /// Runs one statement that belongs to no particular database.
    async fn administer(&self, statement: &str) -> Result<(), ServerError> {
        let mut connection = connect(&self.url("postgres")).await?;
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .doing(format!("run {statement}"))?;
        connection.close().await.doing("close the connection")
    }
}

/// Opens one connection, without the timers of a pool: tests may have paused the clock.
async fn connect(url: &str) -> Result<PgConnection, ServerError> {
    let doing = || format!("connect to {url}");
    let options = PgConnectOptions::from_str(url).doing(doing())?;
    options.connect().await.doing(doing())
}

/// Accepts what needs no quotes in SQL and no escapes in an address.
fn check_name(name: &str) -> Result<(), ServerError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let leads = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if leads && name.len() <= LONGEST_NAME && name.chars().all(fits) {
        Ok(())
    } else {
        Err(ServerError::DatabaseName {
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_database_names_pass() {
        assert!(check_name("exports_1").is_ok());
        for wrong in ["", "1st", "Upper", "a-b", "x;drop", &"a".repeat(64)] {
            assert!(check_name(wrong).is_err(), "{wrong:?}");
        }
    }
}
