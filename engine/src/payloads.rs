//! Large payloads outside Redis: the envelope carries a reference, a store has the bytes.
//!
//! Redis keeps everything in memory and sends an envelope with every claim, so a payload above a
//! threshold is put into a [`PayloadStore`] before its job is stored, and the envelope says where it
//! is, how long it is and what its SHA-256 is. A crash in between leaves bytes without a job:
//! [`Client::collect_payloads`] removes what no job refers to any more, in bounded steps, and only
//! what it found unreferred to twice with a day between, because bytes that are removed while
//! somebody looks at the wrong Redis cannot be brought back.
//!
//! A client without a store keeps payloads in their envelopes, up to [`crate::MAX_PAYLOAD_BYTES`].

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::client::{Client, ClientError, NewJob};
use crate::envelope::{Envelope, Offloaded};
use crate::id::JobId;
use crate::inspect::JobView;

/// Largest payload that is kept in its envelope unless a client says otherwise, in bytes of JSON.
pub const OFFLOAD_ABOVE_BYTES: usize = 64 * 1024;
/// Bytes of payloads that are stored in one go, at most one payload more.
const STORED_AT_ONCE: usize = 4 * 1024 * 1024;

/// Why a store failed; nothing is known to have been written or removed.
pub type StoreFailure = Box<dyn std::error::Error + Send + Sync>;

/// A payload on its way into a store.
#[derive(Debug, Clone)]
pub struct LargePayload {
    /// Its own name, never used again.
    pub id: String,
    /// The queue of its job.
    pub queue: String,
    /// The job it is stored for.
    pub job: JobId,
    /// The JSON.
    pub json: Box<RawValue>,
}

/// A payload as the collection sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPayload {
    /// Its name.
    pub id: String,
    /// The queue of its job.
    pub queue: String,
    /// The job it was stored for.
    pub job: JobId,
}

/// Keeps payloads by their names. Every method answers within a few seconds or fails.
pub trait PayloadStore: Send + Sync + fmt::Debug {
    /// Stores payloads, all or none.
    fn store<'a>(&'a self, payloads: &'a [LargePayload])
    -> BoxFuture<'a, Result<(), StoreFailure>>;

    /// The bytes of a payload; `None` if there are none of that name.
    fn load<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreFailure>>;

    /// Payloads that have been there for an hour and were not looked at for one, at most `most`.
    fn to_look_at(&self, most: usize) -> BoxFuture<'_, Result<Vec<StoredPayload>, StoreFailure>>;

    /// Notes which of those no job refers to; removes the ones of which that was noted a day ago
    /// already and ever since. How many were removed.
    fn looked_at<'a>(
        &'a self,
        unused: &'a [String],
        used: &'a [String],
    ) -> BoxFuture<'a, Result<u64, StoreFailure>>;
}

/// A client's store, and from which size on it is used.
#[derive(Debug, Clone)]
pub(crate) struct Payloads {
    pub(crate) store: Arc<dyn PayloadStore>,
    pub(crate) above: usize,
}

/// Why a payload that was offloaded cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Nobody can get at it here.
    #[error(
        "the payload is offloaded, and this process has no store for payloads; hint: give its client one"
    )]
    NoStore,
    /// It is not in the store.
    #[error(
        "the offloaded payload {0} is not in the store; hint: was the database restored from an older backup?"
    )]
    Missing(String),
    /// What is in the store is not what was put there.
    #[error("the offloaded payload {0} is not what was stored: size, SHA-256 or JSON is wrong")]
    Corrupt(String),
    /// The store is away.
    #[error("the store for payloads does not answer: {0}")]
    Store(StoreFailure),
}

/// Reads an offloaded payload back and checks that it is what was stored.
pub(crate) async fn load(
    store: Option<&Arc<dyn PayloadStore>>,
    reference: &Offloaded,
) -> Result<Box<RawValue>, LoadError> {
    let store = store.ok_or(LoadError::NoStore)?;
    let id = &reference.id;
    let bytes = store.load(id).await.map_err(LoadError::Store)?;
    let bytes = bytes.ok_or_else(|| LoadError::Missing(id.clone()))?;
    if bytes.len() != reference.bytes || sha256(&bytes) != reference.sha256 {
        return Err(LoadError::Corrupt(id.clone()));
    }
    serde_json::from_slice(&bytes).map_err(|_| LoadError::Corrupt(id.clone()))
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// What one step of the collection did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Payloads that were looked at.
    pub looked_at: usize,
    /// Those that were removed.
    pub removed: u64,
}

