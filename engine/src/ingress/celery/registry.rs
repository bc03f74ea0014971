//! Which tasks became jobs and whose end was not told yet: durable, in our own Redis.
//!
//! A task is noted here before its job is stored and leaves only after its end was told, so whoever
//! comes after a death finds everything that is still owed to a caller. An entry is named after the
//! task's id, its number of retries and its nesting: a message that was published twice is one entry,
//! also for a while after it was over.

use std::fmt::Write;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::wire::{Message, Origin};
use crate::client::{Client, ClientError};
use crate::id::JobId;
use crate::keys::CeleryKeys;
use crate::link::Call;
use crate::scripts::{
    CELERY_CLOSE, CELERY_COUNT, CELERY_DUE, CELERY_NOTE, CELERY_REGISTER, CELERY_REVOKE,
};

/// How long tasks that are over are remembered, so that a second publication of one is noticed.
const DONE: (Duration, usize) = (Duration::from_hours(24), 100_000);
/// The same for messages that were counted and left.
const SEEN: (Duration, usize) = (Duration::from_hours(24), 100_000);
/// The same for revoked tasks, as Celery's own workers do.
const REVOKED: (Duration, usize) = (Duration::from_hours(3), 50_000);
/// Longest task id that is a job's id as it is; room is left for retries and nesting.
const PLAIN_ID: usize = 40;

/// What is known of a task that became a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    /// The job's queue.
    pub(super) queue: String,
    /// The job.
    pub(super) job: JobId,
    /// The state that was written last; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) state: String,
    /// When it was taken, in ms since 1970.
    pub(super) taken: u64,
    /// What the message said.
    pub(super) origin: Origin,
}

/// What was known of a task when it was registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Registered {
    /// Nothing.
    New,
    /// It is a job already, or about to be one.
    Open,
    /// It is over.
    Done,
    /// Its caller does not want it any more.
    Revoked,
}

/// The registry.
#[derive(Debug, Clone)]
pub(super) struct Registry {
    client: Client,
    keys: CeleryKeys,
}

/// The name of a task's entry and of its job.
pub(super) fn entry_of(task_id: &str, retries: u32, nesting: u32) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let fits = (1..=PLAIN_ID).contains(&task_id.len());
    let mut name = if fits && task_id.bytes().all(plain) {
        task_id.to_owned()
    } else {
        format!("celery.{}", hex(&Sha256::digest(task_id.as_bytes()), 32))
    };
    for (letter, number) in [("r", retries), ("n", nesting)] {
        if number > 0 {
            // Writing to a string cannot fail.
            let _ = write!(name, ".{letter}{number}");
        }
    }
    name
}

/// The entry of a message.
pub(super) fn entry(message: &Message) -> String {
    entry_of(&message.id, message.retries, message.nesting)
}

/// The first digits of bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8], digits: usize) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text.truncate(digits);
    text
}

fn bounds(call: Call, (age, number): (Duration, usize)) -> Call {
    call.arg(age.as_millis() as u64).arg(number)
}

impl Registry {
    pub(super) fn new(client: Client) -> Self {
        let keys = client.keyspace().celery();
        Self { client, keys }
    }

