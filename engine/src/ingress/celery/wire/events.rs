//! What a worker tells of itself, so that it appears in Flower and in `celery events`.
//!
//! Flower builds its list of workers from these and from nothing else; a node that only answers
//! remote control is not in it. One that sent no heartbeat for twice its `freq` is shown as offline.

use serde_json::json;

use super::publish;

/// How often a heartbeat is due, in seconds; what Celery's own workers say and do.
pub const HEARTBEAT_SECONDS: u64 = 2;

/// What a worker tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerEvent {
    /// It started.
    Online,
    /// It lives.
    Heartbeat,
    /// It stops.
    Offline,
}

impl WorkerEvent {
    /// The event's type, which also names its channel.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Online => "worker-online",
            Self::Heartbeat => "worker-heartbeat",
            Self::Offline => "worker-offline",
        }
    }
}

/// The worker it tells of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WorkerNow<'a> {
    /// The node, `name@host`.
    pub node: &'a str,
    /// Its process.
    pub pid: u32,
    /// Its Lamport clock: more than any it has seen.
    pub clock: u64,
    /// How many tasks run.
    pub active: u64,
    /// How many have run since it started.
    pub processed: u64,
    /// The load of the machine over 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// The version of the program.
    pub version: &'a str,
}

/// The event as a message, for the channel [`super::BrokerKeys::event_channel`] of its kind.
///
/// Its times are UTC and say so: a viewer shifts them by the hours between its zone and ours.
#[must_use]
pub fn worker(event: WorkerEvent, now: &WorkerNow<'_>, now_ms: u64, delivery_tag: &str) -> String {
    let body = json!({
        "type": event.kind(),
        "hostname": now.node,
        "utcoffset": 0,
        "pid": now.pid,
        "clock": now.clock,
        "timestamp": now_ms as f64 / 1000.0,
        "freq": HEARTBEAT_SECONDS as f64,
        "active": now.active,
        "processed": now.processed,
        "loadavg": now.load.map(|load| if load.is_finite() { load } else { 0.0 }),
        "sw_ident": "rouage",
        "sw_ver": now.version,
        "sw_sys": system(),
    });
    publish::notice(
        &body.to_string(),
        &json!({"hostname": now.node}),
        "celeryev",
        &event.kind().replace('-', "."),
        delivery_tag,
    )
}

/// As Python's `platform.system()` names it.
fn system() -> &'static str {
    match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "Darwin",
        other => other,
    }
}
