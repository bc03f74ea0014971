//! The page of `/metrics`: sets the gauges of the queues, then renders everything.
//!
//! The queues are looked at when somebody asks and at most every two seconds, so that an idle
//! worker asks Redis nothing and many scrapers cost as much as one. If Redis does not answer,
//! the page still comes, with the last known gauges and `crm_worker_redis_up` at 0.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{counter, gauge};
use metrics_exporter_prometheus::PrometheusHandle;
use rouage::inspect::{BreakerView, QueueView};
use rouage::{Client, ClientError, State};
use tokio::sync::Mutex;

use super::metrics::{CELERY_PENDING, CELERY_WORKERS, DATABASE_CONNECTIONS, REDIS_UP};

/// How old a page may be.
const FRESH: Duration = Duration::from_secs(2);
/// How long Redis may take for one look.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers the number of used and of idle connections.
pub(crate) type Connections = Arc<dyn Fn() -> (usize, usize) + Send + Sync>;

/// Renders the page.
pub(crate) struct Scrape {
    handle: PrometheusHandle,
    client: Client,
    connections: Connections,
    latest: Mutex<Option<(Instant, String)>>,
}

impl Scrape {
    pub(crate) fn new(handle: PrometheusHandle, client: Client, connections: Connections) -> Self {
        Self {
            handle,
            client,
            connections,
            latest: Mutex::new(None),
        }
    }

    /// The page, at most two seconds old.
    pub(crate) async fn page(&self) -> String {
        // Held while Redis is asked: whoever comes meanwhile gets the same page.
        let mut latest = self.latest.lock().await;
        if let Some((made, page)) = latest.as_ref()
            && made.elapsed() < FRESH
        {
            return page.clone();
        }
        let looked = tokio::time::timeout(PATIENCE, self.look()).await;
        let up = matches!(looked, Ok(Ok(())));
        gauge!(REDIS_UP).set(if up { 1.0 } else { 0.0 });
        let (used, idle) = (self.connections)();
        gauge!(DATABASE_CONNECTIONS, "state" => "used").set(used as f64);
        gauge!(DATABASE_CONNECTIONS, "state" => "idle").set(idle as f64);
        let page = self.handle.render();
        *latest = Some((Instant::now(), page.clone()));
        page
    }

    async fn look(&self) -> Result<(), ClientError> {
        let queues = self.client.queues().await?;
        let workers = self.client.workers().await?.len() as f64;
        gauge!(rouage::metrics::WORKERS).set(workers);
        gauge!(CELERY_WORKERS).set(workers);
        let pending: u64 = queues.iter().map(|queue| queue.available).sum();
        gauge!(CELERY_PENDING).set(pending as f64);
        for queue in &queues {
            show(queue);
        }
        show_breakers(&self.client.breakers().await?);
        Ok(())
    }
}

/// One number a name, the worst of its keys: keys are too many for labels.
fn show_breakers(breakers: &[BreakerView]) {
    for same_name in breakers.chunk_by(|left, right| left.name == right.name) {
        let worst = same_name.iter().map(|breaker| breaker.state.number()).max();
        let name = same_name[0].name.clone();
        let state = gauge!(rouage::metrics::BREAKER_STATE, "breaker" => name);
        state.set(f64::from(worst.unwrap_or(0)));
    }
}

fn show(queue: &QueueView) {
    let name = || queue.queue.clone();
    for state in State::ALL {
        let jobs = gauge!(rouage::metrics::QUEUE_JOBS, "queue" => name(), "state" => state.name());
        jobs.set(queue.in_state(state) as f64);
    }
    gauge!(rouage::metrics::QUEUE_OLDEST, "queue" => name()).set(queue.oldest_ms as f64 / 1000.0);
    counter!(rouage::metrics::ENQUEUED, "queue" => name()).absolute(queue.enqueued_total);
}
