//! How far a batch is, and the list of batches.

use std::collections::HashMap;

use serde::Serialize;

use super::{BatchId, MAX_BATCHES, Member};
use crate::client::{Client, ClientError};
use crate::id::JobId;
use crate::state::State;
use crate::step::Step;

/// Most failed members that one look answers.
pub const MAX_FAILED_SHOWN: usize = 100;

/// A batch at one moment. Times are ms since 1970 by Redis' clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BatchView {
    /// Its name.
    pub id: BatchId,
    /// What it belongs to.
    pub tags: Vec<String>,
    /// Members so far; `pending + completed + failed`.
    pub total: u64,
    /// Members that are not over, held ones included.
    pub pending: u64,
    /// Members that completed.
    pub completed: u64,
    /// Members that were discarded or cancelled.
    pub failed: u64,
    /// The failed members, at most 100.
    pub failures: Vec<FailedMember>,
    /// When it was opened.
    pub created: u64,
    /// Since when nothing is added any more.
    pub sealed: Option<u64>,
    /// Since when every member is over; `None` again while one is retried.
    pub finished: Option<u64>,
    /// Since when it is cancelled.
    pub cancelled: Option<u64>,
    /// What is enqueued when every member completed.
    pub on_success: Option<Callback>,
    /// What is enqueued when every member is over.
    pub on_complete: Option<Callback>,
}

/// Facts; members that are pending, completed, failed; some of the failed ones with their scores.
type Stored = (HashMap<String, String>, u64, u64, u64, Vec<(String, f64)>);

/// A member that was discarded or cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedMember {
    /// Which.
    #[serde(flatten)]
    pub member: Member,
    /// Discarded or cancelled.
    pub state: State,
}

/// A job at a batch's end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Callback {
    /// Its queue.
    pub queue: String,
    /// Its kind.
    pub kind: String,
    /// The id it has, or will have.
    pub id: JobId,
    /// When it was enqueued.
    pub enqueued: Option<u64>,
}

impl Client {
    /// One batch; `None` if it is unknown or forgotten.
    pub async fn batch_view(&self, id: &str) -> Result<Option<BatchView>, ClientError> {
        self.look_at(id.parse()?).await
    }

    /// The newest batches, at most `limit`.
    pub async fn batches(&self, limit: usize) -> Result<Vec<BatchView>, ClientError> {
        let mut range = redis::cmd("ZREVRANGE");
        let last = limit.clamp(1, MAX_BATCHES) - 1;
        range.arg(self.keyspace().batches()).arg(0).arg(last);
        let ids: Vec<String> = self.link().command(&range).await?;
        let mut views = Vec::with_capacity(ids.len());
        for id in ids {
            views.extend(self.batch_view(&id).await?);
        }
        Ok(views)
    }

    async fn look_at(&self, id: BatchId) -> Result<Option<BatchView>, ClientError> {
        let keys = self.keyspace().batch(&id);
        let members = keys.members();
        let mut pipeline = redis::pipe();
        pipeline.atomic().cmd("HGETALL").arg(keys.facts());
        for (lowest, highest) in [("0", "+inf"), ("-1", "-1"), ("-inf", "-2")] {
            pipeline
                .cmd("ZCOUNT")
                .arg(&members)
                .arg(lowest)
                .arg(highest);
        }
        pipeline
            .cmd("ZRANGEBYSCORE")
            .arg(&members)
            .arg(&["-inf", "-2", "WITHSCORES", "LIMIT", "0"])
            .arg(MAX_FAILED_SHOWN);
        let stored: Stored = self.link().pipeline(&pipeline).await?;
        let (facts, pending, completed, failed, failures) = stored;
        let Some(created) = time(&facts, "created") else {
            return Ok(None);
        };
        Ok(Some(BatchView {
            total: pending + completed + failed,
            pending,
            completed,
            failed,
            failures: failures
                .into_iter()
                .map(failed_member)
                .collect::<Result<_, _>>()?,
            created,
            sealed: time(&facts, "sealed"),
            finished: time(&facts, "finished"),
            cancelled: time(&facts, "cancelled"),
            tags: facts
                .get("tags")
                .and_then(|tags| serde_json::from_str(tags).ok())
                .unwrap_or_default(),
            on_success: callback(&id, &facts, "success")?,
            on_complete: callback(&id, &facts, "complete")?,
            id,
        }))
    }
}

fn time(facts: &HashMap<String, String>, name: &str) -> Option<u64> {
    facts.get(name)?.parse().ok()
}

fn failed_member((name, score): (String, f64)) -> Result<FailedMember, ClientError> {
    Ok(FailedMember {
        member: name.parse()?,
        state: if score < -2.0 {
            State::Cancelled
        } else {
            State::Discarded
        },
    })
}

fn callback(
    id: &BatchId,
    facts: &HashMap<String, String>,
    name: &str,
) -> Result<Option<Callback>, ClientError> {
    let Some(job) = facts.get(&format!("on_{name}")) else {
        return Ok(None);
    };
    let step = Step::from_json(job)?;
    Ok(Some(Callback {
        queue: step.queue,
        kind: step.envelope.kind,
        id: id.callback(name)?,
        enqueued: time(facts, name),
    }))
}
