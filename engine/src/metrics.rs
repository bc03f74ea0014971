//! The engine's metrics: names, meanings, and handles that cost nothing to find.
//!
//! Counters and histograms are emitted where things happen; the gauges of queues are set from
//! [`crate::inspect`] by whoever serves them. Labels are kinds, queues and outcomes: never ids.

use std::collections::HashMap;
use std::sync::Arc;

use metrics::{
    Counter, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    histogram,
};

use crate::executor::{Execution, Outcome, Registry};
#[cfg(feature = "schedule")]
use crate::schedule::metrics as schedules;

/// Attempts that ended, by kind and outcome.
pub const JOBS: &str = "rouage_jobs_total";
/// How long attempts took, by kind.
pub const JOB_DURATION: &str = "rouage_job_duration_seconds";
/// How long jobs waited between becoming available and being claimed, by queue.
pub const JOB_WAIT: &str = "rouage_job_wait_seconds";
/// Leases that ran out and were taken back by this process, by queue.
pub const LEASE_LOST: &str = "rouage_lease_lost_total";
/// Outcomes that came under an old fence and changed nothing, by queue.
pub const REFUSED: &str = "rouage_outcomes_refused_total";
/// Effects by what became of them.
pub const EFFECTS: &str = "rouage_effects_total";
/// Finished jobs that the history has not got yet, by queue.
pub const HISTORY_WAITING: &str = "rouage_history_waiting";
/// Finished jobs that the history never got, by queue.
pub const HISTORY_LOST: &str = "rouage_history_lost_total";
/// Jobs in each state, by queue.
pub const QUEUE_JOBS: &str = "rouage_queue_jobs";
/// How long the first job in line has waited, by queue.
pub const QUEUE_OLDEST: &str = "rouage_queue_oldest_seconds";
/// Jobs ever stored, by queue.
pub const ENQUEUED: &str = "rouage_enqueued_total";
/// What a circuit breaker does, by breaker: 0 closed, 1 half-open, 2 open; the worst of its keys.
pub const BREAKER_STATE: &str = "rouage_breaker_state";
/// Jobs that were moved here from another producer's place, by source.
pub const RELAYED: &str = "rouage_relayed_total";
/// Entries of another producer of which no job could be made, by source.
pub const PARKED: &str = "rouage_parked_total";
/// Turns of relays that failed because something was away, by source.
pub const RELAY_FAILURES: &str = "rouage_relay_failures_total";
/// Entries that wait to be moved, by source.
pub const RELAY_WAITING: &str = "rouage_relay_waiting";
/// How long the first of them has waited, by source.
pub const RELAY_LAG: &str = "rouage_relay_lag_seconds";
/// Entries that are parked and wait for a person, by source.
pub const RELAY_PARKED: &str = "rouage_relay_parked";
/// Messages of Celery clients by what became of them.
pub const CELERY_MESSAGES: &str = "rouage_celery_messages_total";
/// Messages of Celery clients that became no job, by reason.
pub const CELERY_PARKED: &str = "rouage_celery_parked_total";
/// Ends that were told to Celery clients, by state.
pub const CELERY_RESULTS: &str = "rouage_celery_results_total";
/// Celery tasks that are jobs and whose end was not told yet.
pub const CELERY_OPEN: &str = "rouage_celery_open_tasks";
/// Messages that lie in Celery's lists, by queue.
pub const CELERY_WAITING: &str = "rouage_celery_waiting_messages";
/// Worker processes that beat.
pub const WORKERS: &str = "rouage_workers";

/// Every name with its help text: what dashboards and alerts may use.
pub const ALL: &[(&str, &str)] = &[
    (JOBS, "Attempts that ended, by kind and outcome"),
    (JOB_DURATION, "How long attempts took, by kind"),
    (
        JOB_WAIT,
        "Time between becoming available and being claimed, by queue",
    ),
    (
        LEASE_LOST,
        "Leases that ran out and were taken back by this process, by queue",
    ),
    (
        REFUSED,
        "Outcomes that came under an old fence and changed nothing, by queue",
    ),
    (
        EFFECTS,
        "Effects by what became of them: confirmed, released, unknown, settled by asking, repeated (answered from the ledger)",
    ),
    (
        HISTORY_WAITING,
        "Finished jobs that the history has not got yet, by queue",
    ),
    (
        HISTORY_LOST,
        "Finished jobs that the history never got because it was away for too long, by queue",
    ),
    (QUEUE_JOBS, "Jobs in each state, by queue"),
    (
        QUEUE_OLDEST,
        "How long the first job in line has waited, by queue",
    ),
    (ENQUEUED, "Jobs ever stored, by queue"),
    (
        BREAKER_STATE,
        "What a circuit breaker does, by breaker: 0 closed, 1 half-open, 2 open",
    ),
    (
        RELAYED,
        "Jobs that were moved here from another producer's place, by source",
    ),
    (
        PARKED,
        "Entries of another producer of which no job could be made, by source",
    ),
    (
        RELAY_FAILURES,
        "Turns of relays that failed because something was away, by source",
    ),
    (RELAY_WAITING, "Entries that wait to be moved, by source"),
    (
        RELAY_LAG,
        "How long the first entry has waited to be moved, by source",
    ),
    (
        RELAY_PARKED,
        "Entries that are parked and wait for a person, by source",
    ),
    (
        CELERY_MESSAGES,
        "Messages of Celery clients by what became of them: taken, left (counted once), double, expired, revoked, parked",
    ),
    (
        CELERY_PARKED,
        "Messages of Celery clients that became no job and wait for a person, by reason",
    ),
    (CELERY_RESULTS, "Ends told to Celery clients, by state"),
    (
        CELERY_OPEN,
        "Celery tasks that are jobs and whose end was not told yet",
    ),
    (
        CELERY_WAITING,
        "Messages in Celery's lists as last seen, by queue, those for other workers included",
    ),
    (WORKERS, "Worker processes that beat within the last minute"),
    #[cfg(feature = "schedule")]
    (
        schedules::LAST_FIRE,
        "When an occurrence was last fired, by schedule",
    ),
    #[cfg(feature = "schedule")]
    (
        schedules::LAST_SUCCESS,
        "When a job of the schedule last completed, by schedule",
    ),
    #[cfg(feature = "schedule")]
    (
        schedules::MISSED,
        "Occurrences that were not fired in time, by schedule",
    ),
    #[cfg(feature = "schedule")]
    (
        schedules::SKIPPED,
        "Occurrences that were left out because an earlier job was not over, by schedule",
    ),
    #[cfg(feature = "schedule")]
    (
        schedules::OVERDUE,
        "1 for a schedule that is late by more than one of its periods",
    ),
    #[cfg(feature = "schedule")]
    (
        schedules::LEADER,
        "1 where the process leads the schedulers, 0 where another one does",
    ),
];

