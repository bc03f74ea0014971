//! The history of finished jobs, kept outside Redis.
//!
//! Redis keeps the recent ones; whoever wants to know what happened last month asks a [`History`].
//! The script that ends a job for good notes its id, as long as somebody keeps a history; an
//! archiver beside each queue's worker takes the noted ids in batches and hands what is known of
//! the jobs to the history. Jobs do not wait for it: while it is away the notes wait in Redis, up
//! to a million a queue, and what is beyond that is counted and lost for the history alone.

use std::fmt;

use futures_util::future::BoxFuture;

use crate::id::JobId;
use crate::state::State;

/// How a job ended: everything but its payload and its output, which may be personal data.
/// Instants are ms since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedJob {
    /// Its id.
    pub id: JobId,
    /// Where it waited.
    pub queue: String,
    /// What it was; empty if its envelope cannot be read.
    pub kind: String,
    /// Completed, discarded or cancelled.
    pub state: State,
    /// What it belonged to.
    pub tags: Vec<String>,
    /// 0 (first) to 9 (last).
    pub priority: u8,
    /// Attempts that were counted.
    pub attempts: u32,
    /// When the producer made it.
    pub enqueued_at: u64,
    /// Start of its last attempt; 0 if it never ran.
    pub started_at: u64,
    /// When it ended for good.
    pub finished_at: u64,
    /// The process of its last attempt; empty for none.
    pub worker: String,
    /// Why it was discarded or cancelled; empty otherwise.
    pub reason: String,
    /// What kind of error its last one was; empty if it had none.
    pub error_kind: String,
    /// Its last error; empty if it had none.
    pub error_message: String,
    /// Size of its output in bytes of JSON.
    pub result_bytes: u64,
}

/// Keeps finished jobs.
pub trait History: Send + Sync + fmt::Debug {
    /// Writes jobs down, all or none, at most 500 at once; within a few seconds, or it fails and is
    /// called again. The same job with the same end may come twice and must be there once.
    fn record<'a>(&'a self, jobs: &'a [FinishedJob]) -> BoxFuture<'a, anyhow::Result<()>>;
}
