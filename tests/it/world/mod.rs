//! One installation: a Redis, a database, folders, and the binary set up for them.

mod http;
mod waiting;
mod worker;

use std::path::Path;
use std::process::Command;

use devkit::{Persistence, PostgresServer, RedisServer, Template};
use rouage::{Client, Keyspace};
use serde_json::Value;
use sqlx::PgPool;
use tempfile::TempDir;
use tokio::sync::OnceCell;

pub(crate) use http::{get, redis_command};
pub(crate) use waiting::eventually;
pub(crate) use worker::Worker;

/// One server for all tests of the process; its watchdog ends it.
static POSTGRES: OnceCell<PostgresServer> = OnceCell::const_new();

/// Everything one test has to itself.
pub(crate) struct World {
    pub(crate) redis: RedisServer,
    pub(crate) database_url: String,
    pub(crate) backups: TempDir,
    pub(crate) exports: TempDir,
    /// Where the binary is started: no settings file is found by accident.
    pub(crate) home: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// One JSON object a line.
    pub(crate) fn objects(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The output of a command that must have succeeded.
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout.trim_end().to_owned()
    }
}

impl World {
    /// A new installation; the database is a copy of that template, without our schema.
    pub(crate) async fn bare(template: Template) -> Self {
        let postgres = POSTGRES
            .get_or_init(|| async { PostgresServer::start().await.unwrap() })
            .await;
        Self {
            redis: RedisServer::start(Persistence::Aof).unwrap(),
            database_url: postgres.database(template).await.unwrap(),
            backups: tempfile::tempdir().unwrap(),
            exports: tempfile::tempdir().unwrap(),
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// The same, migrated.
    pub(crate) async fn new(template: Template) -> Self {
        let world = Self::bare(template).await;
        world.run(&["migrate"]).good();
        world
    }

    /// The binary with this installation's settings and no others.
    pub(crate) fn command(&self) -> Command {
        let mut command = binary(self.home.path());
        // Backups start the client programs of PostgreSQL.
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs([
            ("CRM_WORKER__REDIS__URL", self.redis.url().as_str()),
            ("CRM_WORKER__DATABASE__URL", self.database_url.as_str()),
            (
                "CRM_WORKER__EXPORTS__DIR",
                self.exports.path().to_str().unwrap(),
            ),
            (
                "CRM_WORKER__BACKUPS__DIR",
                self.backups.path().to_str().unwrap(),
            ),
            ("CRM_WORKER__HTTP__BIND", "127.0.0.1:0"),
            ("CRM_WORKER__PANEL__BIND", ""),
            ("CRM_WORKER__DEBUG_JOBS__ENABLED", "true"),
            ("CRM_WORKER__ENVIRONMENT__NAME", "development"),
            ("CRM_WORKER__LOG__FORMAT", "json"),
            ("CRM_WORKER__WORKER__BEAT_S", "1"),
            ("CRM_WORKER__WORKER__LEASE_S", "5"),
            ("CRM_WORKER__WORKER__IDLE_POLL_S", "1"),
            // Many binaries run at once; none needs more.
            ("CRM_WORKER__WORKER__THREADS", "2"),
        ]);
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        end_of(self.command().args(args))
    }

    /// Enqueues a job and answers its id.
    pub(crate) fn enqueue(&self, kind: &str, payload: &str, more: &[&str]) -> String {
        self.run(&[&["enqueue", kind, "--json", payload], more].concat())
            .good()
    }

    /// Starts a worker and waits until it is up.
    pub(crate) fn worker(&self) -> Worker {
        Worker::start(self.command().arg("run"))
    }

    /// The engine's own view, for waiting.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.redis.url(), Keyspace::new("crm"))
            .await
            .unwrap()
    }

    /// A pool on the database.
    pub(crate) async fn database(&self) -> PgPool {
        PgPool::connect(&self.database_url).await.unwrap()
    }
}

/// The binary without any settings.
pub(crate) fn binary(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crm-worker"));
    command.current_dir(home).env_clear();
    command
}

/// Runs a command to its end.
pub(crate) fn end_of(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
