//! What a process says about itself, so that others see that it lives and how it is.

use std::time::Duration;

use crate::backend::{BeatingQueue, Gate};
use crate::inspect::{MAX_SHOWN_JOBS, RunningJob, WorkerInfo};
use crate::keys::Keyspace;
use crate::link::{Link, LinkError};
use crate::orders::ORDERS_FOR;

/// How long what it said stands.
const REGISTERED_FOR: Duration = Duration::from_mins(1);
/// After this long without a word a worker is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(24);

/// One process in the list of workers.
pub(crate) struct Presence {
    pub(crate) keyspace: Keyspace,
    pub(crate) info: WorkerInfo,
}

impl Presence {
    /// Notes how it is; whether that changed what an operator asked for.
    pub(super) fn note(&mut self, queues: &[BeatingQueue], draining: bool) -> bool {
        let slots = queues
            .iter()
            .map(|queue| (queue.name.clone(), queue.slots.all()));
        let before = (
            self.info.quiet,
            self.info.draining,
            std::mem::replace(&mut self.info.queues, slots.collect()),
        );
        self.info.quiet = queues
            .iter()
            .map(|queue| &*queue.gate)
            .all(Gate::is_at_rest);
        self.info.draining = draining;
        self.info.running = queues.iter().map(|queue| queue.held.len()).sum();
        self.info.jobs = oldest(queues);
        self.info.rss_bytes = resident_bytes();
        before != (self.info.quiet, draining, self.info.queues.clone())
    }

    /// Says what was noted.
    pub(super) async fn register(&mut self, link: &Link) -> Result<(), LinkError> {
        let (seconds, micros): (u64, u64) = link.command(&redis::cmd("TIME")).await?;
        let now = seconds * 1000 + micros / 1000;
        if self.info.started == 0 {
            self.info.started = now;
        }
        let info = serde_json::to_string(&self.info).unwrap_or_default();
        // Producers announce a queue once; a Redis that was emptied must hear of it again.
        let mut announce = redis::cmd("SADD");
        announce.arg(self.keyspace.queues());
        for (queue, _) in &self.info.queues {
            announce.arg(queue);
        }
        let () = link.command(&announce).await?;
        // Keys without a queue: a cluster may keep them on several nodes.
        let mut set = redis::cmd("SET");
        set.arg(self.keyspace.worker(&self.info.instance))
            .arg(info)
            .arg("EX")
            .arg(REGISTERED_FOR.as_secs());
        let () = link.command(&set).await?;
        let mut keep = redis::cmd("EXPIRE");
        keep.arg(self.keyspace.orders(&self.info.instance))
            .arg(ORDERS_FOR.as_secs());
        let _there: bool = link.command(&keep).await?;
        let mut pipeline = redis::pipe();
        pipeline
            .cmd("ZADD")
            .arg(self.keyspace.workers())
            .arg(now)
            .arg(&self.info.instance);
        let forgotten = now.saturating_sub(FORGOTTEN_AFTER.as_millis() as u64);
        pipeline
            .cmd("ZREMRANGEBYSCORE")
            .arg(self.keyspace.workers())
            .arg("-inf")
            .arg(forgotten);
        link.pipeline(&pipeline).await
    }

    /// Signs off; the orders that stood for this process go with it.
    pub(super) async fn unregister(&self, link: &Link) {
        let instance = &self.info.instance;
        let (mut word, mut orders) = (redis::cmd("DEL"), redis::cmd("DEL"));
        word.arg(self.keyspace.worker(instance));
        orders.arg(self.keyspace.orders(instance));
        let mut remove = redis::cmd("ZREM");
        remove.arg(self.keyspace.workers()).arg(instance);
        let done: Result<((), (), ()), LinkError> = tokio::try_join!(
            link.command(&word),
            link.command(&orders),
            link.command(&remove)
        );
        if let Err(error) = done {
            tracing::debug!(%error, "worker could not sign off; it is forgotten after a minute");
        }
    }
}

/// What has run for longest in all queues.
fn oldest(queues: &[BeatingQueue]) -> Vec<RunningJob> {
    let mut jobs: Vec<RunningJob> = queues
        .iter()
        .flat_map(|queue| queue.held.oldest(MAX_SHOWN_JOBS))
        .collect();
    jobs.sort_by_key(|job| job.since);
    jobs.truncate(MAX_SHOWN_JOBS);
    jobs
}

/// Resident memory of this process; 0 where the system does not tell.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_knows_its_memory() {
        assert!(resident_bytes() > 1024 * 1024);
    }
}
