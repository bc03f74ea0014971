//! How full the queues are and how long their oldest job has waited.

use serde::Serialize;

use crate::client::{Client, ClientError};
use crate::keys::ready_since_ms;
use crate::state::State;

/// One queue at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueView {
    /// The queue's name.
    pub queue: String,
    /// Jobs in each state.
    pub scheduled: u64,
    /// Waiting for a slot.
    pub available: u64,
    /// Leased.
    pub running: u64,
    /// Waiting for their next attempt.
    pub retrying: u64,
    /// Waiting for a human.
    pub held: u64,
    /// Succeeded, within the retention.
    pub completed: u64,
    /// Cancelled, within the retention.
    pub cancelled: u64,
    /// Failed for good, within the retention.
    pub discarded: u64,
    /// How long the first job in line has been available, in ms; 0 if none waits.
    pub oldest_ms: u64,
    /// Jobs ever stored.
    pub enqueued_total: u64,
    /// Jobs ever completed.
    pub completed_total: u64,
    /// Jobs that ever failed for good, less those that were retried by hand.
    pub discarded_total: u64,
    /// Leases ever lost.
    pub lease_lost_total: u64,
}

impl QueueView {
    /// Jobs in that state.
    pub const fn in_state(&self, state: State) -> u64 {
        match state {
            State::Scheduled => self.scheduled,
            State::Available => self.available,
            State::Running => self.running,
            State::Retrying => self.retrying,
            State::Held => self.held,
            State::Completed => self.completed,
            State::Cancelled => self.cancelled,
            State::Discarded => self.discarded,
        }
    }
}

type Totals = (Option<u64>, Option<u64>, Option<u64>, Option<u64>);
type Answer = (
    (u64, u64),
    u64,
    u64,
    u64,
    u64,
    u64,
    u64,
    u64,
    u64,
    Vec<(String, f64)>,
    Totals,
);

impl Client {
    /// The names of all queues that were ever used, sorted.
    pub async fn queue_names(&self) -> Result<Vec<String>, ClientError> {
        let mut names: Vec<String> = self
            .link()
            .command(redis::cmd("SMEMBERS").arg(self.keyspace().queues()))
            .await?;
        names.sort();
        Ok(names)
    }

    /// All queues, by name.
    pub async fn queues(&self) -> Result<Vec<QueueView>, ClientError> {
        let mut views = Vec::new();
        for name in self.queue_names().await? {
            views.push(self.queue_view(&name).await?);
        }
        Ok(views)
    }

    /// One queue; zeros for a queue nobody used.
    pub async fn queue_view(&self, queue: &str) -> Result<QueueView, ClientError> {
        let keys = self.queue(queue);
        let mut pipeline = redis::pipe();
        pipeline.cmd("TIME");
        let sizes = [
            keys.scheduled(),
            keys.ready(),
            keys.lease(),
            keys.retrying(),
            keys.held(),
            keys.completed(),
            keys.cancelled(),
            keys.discarded(),
        ];
        for key in &sizes {
            pipeline.cmd("ZCARD").arg(key);
        }
        pipeline
            .cmd("ZRANGE")
            .arg(keys.ready())
            .arg(0)
            .arg(0)
            .arg("WITHSCORES");
        let totals = ["enqueued", "completed", "discarded", "lease_lost"];
        pipeline.cmd("HMGET").arg(keys.count()).arg(&totals);
        let answer: Answer = self.link().pipeline(&pipeline).await?;
        let (
            time,
            scheduled,
            available,
            running,
            retrying,
            held,
            completed,
            cancelled,
            discarded,
            first,
            totals,
        ) = answer;
        let now = time.0 * 1000 + time.1 / 1000;
        let oldest_ms = first.first().map_or(0, |(_, score)| {
            now.saturating_sub(ready_since_ms(*score as u64))
        });
        Ok(QueueView {
            queue: queue.to_owned(),
            scheduled,
            available,
            running,
            retrying,
            held,
            completed,
            cancelled,
            discarded,
            oldest_ms,
            enqueued_total: totals.0.unwrap_or(0),
            completed_total: totals.1.unwrap_or(0),
            discarded_total: totals.2.unwrap_or(0),
            lease_lost_total: totals.3.unwrap_or(0),
        })
    }
}
