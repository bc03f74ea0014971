//! The handlers against a real PostgreSQL with the CRM's tables.
//!
//! One server for the whole binary, one database and one folder per test.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests start jobs, kill them and wait"
)]

mod backups;
mod exports;
mod maintenance;
mod world;
