//! The keys of batches.
//!
//! A batch's members may lie in any queue, so its keys have a hash tag of their own: the batch's
//! id. No script touches a batch and a queue at once; what is told twice is told once.

use super::Keyspace;
use crate::batch::BatchId;

impl Keyspace {
    /// ZSET batch → when it was opened, in ms. Owner: opening a batch. Bound: the newest 10,000,
    /// none older than 30 days.
    pub fn batches(&self) -> String {
        format!("{}:batches", self.prefix)
    }

    /// ZSET batch → when to look whether something was left undone, in ms. Owner: whoever adds to or
    /// seals a batch, couriers. Bound: batches that were worked on within the last minutes.
    pub fn batch_agenda(&self) -> String {
        format!("{}:batch_agenda", self.prefix)
    }

    /// The keys of one batch.
    pub fn batch(&self, id: &BatchId) -> BatchKeys {
        BatchKeys {
            base: format!("{}:batch:{{{id}}}", self.prefix),
        }
    }
}

/// The keys of one batch. TTL of both: 7 days from its finish, at most 30 from its opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchKeys {
    base: String,
}

impl BatchKeys {
    /// What a script is given: it names the batch's keys itself. No key has this name.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// HASH of what is known besides the members: created, sealed, finished, cancelled, tags, the
    /// jobs at its end and when they were enqueued. Owner: whoever works on the batch. Bound: ten fields,
    /// of which two hold a job.
    pub fn facts(&self) -> String {
        format!("{}:facts", self.base)
    }

    /// ZSET `queue/id` → state, as `batch.lua` says. Owner: adding, couriers. Bound: 200,000 members.
    pub fn members(&self) -> String {
        format!("{}:members", self.base)
    }
}

/// Every part of a batch's key names with its Redis type.
pub(crate) const BATCH_PARTS: &[(&str, &str)] = &[("facts", "hash"), ("members", "zset")];
