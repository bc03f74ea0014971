//! Running a job once more as a new one, with another payload if need be.
//!
//! The old job stays what it is: its errors, its output and its payload can still be looked at,
//! and both know of each other. A held one is discarded, because its question is answered. One
//! script does all of it, so no crash leaves the old one ended and the new one missing.
//!
//! Whether an edited payload decodes is the caller's to check: only it knows the kind's type.

use serde_json::value::RawValue;

use crate::client::{Client, ClientError, NewJob, RunAt, encode};
use crate::envelope::{Envelope, MAX_PAYLOAD_BYTES};
use crate::id::JobId;
use crate::payloads::load;
use crate::policy::{Group, Unique};
use crate::scripts::REPLAY;

/// Most replays that an old job remembers.
const MAX_REPLAYED: usize = 10;

impl Client {
    /// Lines up a new job of the same kind and policy as a held or finished one, now, and answers
    /// its id. An expiry is not taken over; a unique key is, for as long as the new one lives.
    pub async fn replay(
        &self,
        queue: &str,
        id: &JobId,
        edited: Option<Box<RawValue>>,
    ) -> Result<JobId, ClientError> {
        let old = self.stored(queue, id).await?;
        let payload = match (edited, &old.offloaded) {
            (Some(edited), _) => edited,
            (None, None) => old.payload.clone(),
            (None, Some(reference)) => load(self.payload_store(), reference)
                .await
                .map_err(|why| not_replayable(id, &why))?,
        };
        if payload.get().len() > MAX_PAYLOAD_BYTES {
            return Err(ClientError::PayloadTooLarge {
                kind: old.kind,
                bytes: payload.get().len(),
            });
        }
        let new = NewJob {
            id: JobId::generate(),
            queue: queue.to_owned(),
            run_at: RunAt::Now,
            unique: old.unique.clone().map(Unique::while_live),
            known_for: None,
            envelope: Envelope {
                enqueued_at: self.now_ms().await?,
                expires_at: None,
                replay_of: Some(id.clone()),
                offloaded: None,
                payload,
                ..old
            },
        };
        // Stored under its own name: what the old one refers to goes with the old one.
        let stored = self.offload(vec![new]).await?.pop();
        let new = stored.ok_or_else(|| ClientError::Protocol("no job to store".to_owned()))?;
        self.store_replay(id, &new).await?;
        Ok(new.id)
    }

    /// What is stored of a job that can be replayed.
    async fn stored(&self, queue: &str, id: &JobId) -> Result<Envelope, ClientError> {
        let look = self.look(&self.queue(queue), id.as_str()).await?;
        let bytes = look.parts.envelope.ok_or_else(|| ClientError::UnknownJob {
            queue: queue.to_owned(),
            id: id.clone(),
        })?;
        Envelope::decode(&bytes).map_err(|why| not_replayable(id, &why))
    }

    async fn store_replay(&self, old: &JobId, new: &NewJob) -> Result<(), ClientError> {
        let group = new.envelope.group.as_ref();
        let unique = new.unique.as_ref();
        let call = REPLAY
            .call(self.queue(&new.queue).base())
            .arg(old.as_str())
            .arg(new.id.as_str())
            .arg(encode(new)?)
            .arg(new.envelope.priority.get())
            .arg(unique.map_or("", |unique| unique.key.as_str()))
            .arg(group.map(Group::member).unwrap_or_default())
            .arg(MAX_REPLAYED);
        let answer: String = self.link().call(call).await?;
        match answer.split_once(' ') {
            Some((_, owner)) => {
                let why = format!("job {owner} has its unique key now");
                Err(not_replayable(old, &why))
            }
            None if answer == "unknown" => Err(ClientError::UnknownJob {
                queue: new.queue.clone(),
                id: old.clone(),
            }),
            None if answer == "live" => Err(not_replayable(old, &"it is neither held nor over")),
            None => Ok(()),
        }
    }
}

fn not_replayable(id: &JobId, why: &dyn std::fmt::Display) -> ClientError {
    ClientError::NotReplayable {
        id: id.clone(),
        why: why.to_string(),
    }
}
