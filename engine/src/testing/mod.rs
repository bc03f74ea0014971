//! For people who write jobs: run a handler without Redis, and look at everything it did.
//!
//! [`perform`] runs one attempt of one handler the way a worker does: the payload travels as
//! JSON, the timeout cancels and then drops it, a panic is a failed attempt, and the kind's policy
//! decides what follows. Nothing is stored; what was reported, logged and enqueued is in
//! [`Performed`]. [`drain`](fn@drain) runs whole queues on a real Redis until nothing is left.
//!
//! Handlers without I/O run in no time under `#[tokio::test(start_paused = true)]`: the clock
//! jumps to the next thing that happens. With I/O the clock must go on: a paused one would jump
//! over every answer that is under way.
//!
//! Servers and networks are not part of this: this workspace's `devkit` starts private servers
//! and has a proxy before Redis that stalls, cuts and swallows connections. It stays a crate of
//! its own, so that nobody who writes a handler has to compile it.

mod drain;
mod enqueued;
mod outcome;
mod perform;
mod recorder;

pub use drain::{Drain, DrainError, Drained, drain};
pub use enqueued::{Field, assert_enqueued, assert_not_enqueued, field};
pub use outcome::Outcome;
pub use perform::{Perform, Performed, function, perform};
pub use recorder::Recorder;
