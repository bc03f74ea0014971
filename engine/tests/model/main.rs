//! The protocol as a model that is explored completely.
//!
//! `protocol` says what may happen to a few jobs and a few workers and `stepping` what comes of
//! it; `exploring` visits every state there is. None of them knows Redis.

mod exploring;
mod protocol;
mod stepping;
