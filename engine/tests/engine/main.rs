//! The engine against a real Redis, one server per test.

mod capacity;
mod ends;
mod enqueueing;
mod fsck;
mod leases;
mod ledger;
mod oracle;
mod outages;
mod shutdown;
mod stage;
mod steering;
mod waking;
