//! The worker's own SQL: the way to the CRM's database, the migrations of schema `worker`, and
//! the check that the CRM's tables are what the families expect.
//!
//! The families' own statements are in `jobs/`. Nothing here writes outside schema `worker`.

pub(crate) mod migrate;
pub(crate) mod pool;
pub(crate) mod schema;
