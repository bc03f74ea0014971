//! What may stand between a claim and its handler: rate limits.
//!
//! They belong to the installation and not to a queue: each has keys of its own, is shared by
//! all workers, runs on Redis' clock, and is asked from the attempt's own task. Waiting for one
//! costs a job no attempt: a short wait keeps the slot, a long one is a snooze whose reason says
//! what it waits for. The queue's own rules (priorities, groups, pauses) are not here: those
//! decide in `claim.lua` what is claimed at all.

mod rate;
mod steer;

#[cfg(feature = "worker")]
mod announce;
#[cfg(feature = "worker")]
mod enter;
#[cfg(feature = "worker")]
mod limits;

pub use rate::{LONGEST_PER, MAX_PERMITS, Rate, RateLimit};

#[cfg(feature = "worker")]
pub(crate) use announce::Announcer;
#[cfg(feature = "worker")]
pub(crate) use enter::enter;
#[cfg(feature = "worker")]
pub use limits::LONGEST_WAIT;
#[cfg(feature = "worker")]
pub(crate) use limits::Limits;
