//! The engine against a real Redis, one server per test.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where it finds the fault"
)]

#[macro_use]
#[path = "../shared/script.rs"]
mod script;

mod batches;
mod breakers;
mod cancelling;
mod capacity;
mod celery;
mod celery_wire;
mod chains;
mod controlling;
mod draining;
mod effects;
mod ends;
mod enqueueing;
mod fsck;
mod groups;
mod guarantees;
mod history;
mod kit;
mod limits;
mod logs;
mod offload;
mod operations;
mod rates;
mod relaying;
mod replaying;
mod requests;
mod schedules;
mod searching;
mod shutdown;
#[path = "../stage/mod.rs"]
mod stage;
mod steering;
mod sweeping;
mod waking;
mod why;
mod wishes;
