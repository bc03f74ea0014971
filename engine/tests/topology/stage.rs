//! A worker that echoes, and questions to the servers it works on.

use std::path::PathBuf;
use std::time::Duration;

use devkit::RedisServer;
use rouage::{
    Client, Ended, Job, JobId, Keyspace, Link, LinkOptions, Registry, Worker, WorkerOptions,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use crate::running::{PATIENCE, Running, eventually};

/// A job that returns its number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Echo {
    pub(crate) number: u64,
}

impl Job for Echo {
    type Output = Value;
    const KIND: &'static str = "test.echo";
    const QUEUE: &'static str = "echo";
}

/// The same in a queue whose hash slot lies on another node of three.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Shout {
    pub(crate) number: u64,
}

impl Job for Shout {
    type Output = Value;
    const KIND: &'static str = "test.shout";
    const QUEUE: &'static str = "shout";
}

pub(crate) fn keyspace() -> Keyspace {
    Keyspace::new("crm")
}

pub(crate) async fn client(url: &str) -> Client {
    client_with(url, LinkOptions::default()).await
}

pub(crate) async fn client_with(url: &str, options: LinkOptions) -> Client {
    let link = Link::connect_with(url, options, Duration::from_secs(5))
        .await
        .unwrap();
    Client::with_link(link, keyspace())
}

/// A worker in this process that is woken or does nothing: it polls every 500 s.
pub(crate) fn work(client: &Client) -> Running {
    let registry = Registry::new()
        .function(|echo: Echo, _| async move { Ok(json!(echo.number)) })
        .function(|shout: Shout, _| async move { Ok(json!(shout.number)) });
    let options = WorkerOptions {
        queues: vec![(Echo::QUEUE.to_owned(), 4), (Shout::QUEUE.to_owned(), 4)],
        lease: Duration::from_secs(600),
        beat: Duration::from_secs(1),
        idle_poll: Duration::from_secs(500),
        grace: Duration::from_secs(10),
        ..WorkerOptions::default()
    };
    Running::start(Worker::new(client.clone(), registry, options).unwrap())
}

/// Enqueues, as often as it takes to be told that it is stored.
pub(crate) async fn enqueue(client: &Client, number: u64) -> JobId {
    let id = JobId::generate();
    eventually("the job is stored", || async {
        let stored = client.enqueue(&Echo { number }).id(id.clone()).await;
        stored.ok()
    })
    .await
}

/// Waits for the job's end, as often as connections break meanwhile.
pub(crate) async fn ends(client: &Client, id: &JobId, number: u64) {
    let ended = eventually("the job ends", || async {
        client.wait::<Echo>(id, PATIENCE).await.ok()
    })
    .await;
    assert_eq!(ended, Ended::Completed(json!(number)));
}

/// One job through the idle worker, which only the wake-up can explain.
pub(crate) async fn one_job_runs(client: &Client, number: u64) {
    let id = enqueue(client, number).await;
    ends(client, &id, number).await;
}

/// Waits until that many connections to `server` listen for work in the queue.
pub(crate) async fn listening(servers: &[&RedisServer], workers: usize) {
    eventually("the workers listen", || async {
        let heard: usize = servers
            .iter()
            .map(|server| {
                let answer = server.tell("PUBSUB NUMSUB crm:{echo}:wake").unwrap();
                let count = answer.trim().rsplit(':').next().unwrap();
                count.parse::<usize>().unwrap()
            })
            .sum();
        (heard == workers).then_some(())
    })
    .await;
}

pub(crate) async fn fsck_is_clean(client: &Client) {
    let report = client.fsck().await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.violations);
}

/// A file that vanishes with the folder.
pub(crate) fn file(folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("password");
    std::fs::write(&path, text).unwrap();
    path
}
