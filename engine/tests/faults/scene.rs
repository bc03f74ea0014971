//! A Redis, a ledger, and worker processes that write it: what a fault is made to.

use std::path::PathBuf;
use std::process::Command;

use devkit::{Persistence, RedisServer};
use rouage::{Client, Keyspace, NewJob, Priority};
use serde_json::value::RawValue;
use tempfile::TempDir;

use crate::oracle::Ledger;
use crate::process::{LedgerWorker, ledger_worker};
use crate::stage::eventually;

/// Slots of a ledger worker.
pub(crate) const SLOTS: usize = 100;
/// A lease for faults that must outlast it.
pub(crate) const BRIEF_LEASE_MS: &str = "1500";

pub(crate) struct Scene {
    pub(crate) redis: RedisServer,
    pub(crate) client: Client,
    folder: TempDir,
    /// The ids that Redis said it has.
    pub(crate) acknowledged: Vec<String>,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(Persistence::None).await
    }

    pub(crate) async fn with(persistence: Persistence) -> Self {
        let redis = RedisServer::start(persistence).unwrap();
        let client = Client::connect(&redis.url(), Keyspace::new("ledger"))
            .await
            .unwrap();
        Self {
            redis,
            client,
            folder: tempfile::tempdir().unwrap(),
            acknowledged: Vec::new(),
        }
    }

    /// A worker whose leases are short, so that a lost one is noticed soon.
    pub(crate) fn worker(&self) -> LedgerWorker {
        self.worker_with(&[BRIEF_LEASE_MS])
    }

    /// A worker with more arguments than it needs; without any its lease is the usual one.
    pub(crate) fn worker_with(&self, more: &[&str]) -> LedgerWorker {
        LedgerWorker::launch(self.run_with(&mut Command::new(ledger_worker())).args(more))
    }

    /// Adds a ledger worker's first arguments.
    pub(crate) fn run_with<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.arg(self.redis.url()).arg(self.path())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("ledger")
    }

    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::read(&self.path())
    }

    /// Stores jobs and notes that they were acknowledged.
    pub(crate) async fn enqueue(&mut self, jobs: Vec<NewJob>) {
        let stored = self.client.enqueue_all(jobs).await.unwrap();
        self.acknowledged
            .extend(stored.into_iter().map(|job| job.id.to_string()));
    }

    /// Waits until that many attempts started.
    pub(crate) async fn started(&self, starts: usize) {
        eventually("so many attempts started", || async {
            (self.ledger().starts.values().sum::<usize>() >= starts).then_some(())
        })
        .await;
    }

    pub(crate) async fn completed(&self, jobs: usize) {
        eventually("so many are completed", || async {
            let view = self.client.queue_view("ledger").await.ok()?;
            (view.completed_total == jobs as u64).then_some(())
        })
        .await;
    }

    /// Everything acknowledged is completed, counted once, and at most `repeated` ran again.
    pub(crate) async fn judge(&self, repeated: usize) {
        self.completed(self.acknowledged.len()).await;
        self.ledger().judge(&self.acknowledged, repeated);
        let report = self.client.fsck().await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.violations);
    }
}

/// Jobs for a ledger worker that take that long.
pub(crate) fn entries(count: usize, ms: u64) -> Vec<NewJob> {
    (0..count)
        .map(|_| entry(&format!(r#"{{"ms":{ms}}}"#)))
        .collect()
}

/// A job for a ledger worker from its payload.
pub(crate) fn entry(payload: &str) -> NewJob {
    let payload = RawValue::from_string(payload.to_owned()).unwrap();
    NewJob::from_parts("ledger", "ledger.entry", payload, Priority::NORMAL).unwrap()
}
