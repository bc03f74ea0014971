//! A job as an operator sees it, put together from what is stored.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::envelope::{Envelope, Offloaded};
use crate::id::JobId;
use crate::inspect::Lineage;
use crate::keys::{due_ms, ready_since_ms};
use crate::policy::Group;
use crate::record::RunRecord;
use crate::state::State;

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
    /// From the fields in the order of `jobs::part_keys`, and the replays where they are known.
    pub(super) fn new(fields: Vec<Option<Vec<u8>>>) -> Self {
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
