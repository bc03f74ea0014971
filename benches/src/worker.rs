//! The measured worker of the engine: everything on that is on in production.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use rouage::{JobContext, JobError, Registry, Shutdown, Worker, WorkerOptions};
use serde::{Deserialize, Serialize};

use crate::ours::{Nap, Noop, Stamp, client, now_ns};

/// Longest pickup that is told apart, in µs.
const LONGEST_US: u64 = 600_000_000;

/// Bounds of the histograms, in seconds; how many there are is what counts here.
const BUCKETS: [f64; 12] = [
    0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0, 3600.0,
];
/// How often samples are folded into the histograms; until then each takes memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// How long jobs were under way, from just before they were enqueued to their handler, in ms.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Pickup {
    pub(crate) jobs: u64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// Bounded however many jobs there are, so that it does not look like a leak.
#[derive(Clone)]
struct Pickups(Arc<Mutex<Histogram<u64>>>);

impl Pickups {
    fn new() -> Result<Self> {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, 3)?;
        Ok(Self(Arc::new(Mutex::new(histogram))))
    }

    fn note(&self, sent_ns: u128) {
        let micros = (now_ns().saturating_sub(sent_ns) / 1000) as u64;
        let mut histogram = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        histogram.saturating_record(micros);
    }

    fn sum_up(&self) -> Pickup {
        let histogram = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ms = |micros: u64| micros as f64 / 1000.0;
        Pickup {
            jobs: histogram.len(),
            p50: ms(histogram.value_at_quantile(0.5)),
            p99: ms(histogram.value_at_quantile(0.99)),
            max: ms(histogram.max()),
        }
    }
}

/// Runs until it is drained; answers how soon the stamped jobs were picked up.
pub(crate) async fn work(url: &str, slots: usize, shutdown: Shutdown) -> Result<Pickup> {
    // As in production: a recorder that is kept up, and spans at level info without colours.
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
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let pickups = Pickups::new()?;
    let options = WorkerOptions {
        queues: vec![("bench".to_owned(), slots)],
        ..WorkerOptions::default()
    };
    Worker::new(client(url).await?, registry(&pickups), options)?
        .run(shutdown)
        .await?;
    Ok(pickups.sum_up())
}

fn registry(pickups: &Pickups) -> Registry {
    let (stamps, naps) = (pickups.clone(), pickups.clone());
    Registry::new()
        .function(|job: Noop, _cx: JobContext| async move { Ok::<usize, JobError>(job.number) })
        .function(move |job: Nap, cx: JobContext| {
            if job.sent_ns > 0 {
                naps.note(job.sent_ns);
            }
            async move { cx.sleep(Duration::from_millis(job.millis)).await }
        })
        .function(move |job: Stamp, cx: JobContext| {
            let first = cx.attempt() == 1;
            if first {
                stamps.note(job.sent_ns);
            }
            async move {
                if job.fails && first {
                    return Err(JobError::retry("fails at first, as it was told to"));
                }
                Ok(())
            }
        })
}
