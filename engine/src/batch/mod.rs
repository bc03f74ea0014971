//! Batches: many jobs of any kinds and queues, jobs at their end, and how far they are.
//!
//! A batch knows its members by queue and id and each one's state; counts are read off those.
//! When it is sealed and every member is over, its `on_complete` job is enqueued; when every member
//! completed, its `on_success` job. Each is enqueued once in the batch's life.
//!
//! A batch lies in another slot than its members' queues, so nothing changes both at once. Every
//! step between them is written down before it is taken and is harmless to take twice:
//!
//! - a member is noted before its job is enqueued: a job is never unknown to its batch when it
//!   ends, and a note without a job is found and dropped (`check`);
//! - a job's end is a signal in its queue until a courier has told the batch (`tell`);
//! - a callback is due, and stays due until it was enqueued under an id made from the batch's (`fire`).
//!
//! A held member is not over: the batch waits for a person, as the job does.

mod id;

#[cfg(feature = "client")]
mod add;
#[cfg(feature = "client")]
mod agenda;
#[cfg(feature = "client")]
mod check;
#[cfg(feature = "client")]
mod fire;
#[cfg(feature = "client")]
mod member;
#[cfg(feature = "client")]
mod open;
#[cfg(feature = "client")]
mod steer;
#[cfg(feature = "client")]
mod view;

pub use id::{BatchId, InvalidBatchId, MAX_BATCH_ID_BYTES};

#[cfg(feature = "client")]
pub(crate) use fire::{Due, Told};
#[cfg(feature = "client")]
pub use member::Member;
#[cfg(feature = "client")]
pub use open::{Batch, NewBatch};
#[cfg(feature = "client")]
pub use steer::{Cancellation, RetriedMembers};
#[cfg(feature = "client")]
pub use view::{BatchView, Callback, FailedMember, MAX_FAILED_SHOWN};

/// Most members of a batch: about 30 MB of Redis, which go at once when the batch is forgotten.
#[cfg(feature = "client")]
pub const MAX_MEMBERS: usize = 200_000;

/// Most batches that the index names.
#[cfg(feature = "client")]
pub const MAX_BATCHES: usize = 10_000;

/// How long a batch is kept at most, from its opening; the same as in `batch.lua`.
#[cfg(feature = "client")]
const KEPT: std::time::Duration = std::time::Duration::from_hours(30 * 24);
