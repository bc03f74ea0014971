//! SIGKILL of worker processes under load, judged by the ledger.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use devkit::{Persistence, RedisServer};
use rouage::{Client, Keyspace, NewJob, Priority};
use serde_json::value::RawValue;

use crate::oracle::Ledger;
use crate::stage::eventually;

/// Slots of a ledger worker.
const SLOTS: usize = 100;
/// A lease for faults that must outlast it.
pub(crate) const BRIEF_LEASE_MS: &str = "1500";

/// A worker process that writes the ledger; killed with its test.
pub(crate) struct LedgerWorker(Child);

impl LedgerWorker {
    fn start(redis: &RedisServer, ledger: &Path) -> Self {
        Self::launch(
            Command::new(example("ledger_worker"))
                .args([redis.url().as_str(), ledger.to_str().unwrap()]),
        )
    }

    /// One whose leases are short, so that a lost one is noticed soon.
    pub(crate) fn start_brief(redis: &RedisServer, ledger: &Path) -> Self {
        Self::launch(Command::new(example("ledger_worker")).args([
            redis.url().as_str(),
            ledger.to_str().unwrap(),
            BRIEF_LEASE_MS,
        ]))
    }

    /// Starts the command and waits until it is ready.
    pub(crate) fn launch(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example is built with the tests");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.0.id().to_string()])
            .status();
        assert!(sent.unwrap().success(), "kill -{name}");
    }

    /// How it ended, if it has.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.0.try_wait().unwrap().and_then(|status| status.code())
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for LedgerWorker {
    fn drop(&mut self) {
        if self.0.kill().is_ok() {
            drop(self.0.wait());
        }
    }
}

pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples")
        .join(name)
}

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

pub(crate) async fn enqueue(client: &Client, jobs: Vec<NewJob>, acknowledged: &mut Vec<String>) {
    let stored = client.enqueue_all(jobs).await.unwrap();
    acknowledged.extend(stored.into_iter().map(|job| job.id.to_string()));
}

pub(crate) async fn all_completed(client: &Client, jobs: usize) {
    eventually("everything is completed", || async {
        (client.queue_view("ledger").await.unwrap().completed_total == jobs as u64).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_jobs_of_a_killed_worker_run_again_within_twenty_seconds() {
    let redis = RedisServer::start(Persistence::None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let client = Client::connect(&redis.url(), Keyspace::new("ledger"))
        .await
        .unwrap();
    let victim = LedgerWorker::start(&redis, &path);
    let mut acknowledged = Vec::new();
    enqueue(&client, entries(SLOTS, 2_000), &mut acknowledged).await;
    eventually("a hundred jobs are in flight", || async {
        (Ledger::read(&path).starts.len() == SLOTS).then_some(())
    })
    .await;
    victim.kill();
    let killed = Instant::now();
    let _heir = LedgerWorker::start(&redis, &path);
    eventually("the first runs again", || async {
        Ledger::read(&path)
            .starts
            .values()
            .any(|starts| *starts > 1)
            .then_some(())
    })
    .await;
    // The one bound of time that is part of the contract: lease 15 s, found at its end.
    assert!(
        killed.elapsed() <= Duration::from_secs(20),
        "after {:?}",
        killed.elapsed()
    );
    all_completed(&client, SLOTS).await;
    Ledger::read(&path).judge(&acknowledged, SLOTS);
    let report = client.fsck().await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.violations);
}

/// Kills a worker every 3 s while jobs keep coming.
async fn killed_every_three_seconds(rounds: usize) {
    let redis = RedisServer::start(Persistence::None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let client = Client::connect(&redis.url(), Keyspace::new("ledger"))
        .await
        .unwrap();
    let mut acknowledged = Vec::new();
    for _ in 0..rounds {
        let victim = LedgerWorker::start(&redis, &path);
        let until = Instant::now() + Duration::from_secs(3);
        while Instant::now() < until {
            enqueue(&client, entries(40, 150), &mut acknowledged).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        victim.kill();
    }
    let _heir = LedgerWorker::start(&redis, &path);
    all_completed(&client, acknowledged.len()).await;
    Ledger::read(&path).judge(&acknowledged, rounds * SLOTS);
    let report = client.fsck().await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.violations);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_killed_again_and_again_lose_nothing() {
    killed_every_three_seconds(3).await;
}

/// The contract's own measure; a minute and a half.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: run by make faults"]
async fn workers_killed_every_three_seconds_for_a_minute_lose_nothing() {
    killed_every_three_seconds(20).await;
}
