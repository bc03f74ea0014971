//! Reads jobs out of Redis: one with everything that is known about it, or lists by state.

use std::collections::HashMap;

use super::view::{JobView, Parts, view};
use crate::client::{Client, ClientError};
use crate::id::JobId;
use crate::keys::QueueKeys;
use crate::scripts::LOOK;
use crate::state::State;

/// Most jobs one listing reads.
pub const MAX_LISTED: usize = 1000;

/// One job at one moment.
pub(crate) struct Look {
    pub(crate) parts: Parts,
    /// The indexes it is in, with its score: one, unless something is broken.
    pub(crate) states: Vec<(State, u64)>,
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
