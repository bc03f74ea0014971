//! The engine against a real Redis, one server per test.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where it finds the fault"
)]

mod capacity;
mod ends;
mod enqueueing;
mod faults_load;
mod faults_network;
mod faults_poison;
mod faults_process;
mod faults_replies;
mod fsck;
mod leases;
mod ledger;
mod oracle;
mod outages;
mod rates;
mod shutdown;
mod stage;
mod steering;
mod waking;
mod wishes;