    /// Notes tasks that are about to become jobs; each is looked at after `look` unless it ends before.
    pub(super) async fn register(
        &self,
        records: &[(String, Record)],
        look: Duration,
    ) -> Result<Vec<Registered>, ClientError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let mut call = CELERY_REGISTER.call(self.keys.base());
        for (entry, record) in records {
            call.push(entry);
            call.push(&record.origin.id);
            call.push(&record.origin.task);
            call.push(written(record)?);
            call.push(look.as_millis() as u64);
        }
        let answers: Vec<String> = self.client.link().call(call).await?;
        Ok(answers.iter().map(|answer| known(answer)).collect())
    }

    /// At most so many tasks at which somebody must look now, with the time; nobody else is given
    /// them for `hold`.
    pub(super) async fn due(
        &self,
        most: usize,
        hold: Duration,
    ) -> Result<(u64, Vec<(String, Record)>), ClientError> {
        let call = CELERY_DUE
            .call(self.keys.base())
            .arg(most)
            .arg(hold.as_millis() as u64);
        let answer: Vec<redis::Value> = self.client.link().call(call).await?;
        let mut answer = answer.into_iter();
        let malformed = |_| ClientError::Protocol("due tasks of celery".to_owned());
        let now = answer.next().unwrap_or(redis::Value::Int(0));
        let now = redis::from_redis_value(now).map_err(malformed)?;
        let mut found = Vec::new();
        while let (Some(entry), Some(record)) = (answer.next(), answer.next()) {
            let entry: String = redis::from_redis_value(entry).map_err(malformed)?;
            let record: Vec<u8> = redis::from_redis_value(record).map_err(malformed)?;
            if let Some(record) = read(&entry, &record) {
                found.push((entry, record));
            }
        }
        Ok((now, found))
    }

    /// One task that is not over, by its entry.
    pub(super) async fn record(&self, entry: &str) -> Result<Option<Record>, ClientError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.keys.tasks()).arg(entry);
        let record: Option<Vec<u8>> = self.client.link().command(&command).await?;
        Ok(record.and_then(|record| read(entry, &record)))
    }

    /// Whether a task is a job, or was a job a while ago.
    pub(super) async fn is_known(&self, entry: &str) -> Result<bool, ClientError> {
        let mut pipe = redis::pipe();
        pipe.cmd("HEXISTS").arg(self.keys.tasks()).arg(entry);
        pipe.cmd("ZSCORE").arg(self.keys.done()).arg(entry);
        let (open, done): (bool, Option<f64>) = self.client.link().pipeline(&pipe).await?;
        Ok(open || done.is_some())
    }

    /// When to look at a task again, and what is known of it if that changed.
    pub(super) async fn note(
        &self,
        entry: &str,
        record: Option<&Record>,
        look: Duration,
    ) -> Result<(), ClientError> {
        let record = record.map(written).transpose()?.unwrap_or_default();
        let call = CELERY_NOTE
            .call(self.keys.base())
            .arg(entry)
            .arg(record)
            .arg(look.as_millis() as u64);
        let _: u8 = self.client.link().call(call).await?;
        Ok(())
    }

    /// Forgets a task whose end was told.
    pub(super) async fn close(&self, entry: &str, task_id: &str) -> Result<(), ClientError> {
        let call = bounds(CELERY_CLOSE.call(self.keys.base()), DONE);
        let _: u8 = self
            .client
            .link()
            .call(call.arg(entry).arg(task_id))
            .await?;
        Ok(())
    }

    /// Forgets that a task is over.
    pub(super) async fn reopen(&self, entry: &str) -> Result<(), ClientError> {
        let mut command = redis::cmd("ZREM");
        command.arg(self.keys.done()).arg(entry);
        let _: u64 = self.client.link().command(&command).await?;
        Ok(())
    }

    /// Remembers that tasks are revoked; answers those that are jobs.
    pub(super) async fn revoke(
        &self,
        task_ids: &[String],
    ) -> Result<Vec<Option<(String, Record)>>, ClientError> {
        let mut call = bounds(CELERY_REVOKE.call(self.keys.base()), REVOKED);
        for id in task_ids {
            call.push(id);
        }
        let answer: Vec<Vec<u8>> = self.client.link().call(call).await?;
        let pairs = answer.chunks_exact(2).map(|pair| {
            let entry = String::from_utf8_lossy(&pair[0]).into_owned();
            let record = read(&entry, &pair[1]).filter(|_| !entry.is_empty())?;
            Some((entry, record))
        });
        Ok(pairs.collect())
    }

    /// The task ids that were revoked last, at most so many.
    pub(super) async fn revoked(&self, most: usize) -> Result<Vec<String>, ClientError> {
        let mut command = redis::cmd("ZREVRANGE");
        command.arg(self.keys.revoked()).arg(0).arg(most - 1);
        Ok(self.client.link().command(&command).await?)
    }

    /// Counts messages that stay where they are, each once: what it is counted as, and its mark.
    /// Answers how many were new.
    pub(super) async fn count(&self, seen: &[(String, String)]) -> Result<u64, ClientError> {
        if seen.is_empty() {
            return Ok(0);
        }
        let mut call = bounds(CELERY_COUNT.call(self.keys.base()), SEEN);
        for (counted, mark) in seen {
            call.push(counted);
            call.push(mark);
        }
        Ok(self.client.link().call(call).await?)
    }

    /// All counters.
    pub(super) async fn counts(&self) -> Result<Vec<(String, u64)>, ClientError> {
        let mut command = redis::cmd("HGETALL");
        command.arg(self.keys.count());
        Ok(self.client.link().command(&command).await?)
    }

    /// How many tasks are not over.
    pub(super) async fn open(&self) -> Result<u64, ClientError> {
        let mut command = redis::cmd("ZCARD");
        command.arg(self.keys.due());
        Ok(self.client.link().command(&command).await?)
    }
}

fn written(record: &Record) -> Result<String, ClientError> {
    serde_json::to_string(record).map_err(|error| ClientError::Protocol(error.to_string()))
}

fn read(entry: &str, record: &[u8]) -> Option<Record> {
    let read = serde_json::from_slice(record);
    if let Err(error) = &read
        && !record.is_empty()
    {
        tracing::error!(job.id = entry, %error, "cannot read what is known of a celery task");
    }
    read.ok()
}

fn known(answer: &str) -> Registered {
    match answer {
        "new" => Registered::New,
        "done" => Registered::Done,
        "revoked" => Registered::Revoked,
        _ => Registered::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_its_jobs_id_and_a_retry_has_a_number() {
        let id = "00000000-0000-4000-8000-000000000900";
        assert_eq!(entry_of(id, 0, 0), id);
        assert_eq!(entry_of(id, 2, 1), format!("{id}.r2.n1"));
    }

    #[test]
    fn free_text_becomes_an_id_that_a_job_may_have() {
        let long = "é".repeat(127);
        for id in ["invoice:2030/01 é", "a.r1", &long, ""] {
            let entry = entry_of(id, u32::MAX, u32::MAX);
            assert!(entry.parse::<JobId>().is_ok(), "{entry}");
            assert!(entry.starts_with("celery."), "{entry}");
        }
        assert_ne!(entry_of("a.r1", 0, 0), entry_of("a", 1, 0));
    }
}
