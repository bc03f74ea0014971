//! The engine as a subject: everything on that is on in production.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use redis::Connection;
use rouage::{
    Client, Job, JobContext, JobError, Keyspace, Registry, Shutdown, Worker, WorkerOptions,
};
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
}

impl Job for Stamp {
    type Output = ();
    const KIND: &'static str = "bench.stamp";
    const QUEUE: &'static str = "bench";
}

/// Lasts longer than any measurement.
#[derive(Debug, Serialize, Deserialize)]
struct Nap {
    seconds: u64,
}

impl Job for Nap {
    type Output = ();
    const KIND: &'static str = "bench.nap";
    const QUEUE: &'static str = "bench";
}

/// Jobs that keep their slots.
pub(crate) async fn enqueue_naps(url: &str, jobs: usize) -> Result<()> {
    let naps: Vec<Nap> = (0..jobs).map(|_| Nap { seconds: 60 }).collect();
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

pub(crate) fn left(connection: &mut Connection, jobs: usize) -> Result<u64> {
    let done: Option<u64> = redis::cmd("HGET")
        .arg("bench:{bench}:count")
        .arg("completed")
        .query(connection)?;
    Ok((jobs as u64).saturating_sub(done.unwrap_or(0)))
}

/// A worker; answers the latencies of the stamps it ran, in microseconds.
pub(crate) async fn work(url: &str, slots: usize, shutdown: Shutdown) -> Result<Vec<u64>> {
    // As in production: a recorder, and spans at level info.
    metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let latencies = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&latencies);
    let registry = Registry::new()
        .function(|job: Noop, _cx: JobContext| async move { Ok::<usize, JobError>(job.number) })
        .function(|job: Nap, cx: JobContext| async move {
            cx.sleep(Duration::from_secs(job.seconds)).await
        })
        .function(move |job: Stamp, _cx: JobContext| {
            let micros = (now_ns().saturating_sub(job.sent_ns) / 1000) as u64;
            noted
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(micros);
            async { Ok::<(), JobError>(()) }
        });
    let options = WorkerOptions {
        queues: vec![("bench".to_owned(), slots)],
        ..WorkerOptions::default()
    };
    Worker::new(client(url).await?, registry, options)?
        .run(shutdown)
        .await?;
    let noted = latencies
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    Ok(noted)
}
