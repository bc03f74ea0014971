//! What each test starts with: a database, an export folder, a clock that stands still.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use crm_backup::retention::Tiers;
use crm_backup::{Server, Tools};
use crm_job_contract::exports::{ExportFile, ExportRecords};
use crm_jobs::backups::Backups;
use crm_jobs::exports::ExportRecordsHandler;
use crm_jobs::maintenance::CertificateProbe;
use crm_jobs::{Clock, ExportSettings, Services};
use devkit::{PostgresServer, Template};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rouage::{Handler, Job, JobContext, JobError, JobId};
use serde_json::{Value, json};
use sqlx::postgres::{PgPool, PgPoolOptions};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::backups::Heard;

static SERVER: OnceCell<PostgresServer> = OnceCell::const_new();
/// Those whose tables the handlers use.
const MIGRATIONS: [&str; 4] = [
    include_str!("../../../migrations/0001_exports.sql"),
    include_str!("../../../migrations/0008_compliance_reports.sql"),
    include_str!("../../../migrations/0009_backups.sql"),
    include_str!("../../../migrations/0011_export_download_tokens.sql"),
];

/// 10:30 in Paris.
pub(crate) const NOW: &str = "2026-11-23T09:30:00Z";

struct StoppedClock(DateTime<Utc>);

impl Clock for StoppedClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

