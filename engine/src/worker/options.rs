//! What a worker is told: what to serve, how, how to end, and why it may refuse.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::client::ClientError;
use crate::link::LinkError;
use crate::orders::SLOTS;
use crate::policy::Retention;

/// What a worker serves and how.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Queues and the number of jobs of each that run at once.
    pub queues: Vec<(String, usize)>,
    /// How long a job stays this worker's without a beat. At least 3 × `beat`.
    pub lease: Duration,
    /// How often leases are extended.
    pub beat: Duration,
    /// How long running jobs may go on after a shutdown was asked for.
    pub grace: Duration,
    /// How often an idle queue is looked at although nothing rang; must be shorter than `lease`.
    pub idle_poll: Duration,
    /// How long finished jobs are kept.
    pub retention: Retention,
    /// Whether this worker runs the operations on many jobs, in a slot beside those of `queues`.
    pub operations: bool,
    /// The binary's version, for the list of workers.
    pub version: String,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            queues: Vec::new(),
            lease: Duration::from_secs(15),
            beat: Duration::from_secs(5),
            grace: Duration::from_secs(25),
            idle_poll: Duration::from_secs(12),
            retention: Retention::default(),
            operations: false,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// How to end a worker.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Claim nothing more, finish what runs.
    pub drain: CancellationToken,
    /// Do not wait for what runs.
    pub now: CancellationToken,
}

/// Why a worker did not start or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Two handlers for one kind.
    #[error("kind {0:?} is registered twice; hint: a kind has one handler")]
    DuplicateKind(&'static str),
    /// A kind takes permits of a limit that is not there.
    #[error(
        "kind {kind:?} takes permits of rate limit {limit:?}, which is not declared; hint: add registry.limit(RateLimit::per_second({limit:?}, ...))"
    )]
    UndeclaredLimit {
        /// The kind.
        kind: &'static str,
        /// The limit it names.
        limit: &'static str,
    },
    /// A declaration that cannot be.
    #[error(transparent)]
    Declaration(#[from] ClientError),
    /// Options that contradict each other.
    #[error("{0}")]
    Options(String),
    /// Redis was not there at the start.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The beat thread could not be started.
    #[error("cannot start the beat thread: {0}")]
    Thread(#[from] std::io::Error),
    /// A part of the worker ended although nobody asked it to.
    #[error("{0} ended unexpectedly")]
    Ended(&'static str),
}

impl WorkerOptions {
    /// Refuses options that contradict each other.
    pub(super) fn check(&self) -> Result<(), WorkerError> {
        let refuse = |why: String| Err(WorkerError::Options(why));
        if self.queues.is_empty() {
            return refuse("no queue to serve; hint: name at least one".to_owned());
        }
        if let Some((queue, slots)) = self.queues.iter().find(|(_, slots)| !SLOTS.contains(slots)) {
            return refuse(format!("queue {queue:?} has {slots} slots; use 1 to 10000"));
        }
        if self.lease < self.beat * 3 {
            return refuse(format!(
                "lease {:?} is shorter than three beats of {:?}",
                self.lease, self.beat
            ));
        }
        if self.idle_poll >= self.lease {
            return refuse(format!(
                "idle poll {:?} is not shorter than the lease {:?}",
                self.idle_poll, self.lease
            ));
        }
        Ok(())
    }
}
