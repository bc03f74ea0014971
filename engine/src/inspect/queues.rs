//! How full the queues are and how long their oldest job has waited.

use std::collections::{BTreeMap, HashMap};

use redis::{FromRedisValue, Value};
use serde::Serialize;

use crate::client::{Client, ClientError};
use crate::control::Pause;
use crate::inspect::index_of;
use crate::keys::{QueueKeys, ready_since_ms};
use crate::state::State;

/// Lines whose first jobs are looked at for the oldest one.
const MAX_LINES: usize = 100;

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
    /// Who paused it, if it is paused.
    pub paused: Option<Pause>,
    /// Its paused kinds, each with who paused it.
    pub paused_kinds: BTreeMap<String, Pause>,
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
        for state in State::ALL {
            pipeline.cmd("ZCARD").arg(index_of(&keys, state));
        }
        pipeline
            .cmd("ZRANGE")
            .arg(keys.ready())
            .arg(0)
            .arg(0)
            .arg("WITHSCORES");
        pipeline.cmd("GET").arg(keys.paused());
        pipeline.cmd("HMGET").arg(keys.count()).arg(&[
            "enqueued",
            "completed",
            "discarded",
            "lease_lost",
            "elsewhere",
        ]);
        pipeline.cmd("HGETALL").arg(keys.paused_kinds());
        let answers: Vec<Value> = self.link().pipeline(&pipeline).await?;
        let mut answers = answers.into_iter();

        let (seconds, micros): (u64, u64) = next(&mut answers)?;
        let mut sizes = HashMap::new();
        for state in State::ALL {
            sizes.insert(state, next::<u64>(&mut answers)?);
        }
        let size = |state| sizes.get(&state).copied().unwrap_or(0);
        let first: Vec<(String, f64)> = next(&mut answers)?;
        let since = first
            .first()
            .map(|(_, score)| ready_since_ms(*score as u64));
        let paused: Option<String> = next(&mut answers)?;
        let totals: Vec<Option<u64>> = next(&mut answers)?;
        let total = |n: usize| totals.get(n).copied().flatten().unwrap_or(0);
        let paused_kinds: BTreeMap<String, String> = next(&mut answers)?;
        let since = match total(4) {
            0 => since,
            _ => since
                .into_iter()
                .chain(self.first_in_lines(&keys).await?)
                .min(),
        };
        Ok(QueueView {
            queue: queue.to_owned(),
            scheduled: size(State::Scheduled),
            available: size(State::Available) + total(4),
            running: size(State::Running),
            retrying: size(State::Retrying),
            held: size(State::Held),
            completed: size(State::Completed),
            cancelled: size(State::Cancelled),
            discarded: size(State::Discarded),
            oldest_ms: since.map_or(0, |since| {
                (seconds * 1000 + micros / 1000).saturating_sub(since)
            }),
            paused: paused.map(|note| Pause::read(&note)),
            paused_kinds: paused_kinds
                .into_iter()
                .map(|(kind, note)| (kind, Pause::read(&note)))
                .collect(),
            enqueued_total: total(0),
            completed_total: total(1),
            discarded_total: total(2),
            lease_lost_total: total(3),
        })
    }
}

impl Client {
    /// Since when the first jobs of the longest lines and asides wait, in ms since 1970.
    async fn first_in_lines(&self, keys: &QueueKeys) -> Result<Option<u64>, ClientError> {
        let indexes = self.indexes(keys, State::Available).await?;
        let mut pipeline = redis::pipe();
        for index in indexes.iter().take(MAX_LINES) {
            let command = pipeline.cmd("ZRANGE").arg(index);
            command.arg(0).arg(0).arg("WITHSCORES");
        }
        let firsts: Vec<Vec<(String, f64)>> = self.link().pipeline(&pipeline).await?;
        let scores = firsts.iter().flatten();
        Ok(scores.map(|(_, score)| ready_since_ms(*score as u64)).min())
    }
}

/// The next of a pipeline's answers.
pub(super) fn next<T: FromRedisValue>(
    answers: &mut impl Iterator<Item = Value>,
) -> Result<T, ClientError> {
    let answer = answers
        .next()
        .ok_or_else(|| ClientError::Protocol("too few answers".to_owned()))?;
    T::from_redis_value(answer).map_err(|error| ClientError::Protocol(error.to_string()))
}
