//! The worker's own SQL: the way to the CRM's database, the migrations of schema `worker`,
//! the engine's ports that are kept there, and the check that the CRM's tables are what the families
//! expect.
//!
//! The families' own statements are in `jobs/`. Nothing here writes outside schema `worker`.

pub(crate) mod api_tokens;
pub(crate) mod backups;
pub(crate) mod deeds;
pub(crate) mod effects;
pub(crate) mod job_runs;
pub(crate) mod kinds;
pub(crate) mod migrate;
pub(crate) mod outbox;
pub(crate) mod payloads;
pub(crate) mod pool;
pub(crate) mod schedules;
pub(crate) mod schema;

#[cfg(test)]
mod test_database;
