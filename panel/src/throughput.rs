//! How many jobs ended well and badly, for the last hour.
//!
//! The engine counts ends for each queue; looking at the counters every few seconds costs nothing,
//! however many jobs there are. What is remembered is this process' own: after a start the hour
//! begins anew, and dashboards over the metrics have the days.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rouage::Client;
use rouage::inspect::QueueView;
use tokio_util::sync::CancellationToken;

/// How often the counters are looked at.
const EVERY: Duration = Duration::from_secs(10);
/// An hour of looks.
const MOST: usize = 360;

/// Ends between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ends {
    pub(crate) well: u64,
    pub(crate) badly: u64,
}

#[derive(Debug, Default)]
struct Looks {
    latest: Option<Ends>,
    passed: VecDeque<Ends>,
}

/// The last hour.
#[derive(Debug, Default)]
pub(crate) struct Throughput(Mutex<Looks>);

impl Throughput {
    /// Seconds of one entry of [`Throughput::passed`].
    pub(crate) const SECONDS: u64 = EVERY.as_secs();

    /// Looks until the drain.
    pub(crate) async fn watch(&self, client: &Client, drain: &CancellationToken) {
        loop {
            if let Ok(queues) = client.queues().await {
                self.note(&queues);
            }
            let slept = drain.run_until_cancelled(tokio::time::sleep(EVERY)).await;
            if slept.is_none() {
                return;
            }
        }
    }

    /// Ends between looks, oldest first.
    pub(crate) fn passed(&self) -> Vec<Ends> {
        self.looks().passed.iter().copied().collect()
    }

    fn note(&self, queues: &[QueueView]) {
        let now = Ends {
            well: queues.iter().map(|queue| queue.completed_total).sum(),
            badly: queues.iter().map(|queue| queue.discarded_total).sum(),
        };
        let mut looks = self.looks();
        if let Some(before) = looks.latest.replace(now) {
            // Counters that were reset begin at nothing.
            looks.passed.push_back(Ends {
                well: now.well.saturating_sub(before.well),
                badly: now.badly.saturating_sub(before.badly),
            });
        }
        if looks.passed.len() > MOST {
            looks.passed.pop_front();
        }
    }

    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
