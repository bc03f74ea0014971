//! Steering from outside: cancel or discard a job, line one up again, pause a queue or a kind.
//!
//! Each is one script, so that an operator's click and a worker's acknowledgement cannot
//! tear a job apart between them.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::client::{Client, ClientError, check_label, check_name};
use crate::id::JobId;
use crate::inspect::JobView;
use crate::policy::{Group, Priority};
use crate::scripts::{CANCEL, GROUP_LIMIT, PAUSE, RETRY};
use crate::state::State;

/// Most groups of a queue whose limit is set by hand.
const MAX_GROUP_OVERRIDES: usize = 1000;

/// Longest note of a discarded job, in characters.
const MAX_NOTE: usize = 1000;

/// What a cancellation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// The job waited; it is cancelled.
    Now,
    /// The job runs; its worker was told. The mark stays until a worker has seen it.
    Asked,
    /// The job was over already.
    AlreadyOver,
}

/// What discarding a job by hand did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discarded {
    /// The job waited or was held; it is discarded.
    Now,
    /// The job runs: nothing was changed.
    Running,
    /// The job was over already.
    AlreadyOver,
}

/// What a retry by hand did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retried {
    /// It was in this state and is available now.
    From(State),
    /// It is available, running or completed: nothing was changed.
    Unchanged,
    /// It is over, and this job has its unique key now: nothing was changed.
    Taken(JobId),
}

/// Who paused a queue or a kind, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who.
    pub by: String,
    /// Why, for people.
    pub reason: String,
    /// When, in ms since 1970.
    pub at: u64,
}

impl Pause {
    /// Reads a stored note; one that somebody wrote by hand may be anything.
    pub(crate) fn read(note: &str) -> Self {
        serde_json::from_str(note).unwrap_or_else(|_| Self {
            by: "?".to_owned(),
            reason: "the note cannot be read".to_owned(),
            at: 0,
        })
    }
}

impl Client {
    /// Cancels a job of a queue.
    pub async fn cancel(&self, queue: &str, id: &JobId) -> Result<Cancelled, ClientError> {
        match self
            .end(queue, id, State::Cancelled, None, "")
            .await?
            .as_str()
        {
            "cancelled" => Ok(Cancelled::Now),
            "cancelling" => Ok(Cancelled::Asked),
            _ => Ok(Cancelled::AlreadyOver),
        }
    }

    /// Discards a job of a queue that waits or is held: it failed for good, because somebody says
    /// so. The note is kept with its errors; empty for none, at most 1,000 characters are kept.
    pub async fn discard(
        &self,
        queue: &str,
        id: &JobId,
        note: &str,
    ) -> Result<Discarded, ClientError> {
        let note: String = note.chars().take(MAX_NOTE).collect();
        match self
            .end(queue, id, State::Discarded, None, &note)
            .await?
            .as_str()
        {
            "discarded" => Ok(Discarded::Now),
            "running" => Ok(Discarded::Running),
            _ => Ok(Discarded::AlreadyOver),
        }
    }

    /// Ends a job by hand in that state, if it still is `only_from` that state; the script's answer.
    pub(crate) async fn end(
        &self,
        queue: &str,
        id: &JobId,
        state: State,
        only_from: Option<State>,
        note: &str,
    ) -> Result<String, ClientError> {
        let call = CANCEL
            .call(self.queue(queue).base())
            .arg(id.as_str())
            .arg(state.name())
            .arg(guard(only_from))
            .arg(note);
        let answer: String = self.link().call(call).await?;
        if answer == "unknown" {
            return Err(unknown(queue, id));
        }
        Ok(answer)
    }

    /// Lines a job up to run now: from held, discarded or cancelled with all its attempts anew,
    /// from scheduled or retrying ahead of its time.
    pub async fn retry(&self, queue: &str, id: &JobId) -> Result<Retried, ClientError> {
        let job = self
            .job(queue, id)
            .await?
            .ok_or_else(|| unknown(queue, id))?;
        self.retry_from(&job, None).await
    }

