//! Steering a batch: cancel what is not over, run again what failed.
//!
//! Both walk through the members in steps and act on one job at a time, with the scripts that act
//! on any job. Repeating them after an error, or beside another one, is harmless.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;

use super::{BatchId, Member};
use crate::client::{Client, ClientError};
use crate::control::{Cancelled, Retried};

/// Members per step of the walk.
const STEP: usize = 500;
/// Calls under way at once.
const AT_ONCE: usize = 16;

/// What cancelling a batch did to its members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Cancellation {
    /// They waited; they are cancelled.
    pub cancelled: u64,
    /// They run; their workers were told.
    pub asked: u64,
    /// They were over by then, or their records are gone.
    pub over: u64,
}

/// What retrying a batch's failed members did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RetriedMembers {
    /// They are available again.
    pub retried: u64,
    /// They could not be: their records are gone, or another job has their unique key.
    pub left: u64,
}

impl Client {
    /// Cancels a batch: seals it, cancels its waiting members, asks the running ones to stop, and
    /// enqueues no further steps of their chains. It finishes when the last one is over.
    pub async fn cancel_batch(&self, id: &str) -> Result<Cancellation, ClientError> {
        let id: BatchId = id.parse()?;
        self.put_on_agenda(&id).await?;
        self.close(&id, "cancel").await?;
        let mut done = Cancellation::default();
        let mut cursor = 0;
        loop {
            let (next, members) = self.members_with(&id, cursor, |score| score >= 0.0).await?;
            // Collected, so that the future can be seen to be Send.
            let calls: Vec<_> = members
                .iter()
                .map(|member| self.cancel(&member.queue, &member.id))
                .collect();
            let mut answers = stream::iter(calls).buffer_unordered(AT_ONCE);
            while let Some(answer) = answers.next().await {
                match answer {
                    Ok(Cancelled::Now) => done.cancelled += 1,
                    Ok(Cancelled::Asked) => done.asked += 1,
                    Ok(Cancelled::AlreadyOver) | Err(ClientError::UnknownJob { .. }) => {
                        done.over += 1;
                    }
                    Err(error) => return Err(error),
                }
            }
            cursor = next;
            if cursor == 0 {
                return Ok(done);
            }
        }
    }

    /// Lines the discarded and cancelled members of a batch up again, with all their attempts. A
    /// cancelled batch goes on; `on_success` is enqueued if all complete this time.
    pub async fn retry_failed(&self, id: &str) -> Result<RetriedMembers, ClientError> {
        let id: BatchId = id.parse()?;
        self.close(&id, "go_on").await?;
        let mut done = RetriedMembers::default();
        let mut cursor = 0;
        loop {
            let (next, members) = self.members_with(&id, cursor, |score| score < -1.0).await?;
            let calls: Vec<_> = members
                .iter()
                .map(|member| self.retry_member(member))
                .collect();
            let retried: Vec<bool> = stream::iter(calls)
                .buffer_unordered(AT_ONCE)
                .try_collect()
                .await?;
            let again = retried.iter().filter(|retried| **retried).count() as u64;
            done.retried += again;
            done.left += retried.len() as u64 - again;
            cursor = next;
            if cursor == 0 {
                return Ok(done);
            }
        }
    }

    async fn retry_member(&self, member: &Member) -> Result<bool, ClientError> {
        match self.retry(&member.queue, &member.id).await {
            Ok(Retried::From(_)) => Ok(true),
            Ok(Retried::Unchanged | Retried::Taken(_)) | Err(ClientError::UnknownJob { .. }) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// One step through the members whose score is wanted.
    async fn members_with(
        &self,
        id: &BatchId,
        cursor: u64,
        wanted: impl Fn(f64) -> bool,
    ) -> Result<(u64, Vec<Member>), ClientError> {
        let (next, members) = self.scan_members(id, cursor, STEP).await?;
        let wanted = members.into_iter().filter(|(_, score)| wanted(*score));
        Ok((next, wanted.map(|(member, _)| member).collect()))
    }

    /// One step through the members and their scores. Those that are there all along are met.
    pub(crate) async fn scan_members(
        &self,
        id: &BatchId,
        cursor: u64,
        step: usize,
    ) -> Result<(u64, Vec<(Member, f64)>), ClientError> {
        let mut scan = redis::cmd("ZSCAN");
        scan.arg(self.keyspace().batch(id).members())
            .arg(cursor)
            .arg("COUNT")
            .arg(step);
        let (next, entries): (u64, Vec<(String, f64)>) = self.link().command(&scan).await?;
        let members = entries
            .into_iter()
            .map(|(name, score)| Ok((name.parse()?, score)));
        Ok((next, members.collect::<Result<_, ClientError>>()?))
    }
}
