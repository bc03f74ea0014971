//! One job with everything that is known about it, and lists of jobs by state.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::{Client, ClientError};
use crate::envelope::{Envelope, Offloaded};
use crate::id::JobId;
use crate::inspect::Lineage;
use crate::keys::{QueueKeys, due_ms, ready_since_ms};
use crate::policy::Group;
use crate::record::RunRecord;
use crate::scripts::LOOK;
use crate::state::State;

/// Most jobs one listing reads.
pub const MAX_LISTED: usize = 1000;

/// One failed attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptError {
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When, ms since 1970.
    pub at: u64,
    /// error, timeout, panic, `lease_lost`, undecodable, `unknown_kind`, `effect_unknown`.
    pub kind: String,
    /// The error and its causes, at most 4,000 characters.
    pub message: String,
}

/// A job as an operator sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobView {
    /// Its id.
    pub id: JobId,
    /// Its queue.
    pub queue: String,
    /// Its kind; empty if the envelope is unreadable.
    pub kind: String,
    /// Its state.
    pub state: State,
    /// Its place in the line.
    pub priority: u8,
    /// When the producer made it, ms since 1970.
    pub enqueued_at: u64,
    /// When it is due (scheduled, retrying), became available, or reached its state, ms since 1970.
    pub since: u64,
    /// Attempts started so far.
    pub attempt: u32,
    /// Leases lost so far.
    pub lost: u32,
    /// Start of the latest attempt, ms since 1970; 0 for never.
    pub started: u64,
    /// End of the latest attempt, ms since 1970; 0 for not yet.
    pub finished: u64,
    /// Worker of the latest attempt.
    pub worker: String,
    /// Why it is held, discarded or cancelled, or what it waits for: `limit:NAME`, `breaker:NAME`.
    pub reason: String,
    /// Payload size in bytes of JSON.
    pub payload_bytes: usize,
    /// Where the payload is, if it is not in Redis; see [`Client::payload`].
    pub offloaded: Option<Offloaded>,
    /// The payload; `None` if the envelope is unreadable or the payload offloaded.
    #[serde(skip)]
    pub payload: Option<Value>,
    /// How far it is.
    pub progress: Option<Value>,
    /// The output.
    pub result: Option<Value>,
    /// The latest errors, oldest first.
    pub errors: Vec<AttemptError>,
    /// What an earlier attempt left to start from.
    pub checkpoint: Option<Value>,
    /// What it belongs to.
    pub tags: Vec<String>,
    /// The key it has while it lives.
    pub unique: Option<String>,
    /// Whom it belongs to.
    pub group: Option<Group>,
    /// When it is cancelled unless it was started, ms since 1970.
    pub expires_at: Option<u64>,
    /// The job that it replays.
    pub replay_of: Option<JobId>,
    /// The latest jobs that replay it, oldest first; only where one job is looked at.
    pub replayed_as: Vec<JobId>,
    /// Whether the handler was asked to do everything but the effect.
    pub dry_run: bool,
    /// Its batch, and its place in its chain.
    #[serde(flatten)]
    pub lineage: Lineage,
}

impl JobView {
    /// A job of which nothing else is known.
    #[cfg(test)]
    pub(crate) fn blank(id: JobId, queue: &str, state: State) -> Self {
        Self {
            payload: None,
            ..view(queue, id, state, 0, b"", &Parts::default())
        }
    }

    /// The last error's message, else the reason.
    pub fn last_message(&self) -> String {
        self.errors
            .last()
            .map_or_else(|| self.reason.clone(), |error| error.message.clone())
    }
}

/// One job at one moment.
pub(crate) struct Look {
    pub(crate) parts: Parts,
    /// The indexes it is in, with its score: one, unless something is broken.
    pub(crate) states: Vec<(State, u64)>,
}

/// The stored parts of one job.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) envelope: Option<Vec<u8>>,
    pub(super) run: Option<String>,
    pub(super) progress: Option<String>,
    pub(super) result: Option<String>,
    pub(super) errors: Option<String>,
    pub(super) checkpoint: Option<String>,
    pub(super) replayed: Option<String>,
}

