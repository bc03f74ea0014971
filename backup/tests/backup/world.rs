//! One server for all tests of the process, a database and a folder for each.

use std::path::Path;
use std::str::FromStr;
use std::time::Instant;

use chrono::{DateTime, Utc};
use crm_backup::{Archive, Leash, Manifest, Name, RESTORE_KEYS, Server, Snapshot, Tools, dump};
use devkit::{PostgresServer, Template};
use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;
use tokio::sync::OnceCell;

static SERVER: OnceCell<PostgresServer> = OnceCell::const_new();

/// The tables that are counted.
pub(crate) const SENTINELS: [&str; 3] = ["users", "people", "organisations"];

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) tools: Tools,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) async fn new(template: Template) -> Self {
        let server = SERVER
            .get_or_init(|| async { PostgresServer::start().await.unwrap() })
            .await;
        let url = server.database(template).await.unwrap();
        Self {
            server: Server::new(PgConnectOptions::from_str(&url).unwrap()),
            tools: Tools::default(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Another, empty database of the server.
    pub(crate) async fn empty_database(&self, name: &str) -> Server {
        let statement = format!("CREATE DATABASE {name} TEMPLATE template0");
        self.execute(&statement).await;
        self.server.with_database(name)
    }

    pub(crate) async fn execute(&self, statement: &str) {
        let mut connection = self.server.connect().await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap();
    }

    /// Databases whose name starts so.
    pub(crate) async fn databases(&self, start: &str) -> Vec<String> {
        let mut connection = self.server.connect().await.unwrap();
        sqlx::query_scalar(
            "SELECT datname::text FROM pg_database WHERE starts_with(datname, $1) ORDER BY 1",
        )
        .bind(start)
        .fetch_all(&mut connection)
        .await
        .unwrap()
    }

    /// Dumps the database as the jobs do.
    pub(crate) async fn back_up(&self, sequence: u64) -> (Manifest, Archive) {
        let taken_at: DateTime<Utc> = "2026-11-23T02:00:00Z".parse().unwrap();
        let taken_at = taken_at + chrono::TimeDelta::days(sequence as i64);
        let name = Name::at(taken_at);
        let tables: Vec<String> = SENTINELS.map(str::to_owned).to_vec();
        let snapshot = Snapshot::begin(&self.server, &tables).await.unwrap();
        let target = name.dump(self.path());
        let started = Instant::now();
        let made = tokio::task::spawn_blocking({
            let (tools, server, id) =
                (self.tools.clone(), self.server.clone(), snapshot.id.clone());
            move || dump(&tools, &server, &id, &target, &Leash::default())
        });
        let made = made.await.unwrap().unwrap();
        let manifest = Manifest {
            format: Manifest::FORMAT,
            run_id: format!("run-{sequence}"),
            sequence,
            taken_at,
            database: self.server.database().to_owned(),
            server_version: snapshot.facts.server_version.clone(),
            dump_version: self.tools.check(snapshot.facts.server_major).unwrap(),
            alembic_head: snapshot.facts.alembic_head.clone(),
            dump: made,
            dump_ms: started.elapsed().as_millis() as u64,
            rows: snapshot.facts.rows.clone(),
            needs_keys: RESTORE_KEYS.map(str::to_owned).to_vec(),
            uploads: None,
            verified: None,
            sealed: None,
            copies: Vec::new(),
            name,
        };
        snapshot.end().await;
        manifest.write(self.path()).unwrap();
        let archive = Archive::new(manifest.name.dump(self.path()), None).unwrap();
        (manifest, archive)
    }
}

/// Every table with its rows and a checksum of them, in an order that does not depend on the disk.
pub(crate) async fn checksums(server: &Server) -> Vec<(String, i64, Option<String>)> {
    let mut connection = server.connect().await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' ORDER BY 1",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(tables.len() > 50, "{tables:?}");
    let mut sums = Vec::new();
    for table in tables {
        let statement = format!(
            "SELECT count(*), md5(string_agg(row, E'\\n' ORDER BY row)) FROM (SELECT t::text AS row FROM {table} t) rows"
        );
        let (rows, sum) = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .fetch_one(&mut connection)
            .await
            .unwrap();
        sums.push((table, rows, sum));
    }
    sums
}
