//! The engine in the peers' harness: the same jobs, the same bookkeeping, counted the same way.
//!
//! Everything is on that is on in production: leases, fences, retries, results, ended jobs kept,
//! metrics recorded, spans at level info. `BENCH_CONC` is the number of slots.

use std::time::Duration;

use anyhow::Result;
use benchlib::{Plan, Step};
use rouage::{
    Client, Job, JobContext, JobError, Keyspace, Link, Registry, Shutdown, Worker, WorkerOptions,
};
use serde::{Deserialize, Serialize};

/// As in the CRM's worker.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Slots where the harness names no number: what the CRM's worker has by default in a queue.
const SLOTS: usize = 20;

/// Bounds of the histograms, in seconds; how many there are is what counts here.
const BUCKETS: [f64; 12] = [
    0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0, 3600.0,
];
/// How often samples are folded into the histograms; until then each takes memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// One job of the harness' three kinds.
#[derive(Debug, Serialize, Deserialize)]
struct Bench {
    kind: String,
    i: u64,
}

impl Job for Bench {
    type Output = ();
    const KIND: &'static str = "bench.job";
    const QUEUE: &'static str = "bench";
}

#[tokio::main]
async fn main() -> Result<()> {
    let link = Link::connect(&benchlib::url(), Duration::from_secs(60)).await?;
    let client = Client::with_link(link, Keyspace::new("bench"));
    if std::env::args().nth(1).as_deref() == Some("worker") {
        work(client).await
    } else {
        enqueue(client).await
    }
}

async fn enqueue(client: Client) -> Result<()> {
    let mut plan = Plan::new();
    while let Some(step) = plan.next().await {
        let job = |i| Bench {
            kind: plan.kind.clone(),
            i,
        };
        match step {
            Step::One(i) => drop(client.enqueue(&job(i)).await?),
            Step::Many(numbers) => {
                let jobs: Vec<Bench> = numbers.into_iter().map(job).collect();
                client.enqueue_many(&jobs).await?;
            }
        }
    }
    plan.report();
    Ok(())
}

async fn work(client: Client) -> Result<()> {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new()
        .set_buckets(&BUCKETS)?
        .install_recorder()?;
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            recorder.run_upkeep();
        }
    });
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
        .with_writer(std::io::stderr)
        .init();
    let registry = Registry::new().function(|job: Bench, _cx: JobContext| async move {
        benchlib::body(&job.kind, job.i).await;
        Ok::<(), JobError>(())
    });
    let options = WorkerOptions {
        queues: vec![("bench".to_owned(), benchlib::num("CONC", SLOTS))],
        ..WorkerOptions::default()
    };
    let shutdown = Shutdown::default();
    let drain = shutdown.drain.clone();
    let worker = Worker::new(client, registry, options)?.run(shutdown);
    tokio::pin!(worker);
    let mut ended = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        finished = &mut worker => return Ok(finished?),
        _ = ended.recv() => drain.cancel(),
    }
    Ok(worker.await?)
}