impl Parts {
    /// From the fields in the order of [`part_keys`], and the replays where they are known.
    fn new(fields: Vec<Option<Vec<u8>>>) -> Self {
        let mut fields = fields.into_iter();
        let envelope = fields.next().flatten();
        let mut text = || {
            fields
                .next()
                .flatten()
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        Self {
            envelope,
            run: text(),
            progress: text(),
            result: text(),
            errors: text(),
            checkpoint: text(),
            replayed: text(),
        }
    }
}

fn part_keys(keys: &QueueKeys) -> [String; 6] {
    [
        keys.job(),
        keys.run(),
        keys.progress(),
        keys.result(),
        keys.error(),
        keys.checkpoint(),
    ]
}

impl Client {
    /// One job of a queue; `None` if it is unknown or its retention is over.
    pub async fn job(&self, queue: &str, id: &JobId) -> Result<Option<JobView>, ClientError> {
        let look = self.look(&self.queue(queue), id.as_str()).await?;
        let Some(envelope) = &look.parts.envelope else {
            return Ok(None);
        };
        let Some((state, score)) = look.states.first() else {
            return Err(ClientError::Protocol(format!(
                "job {id} is in no index of queue {queue:?}; hint: run fsck"
            )));
        };
        Ok(Some(view(
            queue,
            id.clone(),
            *state,
            *score,
            envelope,
            &look.parts,
        )))
    }

