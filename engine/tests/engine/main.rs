//! The engine against a real Redis, one server per test.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where it finds the fault"
)]

#[macro_use]
#[path = "../shared/script.rs"]
mod script;

mod capacity;
mod draining;
mod effects;
mod ends;
mod enqueueing;
mod fsck;
<<<<<<< HEAD
mod groups;
=======
mod kit;
>>>>>>> 676ff22 (Add a kit for people who write jobs: perform, assertions, drain; handlers enqueue through their context)
mod leases;
mod limits;
mod rates;
mod searching;
mod shutdown;
#[expect(dead_code, reason = "some of it only the fault tests need")]
#[path = "../stage/mod.rs"]
mod stage;
mod steering;
mod waking;
mod why;
mod wishes;
