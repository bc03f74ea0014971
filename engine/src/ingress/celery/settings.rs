//! What an ingress is told: where Celery's messages lie, what may be done with them, and how much.

use std::time::Duration;

use super::wire::{BrokerKeys, Limits, ResultKeys};

/// What becomes of messages whose task is not in the table of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// Parked as soon as this ingress is alone, that is when no name is off or shadowed.
    #[default]
    Auto,
    /// Left for other workers.
    Leave,
    /// Parked; the caller gets `NotRegistered`.
    Park,
}

/// Settings of one ingress.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Names of what lies on the broker.
    pub broker: BrokerKeys,
    /// Names of what lies on the result backend.
    pub results: ResultKeys,
    /// The queues that are served.
    pub queues: Vec<String>,
    /// Other queues to which the next tasks of a chain, group or chord may go.
    pub canvas_queues: Vec<String>,
    /// What becomes of tasks that are not in the table.
    pub unknown: Unknown,
    /// What one message may be.
    pub limits: Limits,
    /// How long a result is kept; `None` for ever.
    pub result_expires: Option<Duration>,
    /// Whether results have name, arguments and worker (`result_extended`).
    pub extended: bool,
    /// Whether STARTED and progress are written (`task_track_started`).
    pub track_started: bool,
    /// Whether `revoke(terminate=True)` stops a running job: anyone on the broker can ask for it.
    pub terminate: bool,
    /// How this process is called in answers to remote control, such as `crm-worker@host`.
    pub node: String,
    /// Most messages that are parked; then the oldest leave.
    pub parked: usize,
    /// How deep a list is looked through behind messages that stay, in messages.
    pub depth: usize,
    /// The longest pause between two looks while nothing comes.
    pub idle_poll: Duration,
    /// How often a running task is looked at although nothing was heard of it.
    pub look: Duration,
    /// How long whoever sends the body of a chord may take before somebody else does.
    pub chord_lock: Duration,
    /// A message that was taken and did not become a job within this time is taken up by anyone.
    pub abandoned: Duration,
}

impl Settings {
    /// The settings of a plain Celery installation.
    pub fn new(broker: BrokerKeys, results: ResultKeys, node: impl Into<String>) -> Self {
        Self {
            broker,
            results,
            queues: vec!["celery".to_owned()],
            canvas_queues: Vec::new(),
            unknown: Unknown::Auto,
            limits: Limits::default(),
            result_expires: Some(Duration::from_secs(86_400)),
            extended: false,
            track_started: false,
            terminate: false,
            node: node.into(),
            parked: 1000,
            depth: 10_000,
            idle_poll: Duration::from_millis(250),
            look: Duration::from_secs(1),
            chord_lock: Duration::from_secs(30),
            abandoned: Duration::from_secs(10),
        }
    }
}