    /// One job by its id alone: looks through all queues.
    pub async fn find(&self, id: &JobId) -> Result<Option<JobView>, ClientError> {
        for queue in self.queue_names().await? {
            if let Some(job) = self.job(&queue, id).await? {
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    /// Jobs of a queue in one state: next to run first, or newest first once they are over.
    /// `limit` is at most [`MAX_LISTED`].
    pub async fn list(
        &self,
        queue: &str,
        state: State,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<JobView>, ClientError> {
        let keys = self.queue(queue);
        let members = self
            .members(&keys, state, offset, limit.clamp(1, MAX_LISTED))
            .await?;
        let entries: Vec<(JobId, u64)> = members
            .into_iter()
            .filter_map(|(member, score)| entry(&member, score))
            .collect();
        let ids: Vec<JobId> = entries.iter().map(|(id, _)| id.clone()).collect();
        let parts = self.parts(&keys, &ids).await?;
        let jobs = entries
            .into_iter()
            .zip(parts)
            .filter_map(|((id, score), parts)| {
                let envelope = parts.envelope.clone()?;
                Some(view(queue, id, state, score, &envelope, &parts))
            });
        Ok(jobs.collect())
    }

    /// Members and scores of a state's indexes, one index after the other.
    async fn members(
        &self,
        keys: &QueueKeys,
        state: State,
        mut offset: usize,
        limit: usize,
    ) -> Result<Vec<(String, f64)>, ClientError> {
        let newest_first = state.is_final() || state == State::Held;
        let order = if newest_first { "ZREVRANGE" } else { "ZRANGE" };
        let indexes = self.indexes(keys, state).await?;
        let mut pipeline = redis::pipe();
        for index in &indexes {
            pipeline.cmd("ZCARD").arg(index);
        }
        let sizes: Vec<usize> = self.link().pipeline(&pipeline).await?;
        let mut members = Vec::new();
        for (index, size) in indexes.iter().zip(sizes) {
            if size > offset && members.len() < limit {
                let last = offset + limit - members.len() - 1;
                let mut range = redis::cmd(order);
                range.arg(index).arg(offset).arg(last).arg("WITHSCORES");
                let mut more: Vec<(String, f64)> = self.link().command(&range).await?;
                members.append(&mut more);
            }
            offset = offset.saturating_sub(size);
        }
        Ok(members)
    }

    /// Everything about one job at one moment.
    pub(crate) async fn look(&self, keys: &QueueKeys, id: &str) -> Result<Look, ClientError> {
        let call = LOOK.call(keys.base()).arg(id);
        let answers: Vec<Option<Vec<u8>>> = self.link().call(call).await?;
        let (fields, rest) = answers.split_at(part_keys(keys).len().min(answers.len()));
        let (scores, replayed) = rest.split_at(State::ALL.len().min(rest.len()));
        let score = |bytes: &Option<Vec<u8>>| {
            std::str::from_utf8(bytes.as_ref()?)
                .ok()?
                .parse::<f64>()
                .ok()
                .map(|score| score as u64)
        };
        Ok(Look {
            parts: Parts::new([fields, replayed].concat()),
            states: State::ALL
                .into_iter()
                .zip(scores)
                .filter_map(|(state, bytes)| Some((state, score(bytes)?)))
                .collect(),
        })
    }

    async fn parts(&self, keys: &QueueKeys, ids: &[JobId]) -> Result<Vec<Parts>, ClientError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<&str> = ids.iter().map(JobId::as_str).collect();
        let mut pipeline = redis::pipe();
        for key in part_keys(keys) {
            pipeline.cmd("HMGET").arg(key).arg(&names);
        }
        let columns: Vec<Vec<Option<Vec<u8>>>> = self.link().pipeline(&pipeline).await?;
        let of = |n: usize| {
            columns
                .iter()
                .map(|column| column.get(n).cloned().flatten())
                .collect()
        };
        Ok((0..ids.len()).map(|n| Parts::new(of(n))).collect())
    }

    /// Counts the jobs of each kind among the first `limit` in that state of a queue.
    pub async fn kinds_in(
        &self,
        queue: &str,
        state: State,
        limit: usize,
    ) -> Result<HashMap<String, u64>, ClientError> {
        let mut kinds = HashMap::new();
        for job in self.list(queue, state, 0, limit).await? {
            *kinds.entry(job.kind).or_default() += 1;
        }
        Ok(kinds)
    }
}

fn entry(member: &str, score: f64) -> Option<(JobId, u64)> {
    let id = member.split_once(':').map_or(member, |(_, id)| id);
    Some((id.parse().ok()?, score as u64))
}

/// Puts a view together from what is stored.
pub(super) fn view(
    queue: &str,
    id: JobId,
    state: State,
    score: u64,
    envelope: &[u8],
    parts: &Parts,
) -> JobView {
    let run = parts
        .run
        .as_deref()
        .and_then(RunRecord::parse)
        .unwrap_or_default();
    let envelope = Envelope::decode(envelope).ok();
    let json = |text: &Option<String>| {
        text.as_deref()
            .and_then(|text| serde_json::from_str(text).ok())
    };
    let replayed = parts.replayed.as_deref().unwrap_or_default();
    let errors = parts.errors.as_deref().unwrap_or_default();
    JobView {
        since: match state {
            State::Available => ready_since_ms(score),
            State::Scheduled | State::Retrying => due_ms(score),
            State::Running => run.started,
            _ => score,
        },
        id,
        queue: queue.to_owned(),
        state,
        kind: envelope
            .as_ref()
            .map(|e| e.kind.clone())
            .unwrap_or_default(),
        priority: envelope
            .as_ref()
            .map(|e| e.priority.get())
            .unwrap_or_default(),
        enqueued_at: envelope.as_ref().map(|e| e.enqueued_at).unwrap_or_default(),
        payload_bytes: envelope.as_ref().map(payload_bytes).unwrap_or_default(),
        offloaded: envelope.as_ref().and_then(|e| e.offloaded.clone()),
        tags: envelope
            .as_ref()
            .map(|e| e.tags.clone())
            .unwrap_or_default(),
        unique: envelope.as_ref().and_then(|e| e.unique.clone()),
        group: envelope.as_ref().and_then(|e| e.group.clone()),
        expires_at: envelope.as_ref().and_then(|e| e.expires_at),
        replay_of: envelope.as_ref().and_then(|e| e.replay_of.clone()),
        replayed_as: replayed
            .split(' ')
            .filter_map(|id| id.parse().ok())
            .collect(),
        dry_run: envelope.as_ref().is_some_and(|e| e.dry_run),
        lineage: envelope.as_ref().map(Lineage::of).unwrap_or_default(),
        payload: envelope.and_then(|e| inline_payload(&e)),
        checkpoint: json(&parts.checkpoint),
        attempt: run.attempt,
        lost: run.lost,
        started: run.started,
        finished: match state {
            // A success leaves the record as it was; its index knows when.
            State::Completed => score,
            _ => run.finished,
        },
        worker: run.worker,
        reason: run.reason,
        progress: json(&parts.progress),
        result: json(&parts.result),
        errors: errors
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect(),
    }
}

fn payload_bytes(envelope: &Envelope) -> usize {
    let inline = envelope.payload.get().len();
    envelope
        .offloaded
        .as_ref()
        .map_or(inline, |there| there.bytes)
}

fn inline_payload(envelope: &Envelope) -> Option<Value> {
    if envelope.offloaded.is_some() {
        return None;
    }
    serde_json::from_str(envelope.payload.get()).ok()
}
