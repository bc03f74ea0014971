//! Payloads of the CRM's jobs: what an API depends on to enqueue.
//!
//! A type here *is* the JSON that travels through Redis, and its constants are the policy that
//! producer and worker share. The crate costs serde and nothing else: no worker, no Redis
//! client (feature `client` adds one), no JSON Schema (feature `schema` adds them).
//!
//! Names chosen by people (a data set, a column, a filter) are plain text and not enums. A
//! wrong name then reaches the handler, which can refuse it with a sentence that says what is
//! allowed; as an enum it would be a payload nobody can decode. Unknown *fields* are refused
//! while decoding, because a misspelt field that is ignored exports the wrong rows.
//!
//! What a payload may look like is frozen by the goldens in `tests/goldens`: old payloads must
//! decode for ever.

pub mod backups;
pub mod debug;
pub mod exports;
pub mod maintenance;

mod kinds;

pub use kinds::{KINDS, KindInfo};

#[cfg(feature = "schema")]
pub use kinds::schemas;
