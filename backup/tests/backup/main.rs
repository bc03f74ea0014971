//! Backups of a real `PostgreSQL` with the CRM's tables, made and read by its real client programs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod damage;
mod failures;
mod round_trip;
mod world;