    /// The same for a job that was looked at, if it still is `only_from` that state.
    pub(crate) async fn retry_from(
        &self,
        job: &JobView,
        only_from: Option<State>,
    ) -> Result<Retried, ClientError> {
        let priority = Priority::new(job.priority).unwrap_or_default();
        let follower = job.lineage.follower();
        let call = RETRY
            .call(self.queue(&job.queue).base())
            .arg(job.id.as_str())
            .arg(priority.get())
            .arg(job.unique.as_deref().unwrap_or_default())
            .arg(job.group.as_ref().map(Group::member).unwrap_or_default())
            .arg(follower.map(|f| f.to_string()).unwrap_or_default())
            .arg(guard(only_from));
        let answer: String = self.link().call(call).await?;
        match answer.split_once(' ') {
            Some(("taken", owner)) => {
                let owner = owner
                    .parse()
                    .map_err(|error| ClientError::Protocol(format!("{error}")))?;
                Ok(Retried::Taken(owner))
            }
            _ if answer == "unknown" => Err(unknown(&job.queue, &job.id)),
            _ if answer == "unchanged" || answer == "changed" => Ok(Retried::Unchanged),
            _ => answer
                .parse()
                .map(Retried::From)
                .map_err(ClientError::Protocol),
        }
    }

    /// Lets nothing of a queue be claimed any more; what runs goes on. Survives restarts of
    /// everything. `false` if it was paused already.
    pub async fn pause(&self, queue: &str, by: &str, reason: &str) -> Result<bool, ClientError> {
        let note = self.pause_note(by, reason).await?;
        self.set_pause(queue, "", "pause", &note).await
    }

    /// Lets a queue go on. `false` if it was not paused.
    pub async fn resume(&self, queue: &str) -> Result<bool, ClientError> {
        self.set_pause(queue, "", "resume", "").await
    }

    /// The same for one kind of a queue: its jobs wait aside, and the line goes on behind them.
    pub async fn pause_kind(
        &self,
        queue: &str,
        kind: &str,
        by: &str,
        reason: &str,
    ) -> Result<bool, ClientError> {
        check_name("kind", kind)?;
        let note = self.pause_note(by, reason).await?;
        self.set_pause(queue, kind, "pause", &note).await
    }

    /// Lets a kind go on. `false` if it was not paused.
    pub async fn resume_kind(&self, queue: &str, kind: &str) -> Result<bool, ClientError> {
        self.set_pause(queue, kind, "resume", "").await
    }

    /// Sets how many jobs of a group may run at once, whatever its jobs say; `None` lets them say it
    /// again. What runs goes on. Survives restarts of everything.
    pub async fn set_group_limit(
        &self,
        queue: &str,
        group: &str,
        limit: Option<NonZeroU32>,
    ) -> Result<(), ClientError> {
        check_label("group", group)?;
        let limit = limit.map(|limit| limit.to_string());
        let call = GROUP_LIMIT
            .call(self.queue(queue).base())
            .arg(group)
            .arg(limit.unwrap_or_default())
            .arg(MAX_GROUP_OVERRIDES);
        let done: u8 = self.link().call(call).await?;
        if done == 0 {
            return Err(ClientError::TooManyOverrides(MAX_GROUP_OVERRIDES));
        }
        Ok(())
    }

    async fn pause_note(&self, by: &str, reason: &str) -> Result<String, ClientError> {
        let (seconds, _): (u64, u64) = self.link().command(&redis::cmd("TIME")).await?;
        let pause = Pause {
            by: by.to_owned(),
            reason: reason.to_owned(),
            at: seconds * 1000,
        };
        serde_json::to_string(&pause).map_err(|error| ClientError::Protocol(error.to_string()))
    }

    async fn set_pause(
        &self,
        queue: &str,
        kind: &str,
        what: &str,
        note: &str,
    ) -> Result<bool, ClientError> {
        if !self.queue_names().await?.iter().any(|name| name == queue) {
            return Err(ClientError::UnknownQueue(queue.to_owned()));
        }
        let call = PAUSE
            .call(self.queue(queue).base())
            .arg(what)
            .arg(kind)
            .arg(note);
        let changed: u8 = self.link().call(call).await?;
        Ok(changed == 1)
    }
}

/// The index that a job must be in; where available jobs wait, and whether one runs, has no single
/// one, and needs no guard: what was done to such a job meanwhile is what it was looked at for.
fn guard(only_from: Option<State>) -> &'static str {
    match only_from {
        None | Some(State::Available | State::Running) => "",
        Some(state) => state.name(),
    }
}

fn unknown(queue: &str, id: &JobId) -> ClientError {
    ClientError::UnknownJob {
        queue: queue.to_owned(),
        id: id.clone(),
    }
}
