//! The engine as a subject: its kinds of jobs, and putting them in.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use redis::Connection;
use rouage::{Client, Group, Job, Keyspace, RetryPolicy};
use serde::{Deserialize, Serialize};

/// Does nothing.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Noop {
    pub(crate) number: usize,
}

impl Job for Noop {
    type Output = usize;
    const KIND: &'static str = "bench.noop";
    const QUEUE: &'static str = "bench";
}

/// Tells how long it was under way.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) sent_ns: u128,
    /// Whether its first attempt fails.
    pub(crate) fails: bool,
}

impl Job for Stamp {
    type Output = ();
    const KIND: &'static str = "bench.stamp";
    const QUEUE: &'static str = "bench";
    const RETRY: RetryPolicy =
        RetryPolicy::attempts(3).delays(Duration::from_secs(1), Duration::from_secs(5));
}

/// Lasts a while; belongs to a group if one is named.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Nap {
    pub(crate) millis: u64,
    /// When it was sent, if its pickup counts; else 0.
    pub(crate) sent_ns: u128,
    pub(crate) group: Option<String>,
}

impl Job for Nap {
    type Output = ();
    const KIND: &'static str = "bench.nap";
    const QUEUE: &'static str = "bench";

    fn group(&self) -> Option<Group> {
        self.group.as_ref().map(Group::fair)
    }
}

/// Jobs that keep their slots for a minute.
pub(crate) async fn enqueue_naps(url: &str, jobs: usize) -> Result<()> {
    let nap = |_| Nap {
        millis: 60_000,
        sent_ns: 0,
        group: None,
    };
    let naps: Vec<Nap> = (0..jobs).map(nap).collect();
    client(url).await?.enqueue_many(&naps).await?;
    Ok(())
}

pub(crate) fn now_ns() -> u128 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_nanos()
}

pub(crate) async fn client(url: &str) -> Result<Client> {
    let link = rouage::Link::connect(url, Duration::from_secs(60)).await?;
    Ok(Client::with_link(link, Keyspace::new("bench")))
}

pub(crate) async fn enqueue(url: &str, jobs: usize, chunk: usize) -> Result<()> {
    let client = client(url).await?;
    for start in (0..jobs).step_by(chunk) {
        let batch: Vec<Noop> = (start..(start + chunk).min(jobs))
            .map(|number| Noop { number })
            .collect();
        if let [one] = batch.as_slice() {
            client.enqueue(one).await?;
        } else {
            client.enqueue_many(&batch).await?;
        }
    }
    Ok(())
}

/// What a counter of the queue says.
pub(crate) fn counted(connection: &mut Connection, counter: &str) -> Result<u64> {
    let count: Option<u64> = redis::cmd("HGET")
        .arg("bench:{bench}:count")
        .arg(counter)
        .query(connection)?;
    Ok(count.unwrap_or(0))
}

pub(crate) fn left(connection: &mut Connection, jobs: usize) -> Result<u64> {
    Ok((jobs as u64).saturating_sub(counted(connection, "completed")?))
}
