//! Messages that became no job: kept with the reason until somebody decides, the newest so many.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::client::{Client, ClientError};
use crate::keys::CeleryKeys;
use crate::scripts::CELERY_PARK;

/// A message that became no job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Parked {
    /// Its name here.
    #[serde(default)]
    pub id: String,
    /// When, in ms since 1970.
    pub at: u64,
    /// The queue it lay in.
    pub queue: String,
    /// Why, as a word.
    pub reason: String,
    /// Why, as a sentence that quotes nothing of it.
    pub message: String,
    /// Its task, if that could be read.
    pub task: Option<String>,
    /// Its task id, if that could be read.
    pub task_id: Option<String>,
    /// Its size in bytes.
    pub bytes: usize,
    /// The message in base64: all of it, or what fits.
    pub raw: String,
}

impl Parked {
    /// Bytes of a message that are kept. One that is longer is kept in part and cannot be tried again.
    pub(super) const MOST_BYTES: usize = 192 * 1024;

    /// With as much of the message as is kept.
    pub(super) fn keep(mut self, raw: &[u8]) -> Self {
        self.raw = STANDARD.encode(&raw[..raw.len().min(Self::MOST_BYTES)]);
        self
    }

    /// The message, if all of it was kept.
    pub fn whole(&self) -> Option<Vec<u8>> {
        let raw = STANDARD.decode(&self.raw).ok()?;
        (raw.len() == self.bytes).then_some(raw)
    }

    /// As much of the message as was kept.
    pub fn kept(&self) -> Vec<u8> {
        STANDARD.decode(&self.raw).unwrap_or_default()
    }
}

/// Where they are.
#[derive(Debug, Clone)]
pub struct Parking {
    client: Client,
    keys: CeleryKeys,
}

impl Parking {
    /// The parking of an installation.
    pub fn new(client: Client) -> Self {
        let keys = client.keyspace().celery();
        Self { client, keys }
    }

    /// Keeps a message; the same id again changes nothing. Answers how many older ones had to leave.
    pub(super) async fn put(&self, parked: &Parked, most: usize) -> Result<u64, ClientError> {
        let record = serde_json::to_string(parked)
            .map_err(|error| ClientError::Protocol(error.to_string()))?;
        let call = CELERY_PARK
            .call(self.keys.base())
            .arg(&parked.id)
            .arg(record)
            .arg(&parked.reason)
            .arg(most);
        Ok(self.client.link().call(call).await?)
    }

    /// How many there are.
    pub async fn count(&self) -> Result<u64, ClientError> {
        let mut command = redis::cmd("ZCARD");
        command.arg(self.keys.parked_index());
        Ok(self.client.link().command(&command).await?)
    }

    /// The newest ones, at most so many.
    pub async fn list(&self, most: usize) -> Result<Vec<Parked>, ClientError> {
        let mut command = redis::cmd("ZREVRANGE");
        command
            .arg(self.keys.parked_index())
            .arg(0)
            .arg(most.max(1) - 1);
        let ids: Vec<String> = self.client.link().command(&command).await?;
        let mut found = Vec::new();
        for id in ids {
            found.extend(self.get(&id).await?);
        }
        Ok(found)
    }

    /// One of them.
    pub async fn get(&self, id: &str) -> Result<Option<Parked>, ClientError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.keys.parked()).arg(id);
        let record: Option<Vec<u8>> = self.client.link().command(&command).await?;
        let Some(record) = record else {
            return Ok(None);
        };
        let parked: Parked = serde_json::from_slice(&record)
            .map_err(|error| ClientError::Protocol(format!("parked message {id}: {error}")))?;
        Ok(Some(parked))
    }

    /// Throws one away; `false` if it is not there.
    pub async fn discard(&self, id: &str) -> Result<bool, ClientError> {
        let mut pipe = redis::pipe();
        pipe.atomic()
            .cmd("HDEL")
            .arg(self.keys.parked())
            .arg(id)
            .cmd("ZREM")
            .arg(self.keys.parked_index())
            .arg(id);
        let (removed, _): (u8, u8) = self.client.link().pipeline(&pipe).await?;
        Ok(removed == 1)
    }
}
