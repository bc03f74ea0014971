//! The protocol as a model that is explored completely, and the Lua scripts held against a model.
//!
//! `protocol` and `stepping` say what may happen to a few jobs and a few workers, `exploring`
//! visits every state that can come of it; none of them knows Redis. `scripts` then drives the
//! real scripts on a real Redis with random `operations` and compares them, step by step, with
//! `reference`, which follows the same protocol with a plain map; `wishes` does so with groups, unique
//! keys and paused kinds, and checks what must be true of them in any order.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where it finds the fault"
)]

#[macro_use]
#[path = "../shared/script.rs"]
mod script;

mod buckets;
mod calls;
mod comparing;
mod exploring;
mod operations;
mod protocol;
mod reference;
mod scripts;
mod stepping;
mod wishes;