/// Answers what a test says about each host.
#[derive(Debug)]
pub(crate) struct Days(pub(crate) BTreeMap<&'static str, u32>);

impl CertificateProbe for Days {
    fn days_left<'p>(&'p self, host: &'p str) -> BoxFuture<'p, Result<u32, String>> {
        let days = self.0.get(host).copied();
        std::future::ready(days.ok_or_else(|| "no answer".to_owned())).boxed()
    }
}

/// Backups of that database into that folder, with no place for copies and nobody to be told.
fn backups(url: &str, folder: &std::path::Path) -> Backups {
    Backups {
        dir: folder.to_owned(),
        server: Server::new(url.parse().unwrap()),
        tools: Tools::default(),
        sentinels: ["users", "people"].map(str::to_owned).to_vec(),
        tiers: Tiers {
            daily: 30,
            weekly: 8,
            monthly: 12,
            last: 3,
        },
        recipients: None,
        uploads_dir: None,
        places: Vec::new(),
        announcer: Arc::new(Heard::default()),
    }
}

pub(crate) struct World {
    pub(crate) services: Services,
    folder: TempDir,
    _backups_folder: TempDir,
}

impl World {
    pub(crate) async fn small() -> Self {
        Self::new(Template::Small).await
    }

    pub(crate) async fn new(template: Template) -> Self {
        let server = SERVER
            .get_or_init(async || PostgresServer::start().await.unwrap())
            .await;
        let url = server.database(template).await.unwrap();
        let database = PgPoolOptions::new()
            .max_connections(8)
            .connect(&url)
            .await
            .unwrap();
        for migration in MIGRATIONS {
            sqlx::raw_sql(migration).execute(&database).await.unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let backups_folder = tempfile::tempdir().unwrap();
        let services = Services {
            backups: backups(&url, backups_folder.path()),
            database,
            clock: Arc::new(StoppedClock(NOW.parse().unwrap())),
            exports: ExportSettings::new(folder.path()),
            certificates: Arc::new(Days(BTreeMap::new())),
            certificate_hosts: Vec::new(),
            debug_kinds: false,
        };
        Self {
            services,
            folder,
            _backups_folder: backups_folder,
        }
    }

    /// Moves the clock.
    pub(crate) fn set_clock(&mut self, time: &str) {
        self.services.clock = Arc::new(StoppedClock(time.parse().unwrap()));
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.services.database
    }

    /// Runs a new job.
    pub(crate) async fn export(&self, payload: Value) -> Result<ExportFile, JobError> {
        self.attempt(&context(1), payload).await
    }

    /// Runs one attempt of the job of `cx`.
    pub(crate) async fn attempt(
        &self,
        cx: &JobContext,
        payload: Value,
    ) -> Result<ExportFile, JobError> {
        attempt(self.services.clone(), cx.clone(), payload).await
    }

    /// Runs a job that must succeed, and reads its rows without the header.
    pub(crate) async fn rows(&self, payload: Value) -> Vec<Vec<String>> {
        let cx = context(1);
        let file = self.attempt(&cx, payload).await.unwrap();
        let mut rows = parse(&self.bytes(cx.id()));
        rows.remove(0);
        assert_eq!(file.rows, rows.len() as u64);
        rows
    }

    /// The ids in the first column of a job that must succeed, in order.
    pub(crate) async fn ids(&self, payload: Value) -> Vec<i32> {
        self.rows(payload)
            .await
            .iter()
            .map(|row| row[0].parse().unwrap())
            .collect()
    }

    pub(crate) fn path(&self, job: &JobId) -> PathBuf {
        self.path_as(job, "csv")
    }

    pub(crate) fn path_as(&self, job: &JobId, extension: &str) -> PathBuf {
        self.folder.path().join(format!("{job}.{extension}"))
    }

    pub(crate) fn bytes(&self, job: &JobId) -> Vec<u8> {
        std::fs::read(self.path(job)).unwrap()
    }

    /// The names of all files in the export folder, hidden ones too.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// One value of the job's record as text.
    pub(crate) async fn record(&self, job: &JobId, column: &str) -> Option<String> {
        let row: Value =
            sqlx::query_scalar("SELECT to_jsonb(e) FROM worker.exports e WHERE job_id = $1")
                .bind(job.as_str())
                .fetch_one(self.pool())
                .await
                .unwrap();
        match &row[column] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql)
            .fetch_one(self.pool())
            .await
            .unwrap()
    }

    /// Access logs and notifications that exports wrote.
    pub(crate) async fn announcements(&self) -> (i64, i64) {
        (
            self.count("SELECT count(*) FROM data_access_logs WHERE access_type = 'export' AND entity_id IN (SELECT export_id FROM worker.exports)").await,
            self.count("SELECT count(*) FROM notifications WHERE resource_type = 'export'").await,
        )
    }

    pub(crate) async fn execute(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(self.pool()).await.unwrap();
    }

    /// Adds people until an export takes long enough to be interrupted.
    pub(crate) async fn add_people(&self, count: i32) {
        sqlx::query(
            "INSERT INTO people (prenom, nom, email_unsubscribed, is_anonymized) \
             SELECT 'Prénom ' || n, 'Nom ' || n, false, false FROM generate_series(1, $1) n",
        )
        .bind(count)
        .execute(self.pool())
        .await
        .unwrap();
    }
}

pub(crate) async fn attempt(
    services: Services,
    cx: JobContext,
    payload: Value,
) -> Result<ExportFile, JobError> {
    let job: ExportRecords = serde_json::from_value(payload).unwrap();
    ExportRecordsHandler::new(services).run(job, &cx).await
}

/// A fresh job's context in attempt number `attempt` of three.
pub(crate) fn context(attempt: u32) -> JobContext {
    again(&JobId::generate(), attempt)
}

/// The context of another attempt of a job.
pub(crate) fn again(id: &JobId, attempt: u32) -> JobContext {
    JobContext::new(
        id.clone(),
        ExportRecords::KIND,
        ExportRecords::QUEUE,
        attempt,
        3,
    )
}

pub(crate) fn people(user_id: i32) -> Value {
    json!({ "dataset": "people", "user_id": user_id })
}

pub(crate) fn organisations(user_id: i32) -> Value {
    json!({ "dataset": "organisations", "user_id": user_id })
}

/// Rows of a file, the header first, read by a parser that knows nothing of the writer.
pub(crate) fn parse(bytes: &[u8]) -> Vec<Vec<String>> {
    let text = bytes
        .strip_prefix("\u{feff}".as_bytes())
        .expect("a byte order mark");
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text);
    reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

/// Waits until `condition` holds; a test that waits longer than that is wrong.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !condition().await {
        assert!(
            tokio::time::Instant::now() < deadline,
            "waited too long until {what}"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
