//! What a producer can be told.

use crate::batch::{BatchId, InvalidBatchId, MAX_MEMBERS};
use crate::envelope::{MAX_LABEL_BYTES, MAX_NAME_BYTES, MAX_PAYLOAD_BYTES, MAX_TAGS};
use crate::id::JobId;
use crate::link::LinkError;
use crate::payloads::StoreFailure;
use crate::step::MAX_STEPS;

/// Why a job was not enqueued, or not waited for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Redis is away or refuses. Nothing is known to be stored; repeating with the same id is safe.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The payload could not be serialised.
    #[error("payload of {kind} cannot be written as JSON: {source}")]
    Encode {
        /// The job's kind.
        kind: String,
        /// Serde's reason.
        source: serde_json::Error,
    },
    /// The payload is larger than any job may be.
    #[error(
        "payload of {kind} has {bytes} bytes, the limit is {MAX_PAYLOAD_BYTES}; hint: store the data and enqueue a reference to it"
    )]
    PayloadTooLarge {
        /// The job's kind.
        kind: String,
        /// Its size.
        bytes: usize,
    },
    /// The store for large payloads is away. Nothing was enqueued that refers to what was not stored.
    #[error(
        "the store for large payloads failed: {0}; hint: nothing was enqueued, repeating is safe"
    )]
    Payloads(StoreFailure),
    /// A kind or queue that cannot be a name.
    #[error(
        "{what} {name:?} is not 1 to {MAX_NAME_BYTES} characters of lower-case letters, digits, '_', '-' and '.'"
    )]
    InvalidName {
        /// "kind" or "queue".
        what: &'static str,
        /// The offending name, cut.
        name: String,
    },
    /// A tag or unique key that cannot be one.
    #[error(
        "{what} {label:?} is not 1 to {MAX_LABEL_BYTES} bytes without control characters (at most {MAX_TAGS} tags a job)"
    )]
    InvalidLabel {
        /// "tag", "unique key" or "group".
        what: &'static str,
        /// The offending text, cut.
        label: String,
    },
    /// An operation on all jobs there are.
    #[error(
        "an empty filter means every job; hint: name what the jobs have in common, such as state:discarded"
    )]
    EverythingMeant,
    /// A job that cannot be replayed.
    #[error("job {id} cannot be replayed: {why}; hint: look at the job first")]
    NotReplayable {
        /// The job.
        id: JobId,
        /// What is in the way.
        why: String,
    },
    /// There is no such job, or its retention is over.
    #[error("no job {id} in queue {queue:?}; hint: finished jobs are kept for a limited time")]
    UnknownJob {
        /// The queue that was looked at.
        queue: String,
        /// The id that was looked for.
        id: JobId,
    },
    /// No more groups can have a limit set by hand.
    #[error("{0} groups have a limit set by hand already; hint: reset those that need none")]
    TooManyOverrides(usize),
    /// Slots that no queue can have.
    #[error(
        "queue {queue:?} cannot have {slots} slots, only 1 to 10000; hint: pause a queue that is to run nothing"
    )]
    InvalidSlots {
        /// The queue.
        queue: String,
        /// The number that was asked for.
        slots: usize,
    },
    /// No worker of that name was heard of within the last minute.
    #[error("no worker {0:?} is alive; hint: a worker has a new name after every start")]
    UnknownWorker(String),
    /// The worker runs nothing of that queue.
    #[error(
        "worker {instance} does not serve queue {queue:?}; hint: it serves what it was started with"
    )]
    NotServed {
        /// The queue.
        queue: String,
        /// The worker.
        instance: String,
    },
    /// A text that is no batch's name.
    #[error(transparent)]
    InvalidBatch(#[from] InvalidBatchId),
    /// There is no such batch, or it is forgotten.
    #[error(
        "no batch {0}; hint: batches are kept for 7 days after they finished, and for 30 days at most"
    )]
    UnknownBatch(BatchId),
    /// The batch takes no more members.
    #[error("batch {id} is {state}: nothing is added to it any more; hint: open another one")]
    BatchClosed {
        /// The batch.
        id: BatchId,
        /// "sealed" or "cancelled".
        state: &'static str,
    },
    /// The batch has as many members as it may.
    #[error("batch {0} has {MAX_MEMBERS} members, the limit; hint: open another one")]
    BatchFull(BatchId),
    /// Too many steps behind a job.
    #[error(
        "job {id} has {steps} steps behind it, the limit is {MAX_STEPS}; hint: let the last one begin another chain"
    )]
    ChainTooLong {
        /// The first job.
        id: JobId,
        /// Steps behind it.
        steps: usize,
    },
    /// The steps of a chain are named after its first job, and there is no room for that.
    #[error(
        "job id {0} is too long for the first job of a chain; hint: leave three bytes for the number of the step"
    )]
    ChainIdTooLong(JobId),
    /// No job was ever enqueued there.
    #[error("no queue {0:?}: nothing was ever enqueued there")]
    UnknownQueue(String),
    /// No worker declared such a limit or breaker within the last week.
    #[error("no {what} {name:?}; hint: workers declare these: {known}")]
    UnknownGate {
        /// "rate limit" or "breaker".
        what: &'static str,
        /// The name that was looked for.
        name: String,
        /// Those there are.
        known: String,
    },
    /// Numbers that no limit or breaker can have.
    #[error("{what} {name:?}: {field} is {value}, use {range}")]
    InvalidGate {
        /// "rate limit" or "breaker".
        what: &'static str,
        /// Its name.
        name: String,
        /// Which number.
        field: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        range: String,
    },
    /// The job did not end in time; it goes on.
    #[error("job {0} did not end in time; it was not stopped")]
    StillRunning(JobId),
    /// A context that was built by hand has no place to put jobs.
    #[error("this context cannot enqueue; hint: run the handler with testing::perform")]
    NoProducer,
    /// Redis answered something this version does not understand.
    #[error("unexpected answer from redis: {0}")]
    Protocol(String),
}

/// Refuses names that would break a key, a metric label or a URL.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<(), ClientError> {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.')
    };
    if (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(ClientError::InvalidName {
        what,
        name: name.chars().take(MAX_NAME_BYTES).collect(),
    })
}

/// Refuses tags and keys that would break a line or grow without a bound.
pub(crate) fn check_label(what: &'static str, label: &str) -> Result<(), ClientError> {
    if (1..=MAX_LABEL_BYTES).contains(&label.len()) && !label.chars().any(char::is_control) {
        return Ok(());
    }
    Err(ClientError::InvalidLabel {
        what,
        label: label.chars().take(MAX_NAME_BYTES).collect(),
    })
}
