//! Faults, made on purpose to real servers and real processes, one server per test.
//!
//! Every test starts with the code of its fault in the engine's contract (R1 to U1, listed in
//! `docs/reference/faults.md`). The oracle: what Redis acknowledged is not lost, nothing counts
//! twice under one fence, what ran again is no more than what was in flight, and `fsck` is clean.
//! Where processes die, a ledger that they wrote is asked (`oracle`), not Redis.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where it finds the fault"
)]

#[macro_use]
#[path = "../shared/script.rs"]
mod script;

mod batches;
mod handlers;
mod kills;
mod leases;
mod load;
mod many;
mod network;
mod oracle;
mod outages;
mod points;
mod poison;
mod previous;
mod process;
mod processes;
mod refusals;
mod releases;
mod replies;
mod scene;
#[expect(dead_code, reason = "some of it only the tests without faults need")]
#[path = "../stage/mod.rs"]
mod stage;