/// Counts messages of Celery clients.
#[cfg(feature = "celery")]
pub(crate) fn celery_messages(outcome: &'static str, messages: u64) {
    counter!(CELERY_MESSAGES, "outcome" => outcome).increment(messages);
}

/// Counts a message that was parked.
#[cfg(feature = "celery")]
pub(crate) fn celery_parked(reason: &str) {
    celery_messages("parked", 1);
    counter!(CELERY_PARKED, "reason" => reason.to_owned()).increment(1);
}

/// Counts an end that was told.
#[cfg(feature = "celery")]
pub(crate) fn celery_result(state: &'static str) {
    counter!(CELERY_RESULTS, "state" => state).increment(1);
}

/// Says how many tasks are not over.
#[cfg(feature = "celery")]
pub(crate) fn celery_open(tasks: u64) {
    metrics::gauge!(CELERY_OPEN).set(tasks as f64);
}

/// Says how many messages lie in a queue.
#[cfg(feature = "celery")]
pub(crate) fn celery_waiting(queue: &str, messages: usize) {
    metrics::gauge!(CELERY_WAITING, "queue" => queue.to_owned()).set(messages as f64);
}

/// Tells the recorder what the metrics mean.
pub fn describe() {
    for (name, help) in ALL {
        match *name {
            JOBS | LEASE_LOST | REFUSED | ENQUEUED | EFFECTS | HISTORY_LOST | RELAYED | PARKED
            | RELAY_FAILURES | CELERY_MESSAGES | CELERY_PARKED | CELERY_RESULTS => {
                describe_counter!(*name, *help);
            }
            #[cfg(feature = "schedule")]
            schedules::MISSED | schedules::SKIPPED => describe_counter!(*name, *help),
            JOB_DURATION | JOB_WAIT => describe_histogram!(*name, Unit::Seconds, *help),
            _ => describe_gauge!(*name, *help),
        }
    }
}

const OUTCOMES: [&str; 7] = [
    "completed",
    "retrying",
    "snoozed",
    "discarded",
    "cancelled",
    "held",
    "returned",
];

struct Handles {
    duration: Histogram,
    outcomes: Vec<(&'static str, Counter)>,
}

impl Handles {
    fn new(kind: &'static str) -> Self {
        let outcome =
            |name: &'static str| (name, counter!(JOBS, "kind" => kind, "outcome" => name));
        Self {
            duration: histogram!(JOB_DURATION, "kind" => kind),
            outcomes: OUTCOMES.into_iter().map(outcome).collect(),
        }
    }
}

/// The counters of one relay.
pub(crate) struct RelayMetrics {
    relayed: Counter,
    parked: Counter,
    failures: Counter,
}

impl RelayMetrics {
    pub(crate) fn new(source: &'static str) -> Self {
        Self {
            relayed: counter!(RELAYED, "source" => source),
            parked: counter!(PARKED, "source" => source),
            failures: counter!(RELAY_FAILURES, "source" => source),
        }
    }

    pub(crate) fn settled(&self, relayed: usize, parked: usize) {
        self.relayed.increment(relayed as u64);
        self.parked.increment(parked as u64);
    }

    pub(crate) fn failed(&self) {
        self.failures.increment(1);
    }
}

/// The handles of one queue's kinds, found once when the worker starts.
#[derive(Clone)]
pub(crate) struct KindMetrics {
    kinds: Arc<HashMap<&'static str, Handles>>,
    unknown: Arc<Handles>,
    wait: Histogram,
}

impl std::fmt::Debug for KindMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KindMetrics")
            .field(&self.kinds.len())
            .finish()
    }
}

impl KindMetrics {
    pub(crate) fn new(queue: &str, registry: &Registry) -> Self {
        let kinds = registry
            .kinds()
            .map(|kind| (kind.name, Handles::new(kind.name)));
        Self {
            kinds: Arc::new(kinds.collect()),
            unknown: Arc::new(Handles::new("unknown")),
            wait: histogram!(JOB_WAIT, "queue" => queue.to_owned()),
        }
    }

    pub(crate) fn ended(&self, execution: &Execution, outcome: &Outcome) {
        let handles = self.kinds.get(execution.kind()).unwrap_or(&self.unknown);
        let claim = execution.claim();
        handles
            .duration
            .record(claim.claimed_at.elapsed().as_secs_f64());
        let available = crate::keys::ready_since_ms(claim.record.score);
        self.wait
            .record(claim.record.started.saturating_sub(available) as f64 / 1000.0);
        if let Some((_, counter)) = handles
            .outcomes
            .iter()
            .find(|(name, _)| *name == outcome.name())
        {
            counter.increment(1);
        }
    }
}