impl Client {
    /// The same client with a store for payloads of more than `above` bytes of JSON.
    #[must_use]
    pub fn with_payloads(mut self, store: Arc<dyn PayloadStore>, above: usize) -> Self {
        self.payloads = Some(Payloads { store, above });
        self
    }

    /// The payload of a job, wherever it is; `None` if its envelope is unreadable.
    pub async fn payload(&self, job: &JobView) -> Result<Option<serde_json::Value>, LoadError> {
        let Some(reference) = &job.offloaded else {
            return Ok(job.payload.clone());
        };
        let payload = load(self.payload_store(), reference).await?;
        let corrupt = |_| LoadError::Corrupt(reference.id.clone());
        serde_json::from_str(payload.get())
            .map(Some)
            .map_err(corrupt)
    }

    pub(crate) fn payload_store(&self) -> Option<&Arc<dyn PayloadStore>> {
        self.payloads.as_ref().map(|payloads| &payloads.store)
    }

    /// Moves large payloads into the store, before anything refers to them.
    pub(crate) async fn offload(&self, mut jobs: Vec<NewJob>) -> Result<Vec<NewJob>, ClientError> {
        let Some(Payloads { store, above }) = &self.payloads else {
            return Ok(jobs);
        };
        let (mut large, mut bytes) = (Vec::new(), 0);
        for job in &mut jobs {
            if job.envelope.payload.get().len() <= *above {
                continue;
            }
            let payload = take_out(job);
            bytes += payload.json.get().len();
            large.push(payload);
            if bytes >= STORED_AT_ONCE {
                store.store(&large).await.map_err(ClientError::Payloads)?;
                large.clear();
                bytes = 0;
            }
        }
        if !large.is_empty() {
            store.store(&large).await.map_err(ClientError::Payloads)?;
        }
        Ok(jobs)
    }

    /// One step of the collection: looks at up to `most` payloads and removes what no job has
    /// referred to for a day.
    pub async fn collect_payloads(&self, most: usize) -> Result<Collected, ClientError> {
        let Some(Payloads { store, .. }) = &self.payloads else {
            return Ok(Collected::default());
        };
        let stored = store
            .to_look_at(most)
            .await
            .map_err(ClientError::Payloads)?;
        let (mut used, mut unused) = (Vec::new(), Vec::new());
        for (queue, payloads) in by_queue(&stored) {
            let envelopes = self.envelopes(queue, &payloads).await?;
            for (payload, envelope) in payloads.iter().zip(envelopes) {
                let place = if refers(envelope.as_deref(), &payload.id) {
                    &mut used
                } else {
                    &mut unused
                };
                place.push(payload.id.clone());
            }
        }
        let removed = store.looked_at(&unused, &used).await;
        Ok(Collected {
            looked_at: stored.len(),
            removed: removed.map_err(ClientError::Payloads)?,
        })
    }

    async fn envelopes(
        &self,
        queue: &str,
        payloads: &[&StoredPayload],
    ) -> Result<Vec<Option<Vec<u8>>>, ClientError> {
        let ids: Vec<&str> = payloads
            .iter()
            .map(|payload| payload.job.as_str())
            .collect();
        let mut command = redis::cmd("HMGET");
        command.arg(self.queue(queue).job()).arg(ids);
        Ok(self.link().command(&command).await?)
    }
}

/// Puts a reference in the place of a job's payload, which comes out.
fn take_out(job: &mut NewJob) -> LargePayload {
    let json = std::mem::replace(&mut job.envelope.payload, RawValue::NULL.to_owned());
    let id = JobId::generate().to_string();
    job.envelope.offloaded = Some(Offloaded {
        id: id.clone(),
        bytes: json.get().len(),
        sha256: sha256(json.get().as_bytes()),
    });
    LargePayload {
        id,
        queue: job.queue.clone(),
        job: job.id.clone(),
        json,
    }
}

fn by_queue(payloads: &[StoredPayload]) -> HashMap<&str, Vec<&StoredPayload>> {
    let mut queues: HashMap<&str, Vec<&StoredPayload>> = HashMap::new();
    for payload in payloads {
        queues.entry(&payload.queue).or_default().push(payload);
    }
    queues
}

/// Whether an envelope refers to the payload. One that cannot be read might.
fn refers(envelope: Option<&[u8]>, id: &str) -> bool {
    envelope.is_some_and(|bytes| match Envelope::decode(bytes) {
        Ok(envelope) => envelope
            .offloaded
            .is_some_and(|reference| reference.id == id),
        Err(_) => true,
    })
}
