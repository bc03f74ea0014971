//! A job system on Redis: leased, fenced, bounded, and honest about what happened.
//!
//! # What it guarantees
//!
//! - **At least once.** A job that [`Client::enqueue`] acknowledged runs to a final state,
//!   whatever dies, as long as Redis keeps its data. The jobs of a killed worker run again
//!   within 20 s, by anyone.
//! - **Fenced.** Every claim has a new fence; whoever lost its lease changes nothing any more.
//! - **At most one effect.** What [`JobContext::effect`] runs is never repeated blindly: where nobody
//!   knows whether it happened, the provider is asked, or the job is held for a person.
//! - **Delays are not in the worker.** What is scheduled or waits for a retry waits in Redis.
//! - **Fair.** A group of jobs has one place in the line, however many they are, and at most as many
//!   run at once as it may have.
//! - **Unique means unique.** A unique key belongs to one live job; the script that ends the job
//!   frees it.
//! - **Bounded.** Every key has an owner and a limit (see [`keys`]); every script call has one too.
//! - **Redis may go away.** Workers keep running what they run, keep the outcomes, and deliver
//!   them when Redis is back.
//!
//! # The life of a job
//!
//! ```text
//!            enqueue(run at)                    claim                   ok
//! scheduled ───────────────▶ available ───────────────▶ running ───────────────▶ completed
//!     ▲  its time has come       ▲  ▲                      │  │
//!     │                          │  └──── lease lost ──────┘  ├─ failed, attempts left ─▶ retrying ─▶ available
//!     └── snooze ────────────────┘                            ├─ for good, or attempts spent ─▶ discarded
//! any waiting state ── cancel ─▶ cancelled ◀── cancel ────────┤
//!                                                             └─ needs a human ─▶ held
//! ```
//!
//! Each job is a member of exactly one index, and that membership is its state. Every
//! transition is one Lua script.
//!
//! # What it does not do
//!
//! It does not promise exactly one *execution*: a worker that dies after its effect and before
//! its acknowledgement leaves a job that runs again. Handlers must be repeatable, or guard the
//! effect. It keeps no archive by itself: large payloads, effects and the history of finished jobs
//! are in places that the caller gives it ([`payloads`], [`effects`], [`history`]).
//!
//! # Rooms
//!
//! [`Job`] and its policy are plain data. [`Client`] puts jobs in; `executor` runs them;
//! `backend` is the storage under apalis; [`inspect`] and `control` are what operators use;
//! [`fsck`] checks the invariants on a live Redis.

pub mod batch;
mod envelope;
mod id;
mod job;
mod policy;
mod state;
mod step;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "client")]
mod control;
#[cfg(feature = "client")]
pub mod filter;
#[cfg(feature = "client")]
mod follower;
#[cfg(feature = "client")]
pub mod fsck;
#[cfg(feature = "client")]
mod gates;
#[cfg(feature = "client")]
pub mod ingress;
#[cfg(feature = "client")]
pub mod inspect;
#[cfg(any(feature = "worker", feature = "schedule"))]
mod instance;
#[cfg(feature = "client")]
pub mod keys;
#[cfg(feature = "client")]
mod link;
#[cfg(feature = "client")]
mod operations;
#[cfg(feature = "client")]
mod orders;
#[cfg(feature = "client")]
pub mod payloads;
#[cfg(feature = "client")]
pub mod record;
#[cfg(feature = "client")]
mod replay;
#[cfg(feature = "schedule")]
pub mod schedule;
#[cfg(feature = "client")]
mod scripts;
#[cfg(feature = "client")]
pub mod startup;

#[cfg(feature = "worker")]
mod backend;
#[cfg(feature = "worker")]
mod backoff;
#[cfg(feature = "worker")]
pub mod effects;
#[cfg(feature = "worker")]
mod executor;
#[cfg(feature = "faults")]
pub mod faults;
#[cfg(feature = "worker")]
pub mod history;
#[cfg(feature = "worker")]
pub mod metrics;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "worker")]
mod worker;

pub use batch::{BatchId, InvalidBatchId, MAX_BATCH_ID_BYTES};
pub use envelope::{
    ENVELOPE_VERSIONS, Envelope, MAX_PAYLOAD_BYTES, MAX_TAGS, Offloaded, UnreadableEnvelope,
};
pub use id::{InvalidJobId, JobId, MAX_ID_BYTES};
pub use job::Job;
pub use policy::{Breaker, Group, Kept, Priority, Retention, RetryPolicy, Timeout, Unique};
pub use state::State;
pub use step::{MAX_STEPS, Step};

#[cfg(feature = "client")]
pub use batch::{
    Batch, BatchView, Callback, Cancellation, FailedMember, MAX_MEMBERS, Member, NewBatch,
    RetriedMembers,
};
#[cfg(feature = "client")]
pub use client::{Client, ClientError, Ended, Enqueue, Enqueued, NewJob, Producer, Request, RunAt};
#[cfg(feature = "client")]
pub use control::{Cancelled, Discarded, Pause, Retried};
#[cfg(feature = "client")]
pub use gates::{LONGEST_PER, MAX_PERMITS, Rate, RateLimit};
#[cfg(feature = "client")]
pub use keys::Keyspace;
#[cfg(feature = "client")]
pub use link::{Link, LinkError, LinkOptions};
#[cfg(feature = "client")]
pub use operations::{Action, Operation, Preview, Tally};

#[cfg(feature = "worker")]
pub use executor::{
    Discard, Guard, Handler, JobContext, JobError, JobLogLayer, Kind, Limit, Progress, Registry,
    StopReason,
};
#[cfg(feature = "worker")]
pub use gates::LONGEST_WAIT;
#[cfg(feature = "worker")]
pub use worker::{Pulse, Shutdown, Worker, WorkerError, WorkerOptions};
