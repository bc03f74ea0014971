//! Keeps leases alive from a thread of its own.
//!
//! The thread has its own small runtime and its own connection: a handler that blocks the
//! worker's runtime, or a burst that fills its connection, cannot stop the beats. It also
//! carries what flows between a running attempt and Redis besides its end: progress out,
//! requested cancellations in; and between operators and this process: how it is, what it is
//! told (`presence`, `obey`).

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::backend::obey::Orders;
use crate::backend::presence::Presence;
use crate::backend::{Gate, Held, Slots};
use crate::executor::{Report, StopReason};
use crate::keys::QueueKeys;
use crate::link::{Link, LinkError};
use crate::scripts::{BEAT, MAX_BATCH, REPORT};

/// How often progress, checkpoints and logs are written.
const REPORT_EVERY: Duration = Duration::from_millis(500);
/// Most bytes of reports in one call: joining logs costs Redis about a millisecond then.
const MAX_PARCEL_BYTES: usize = 256 * 1024;
/// How often the process says that it lives.
const REGISTER_EVERY: Duration = Duration::from_secs(10);

/// What the beat thread knows of one queue.
pub(crate) struct BeatingQueue {
    pub(crate) name: String,
    pub(crate) keys: QueueKeys,
    pub(crate) held: Arc<Held>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) slots: Arc<Slots>,
    /// Slots unless somebody orders otherwise.
    pub(crate) set_up: usize,
}

/// What the beat thread works with.
pub(crate) struct Beats {
    pub(crate) link: Link,
    pub(crate) queues: Vec<BeatingQueue>,
    pub(crate) presence: Presence,
    pub(crate) lease: Duration,
    pub(crate) every: Duration,
    /// Rung when there may be new orders, or when one was carried out.
    pub(crate) news: Arc<Notify>,
    /// Cancelled to claim nothing more and to end, by whoever wants it.
    pub(crate) drain: CancellationToken,
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
        let mut look = ticker(self.every);
        loop {
            let done = tokio::select! {
                biased;
                () = self.stop.cancelled() => return self.presence.unregister(&self.link).await,
                _ = beat.tick() => self.beat_all().await,
                _ = report.tick() => self.write_reports().await,
                _ = register.tick() => self.register().await,
                _ = look.tick() => self.look().await,
                () = self.news.notified() => self.look().await,
                () = self.drain.cancelled(), if !self.presence.info.draining => self.register().await,
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
            for reports in parcels(&queue.held.take_reports()) {
                if let Err(error) = self.report(queue, reports).await {
                    for (lease, report) in reports {
                        queue.held.put_back(lease, report);
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    async fn report(
        &self,
        queue: &BeatingQueue,
        reports: &[(Arc<str>, Report)],
    ) -> Result<(), LinkError> {
        let mut call = REPORT.call(queue.keys.base());
        for (lease, (table, text)) in reports {
            call.push(&**lease);
            call.push(*table);
            call.push(text);
        }
        let _stored: u64 = self.link.call(call).await?;
        Ok(())
    }

    /// Reads what this worker was told and does it. A change is told back at once.
    async fn look(&mut self) -> Result<(), LinkError> {
        let presence = &self.presence;
        let orders = Orders::read(&self.link, &presence.keyspace, &presence.info.instance).await?;
        orders.carry_out(&self.queues, &self.drain);
        if self.note() {
            self.presence.register(&self.link).await?;
        }
        Ok(())
    }

    async fn register(&mut self) -> Result<(), LinkError> {
        self.note();
        self.presence.register(&self.link).await
    }

    fn note(&mut self) -> bool {
        self.presence.note(&self.queues, self.drain.is_cancelled())
    }
}

/// Reports in parts that one call may have: so many, and so many bytes.
fn parcels(reports: &[(Arc<str>, Report)]) -> Vec<&[(Arc<str>, Report)]> {
    let mut parcels = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, (_, (_, text))) in reports.iter().enumerate() {
        if at - start == MAX_BATCH || (at > start && bytes + text.len() > MAX_PARCEL_BYTES) {
            parcels.push(&reports[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += text.len();
    }
    if start < reports.len() {
        parcels.push(&reports[start..]);
    }
    parcels
}

fn ticker(every: Duration) -> tokio::time::Interval {
    let mut ticker = interval(every);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_parted_by_number_and_by_bytes_and_none_is_left_out() {
        let of = |sizes: &[usize]| -> Vec<usize> {
            let report = |size: &usize| (Arc::from("1:a"), ("log", "x".repeat(*size)));
            let reports: Vec<(Arc<str>, Report)> = sizes.iter().map(report).collect();
            parcels(&reports).iter().map(|part| part.len()).collect()
        };
        assert_eq!(of(&[]), Vec::<usize>::new());
        assert_eq!(of(&[1; 1001]), [500, 500, 1]);
        let half = MAX_PARCEL_BYTES / 2;
        assert_eq!(of(&[half, half, half, 10 * half, 1]), [2, 1, 1, 1]);
    }
}
