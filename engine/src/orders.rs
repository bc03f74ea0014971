//! Orders to running workers: be quiet, go on, end, have more or fewer slots.
//!
//! An order is a value that stands in Redis, not a message that passes by: a worker reads all
//! of them with every beat, and a message on a channel only makes it look at once. What is lost
//! with a connection therefore costs seconds. Orders to one worker stand as long as it lives;
//! the slots that all workers of a queue are to have stand until they are cleared.
//!
//! Nothing here interrupts a job that runs.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::client::{Client, ClientError};

/// Most slots a queue may have in one worker, and the fewest.
pub(crate) const SLOTS: std::ops::RangeInclusive<usize> = 1..=10_000;
/// Orders to a worker that says nothing any more are forgotten after this long.
pub(crate) const ORDERS_FOR: Duration = Duration::from_hours(24);

/// Field of a worker's orders: whether to claim nothing, `1` or `0`.
pub(crate) const QUIET: &str = "quiet";
/// Field of a worker's orders: there once it is to end.
pub(crate) const STOP: &str = "stop";
/// Start of the fields with a queue's slots; `0` after they were cleared.
pub(crate) const SLOTS_OF: &str = "slots:";

/// Slots that somebody wrote, if they can be.
pub(crate) fn valid(slots: &str) -> Option<usize> {
    slots.parse().ok().filter(|slots| SLOTS.contains(slots))
}

/// The queues whose slots can be.
pub(crate) fn valid_only(written: BTreeMap<String, String>) -> BTreeMap<String, usize> {
    let slots = written
        .into_iter()
        .filter_map(|(queue, slots)| Some((queue, valid(&slots)?)));
    slots.collect()
}

impl Client {
    /// Lets a worker claim nothing more until [`Client::resume_worker`]; what it runs goes on.
    pub async fn quiet(&self, instance: &str) -> Result<(), ClientError> {
        self.order(instance, QUIET, "1").await
    }

    /// Lets a quiet worker claim again.
    pub async fn resume_worker(&self, instance: &str) -> Result<(), ClientError> {
        self.order(instance, QUIET, "0").await
    }

    /// Lets a worker drain and end, as a signal does. There is no way back; what supervises the
    /// process may start another one.
    pub async fn stop_worker(&self, instance: &str) -> Result<(), ClientError> {
        self.order(instance, STOP, "1").await
    }

    /// Sets how many jobs of a queue run at once, 1 to 10,000: in one worker as long as it
    /// lives, or in every worker, now and after restarts, that was not told otherwise itself.
    pub async fn set_slots(
        &self,
        queue: &str,
        instance: Option<&str>,
        slots: usize,
    ) -> Result<(), ClientError> {
        if !SLOTS.contains(&slots) {
            return Err(ClientError::InvalidSlots {
                queue: queue.to_owned(),
                slots,
            });
        }
        self.change_slots(queue, instance, slots).await
    }

    /// Takes back what [`Client::set_slots`] said with the same arguments.
    pub async fn clear_slots(
        &self,
        queue: &str,
        instance: Option<&str>,
    ) -> Result<(), ClientError> {
        self.change_slots(queue, instance, 0).await
    }

    /// The queues whose slots are set for every worker, with their number in each.
    pub async fn standing_slots(&self) -> Result<BTreeMap<String, usize>, ClientError> {
        let mut read = redis::cmd("HGETALL");
        read.arg(self.keyspace().slots());
        Ok(valid_only(self.link().command(&read).await?))
    }

    async fn change_slots(
        &self,
        queue: &str,
        instance: Option<&str>,
        slots: usize,
    ) -> Result<(), ClientError> {
        let Some(instance) = instance else {
            return self.set_standing(queue, slots).await;
        };
        let worker = self.worker(instance).await?;
        if !worker.info.queues.iter().any(|(served, _)| served == queue) {
            return Err(ClientError::NotServed {
                queue: queue.to_owned(),
                instance: instance.to_owned(),
            });
        }
        let field = format!("{SLOTS_OF}{queue}");
        self.order(instance, &field, &slots.to_string()).await
    }

    async fn set_standing(&self, queue: &str, slots: usize) -> Result<(), ClientError> {
        if !self.queue_names().await?.iter().any(|name| name == queue) {
            return Err(ClientError::UnknownQueue(queue.to_owned()));
        }
        let key = self.keyspace().slots();
        let mut change = redis::cmd(if slots == 0 { "HDEL" } else { "HSET" });
        change.arg(&key).arg(queue);
        if slots > 0 {
            change.arg(slots);
        }
        let _changed: u64 = self.link().command(&change).await?;
        self.tell(&key).await
    }

    /// Leaves an order for a worker that lives, and tells it to look.
    async fn order(&self, instance: &str, field: &str, value: &str) -> Result<(), ClientError> {
        self.worker(instance).await?;
        let key = self.keyspace().orders(instance);
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        pipeline.hset(&key, field, value).ignore();
        let seconds = ORDERS_FOR.as_secs().cast_signed();
        pipeline.expire(&key, seconds).ignore();
        let () = self.link().pipeline(&pipeline).await?;
        self.tell(&key).await
    }

    /// The channels have the names of the keys whose news they bring.
    async fn tell(&self, channel: &str) -> Result<(), ClientError> {
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(channel).arg("look");
        let _listeners: u64 = self.link().command(&publish).await?;
        Ok(())
    }
}
