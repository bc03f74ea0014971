//! A job as the API shows it.

use rouage::inspect::{AttemptError, JobView};
use rouage::{Group, State};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::texts::written;
use crate::auth::{Caller, Scope};
use crate::http::problem::{Code, Problem};
use crate::panel::Panel;

/// A job.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Job")]
pub(super) struct JobBody {
    /// Its id.
    id: String,
    /// Its queue.
    queue: String,
    /// Its kind; empty if what is stored cannot be read.
    kind: String,
    /// Where it is in its life. `completed`, `cancelled` and `discarded` are ends; `held` waits for a
    /// human.
    #[schemars(extend("enum" = ["scheduled", "available", "running", "retrying", "held", "completed", "cancelled", "discarded"]))]
    state: String,
    /// 0 runs first, 9 last.
    #[schemars(range(min = 0, max = 9))]
    priority: u8,
    /// Attempts that were started.
    attempt: u32,
    /// What it belongs to.
    tags: Vec<String>,
    /// Whether the effect is left out.
    dry_run: bool,
    /// When its producer made it.
    #[schemars(extend("format" = "date-time"))]
    enqueued_at: Option<String>,
    /// When it is due, while it is scheduled or retrying.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    due_at: Option<String>,
    /// When its latest attempt began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    started_at: Option<String>,
    /// When its latest attempt ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    finished_at: Option<String>,
    /// When it is cancelled unless it was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    expires_at: Option<String>,
    /// The key it has while it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    unique: Option<String>,
    /// Whom it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<GroupBody>,
    /// The batch it is a member of.
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<String>,
    /// The job before it in its chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    follows: Option<String>,
    /// The job that it replays.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay_of: Option<String>,
    /// Why it is held, discarded or cancelled, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The latest errors, the oldest first.
    errors: Vec<ErrorBody>,
    /// How far it is, in the words of its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Value>,
    /// What a completed job answered. Needs the scope payloads:read.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    /// What it was enqueued with, if it was asked for. Needs the scope payloads:read.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
}

/// Whom a job belongs to.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Group")]
struct GroupBody {
    /// The key.
    key: String,
    /// How many of its jobs may run at once.
    limit: Option<u32>,
}

/// A failed attempt.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AttemptError")]
struct ErrorBody {
    /// Which attempt, from 1.
    attempt: u32,
    /// When.
    #[schemars(extend("format" = "date-time"))]
    at: Option<String>,
    /// error, timeout, panic, `lease_lost`, undecodable, `unknown_kind`, `effect_unknown`.
    kind: String,
    /// The error and its causes.
    message: String,
}

impl JobBody {
    /// What the caller may see. The payload only if it is asked for: it may be large, and is then
    /// read from another store.
    pub(super) async fn new(
        panel: &Panel,
        caller: &Caller,
        job: JobView,
        with_payload: bool,
    ) -> Result<Self, Problem> {
        let payload = if with_payload {
            let read = panel.client().payload(&job).await;
            read.map_err(|error| {
                tracing::warn!(%error, "a payload cannot be read");
                Problem::new(Code::Unavailable).detail("the payload cannot be read now")
            })?
        } else {
            None
        };
        let may_see = caller.grant().may(Scope::PayloadsRead);
        let due = matches!(job.state, State::Scheduled | State::Retrying);
        Ok(Self {
            id: job.id.to_string(),
            queue: job.queue,
            kind: job.kind,
            state: job.state.name().to_owned(),
            priority: job.priority,
            attempt: job.attempt,
            tags: job.tags,
            dry_run: job.dry_run,
            enqueued_at: written(job.enqueued_at),
            due_at: written(job.since).filter(|_| due),
            started_at: written(job.started),
            finished_at: written(job.finished),
            expires_at: job.expires_at.and_then(written),
            unique: job.unique,
            group: job.group.map(GroupBody::from),
            batch: job.lineage.batch.map(|batch| batch.to_string()),
            follows: job.lineage.follows.map(|id| id.to_string()),
            replay_of: job.replay_of.map(|id| id.to_string()),
            reason: Some(job.reason).filter(|reason| !reason.is_empty()),
            errors: job.errors.into_iter().map(ErrorBody::from).collect(),
            progress: job.progress,
            result: job.result.filter(|_| may_see),
            payload,
        })
    }
}

impl From<Group> for GroupBody {
    fn from(group: Group) -> Self {
        Self {
            key: group.key,
            limit: group.limit.map(Into::into),
        }
    }
}

impl From<AttemptError> for ErrorBody {
    fn from(error: AttemptError) -> Self {
        Self {
            attempt: error.attempt,
            at: written(error.at),
            kind: error.kind,
            message: error.message,
        }
    }
}
