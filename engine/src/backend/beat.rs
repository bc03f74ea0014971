//! Keeps leases alive from a thread of its own.
//!
//! The thread has its own small runtime and its own connection: a handler that blocks the
//! worker's runtime, or a burst that fills its connection, cannot stop the beats. It also
//! carries what flows between a running attempt and Redis besides its end: progress out,
//! requested cancellations in.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::backend::Held;
use crate::executor::StopReason;
use crate::inspect::WorkerInfo;
use crate::keys::{Keyspace, QueueKeys};
use crate::link::{Link, LinkError};
use crate::scripts::{BEAT, MAX_BATCH, REPORT};

/// How often progress and checkpoints are written.
const REPORT_EVERY: Duration = Duration::from_millis(500);
/// How often the process says that it lives.
const REGISTER_EVERY: Duration = Duration::from_secs(10);
/// How long what it said stands.
const REGISTERED_FOR: Duration = Duration::from_mins(1);
/// After this long without a word a worker is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(24);

/// One queue's running attempts, for the beat thread.
pub(crate) struct BeatingQueue {
    pub(crate) keys: QueueKeys,
    pub(crate) held: Arc<Held>,
}

/// What the beat thread works with.
pub(crate) struct Beats {
    pub(crate) link: Link,
    pub(crate) keyspace: Keyspace,
    pub(crate) queues: Vec<BeatingQueue>,
    pub(crate) info: WorkerInfo,
    pub(crate) lease: Duration,
    pub(crate) every: Duration,
    pub(crate) draining: CancellationToken,
    pub(crate) stop: CancellationToken,
}

impl Beats {
    /// Starts the thread; it ends after `stop` is cancelled.
    pub(crate) fn spawn(self) -> std::io::Result<thread::JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        thread::Builder::new()
            .name("beats".to_owned())
            .spawn(move || runtime.block_on(self.run()))
    }

    async fn run(mut self) {
        // The worker's connection lives on the worker's runtime; this one lives here.
        while !self.stop.is_cancelled() {
            match self.link.another(self.every).await {
                Ok(link) => {
                    self.link = link;
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, "beats cannot connect, trying again");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
        let mut report = ticker(REPORT_EVERY);
        let mut beat = ticker(self.every);
        let mut register = ticker(REGISTER_EVERY);
        loop {
            let done = tokio::select! {
                biased;
                () = self.stop.cancelled() => return self.unregister().await,
                _ = beat.tick() => self.beat_all().await,
                _ = report.tick() => self.write_reports().await,
                _ = register.tick() => self.register().await,
            };
            if let Err(error) = done {
                tracing::warn!(%error, "beat failed, the next one follows");
            }
        }
    }

    async fn beat_all(&self) -> Result<(), LinkError> {
        for queue in &self.queues {
            for leases in queue.held.leases(Instant::now()).chunks(MAX_BATCH) {
                self.beat(queue, leases).await?;
            }
        }
        Ok(())
    }

    async fn beat(&self, queue: &BeatingQueue, leases: &[Arc<str>]) -> Result<(), LinkError> {
        let call = BEAT
            .call(queue.keys.base())
            .arg(self.lease.as_millis() as u64)
            .arg(leases.iter().map(AsRef::as_ref).collect::<Vec<&str>>());
        let answers: Vec<u8> = self.link.call(call).await?;
        for (lease, answer) in leases.iter().zip(answers) {
            match answer {
                0 => queue.held.stop(lease, StopReason::LeaseLost),
                2 => queue.held.stop(lease, StopReason::Requested),
                _ => {}
            }
        }
        Ok(())
    }

    async fn write_reports(&self) -> Result<(), LinkError> {
        for queue in &self.queues {
            for reports in queue.held.take_reports().chunks(MAX_BATCH) {
                let mut call = REPORT.call(queue.keys.base());
                for (lease, (table, json)) in reports {
                    call.push(&**lease);
                    call.push(*table);
                    call.push(json);
                }
                let _stored: u64 = self.link.call(call).await?;
            }
        }
        Ok(())
    }

    async fn register(&mut self) -> Result<(), LinkError> {
        let (seconds, micros): (u64, u64) = self.link.command(&redis::cmd("TIME")).await?;
        let now = seconds * 1000 + micros / 1000;
        if self.info.started == 0 {
            self.info.started = now;
        }
        self.info.running = self.queues.iter().map(|queue| queue.held.len()).sum();
        self.info.draining = self.draining.is_cancelled();
        let info = serde_json::to_string(&self.info).unwrap_or_default();
        // Producers announce a queue once; a Redis that was emptied must hear of it again.
        let mut announce = redis::cmd("SADD");
        announce.arg(self.keyspace.queues());
        for (queue, _) in &self.info.queues {
            announce.arg(queue);
        }
        let () = self.link.command(&announce).await?;
        // Keys without a queue: a cluster may keep them on several nodes.
        let mut set = redis::cmd("SET");
        set.arg(self.keyspace.worker(&self.info.instance))
            .arg(info)
            .arg("EX")
            .arg(REGISTERED_FOR.as_secs());
        let () = self.link.command(&set).await?;
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
        self.link.pipeline(&pipeline).await
    }

    async fn unregister(&self) {
        let mut delete = redis::cmd("DEL");
        delete.arg(self.keyspace.worker(&self.info.instance));
        let mut remove = redis::cmd("ZREM");
        remove.arg(self.keyspace.workers()).arg(&self.info.instance);
        let (deleted, removed) =
            tokio::join!(self.link.command(&delete), self.link.command(&remove));
        let done: Result<((), ()), LinkError> = deleted.and_then(|()| Ok(((), removed?)));
        if let Err(error) = done {
            tracing::debug!(%error, "worker could not sign off; it is forgotten after a minute");
        }
    }
}

fn ticker(every: Duration) -> tokio::time::Interval {
    let mut ticker = interval(every);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}
