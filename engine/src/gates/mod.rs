//! What may stand between a claim and its handler: rate limits and circuit breakers.
//!
//! They belong to the installation and not to a queue: each has keys of its own, is shared by
//! all workers, runs on Redis' clock, and is asked from the attempt's own task. Waiting for one
//! costs a job no attempt: a short wait keeps the slot, a long one is a snooze whose reason says
//! what it waits for. The queue's own rules (priorities, groups, pauses) are not here: those
//! decide in `claim.lua` what is claimed at all.

mod circuit;
mod keyspace;
mod rate;
mod steer;

#[cfg(feature = "worker")]
mod announce;
#[cfg(feature = "worker")]
mod breakers;
#[cfg(feature = "worker")]
mod declared;
#[cfg(feature = "worker")]
mod enter;
#[cfg(feature = "worker")]
mod key;
#[cfg(feature = "worker")]
mod limits;
#[cfg(feature = "worker")]
mod tally;

pub(crate) use circuit::{Circuit, parse_words};
pub(crate) use keyspace::type_of;
pub use rate::{LONGEST_PER, MAX_PERMITS, Rate, RateLimit};

#[cfg(feature = "worker")]
pub(crate) use announce::Announcer;
#[cfg(feature = "worker")]
pub(crate) use breakers::{Breakers, Pass};
#[cfg(feature = "worker")]
pub(crate) use declared::check;
#[cfg(feature = "worker")]
pub(crate) use enter::enter;
#[cfg(feature = "worker")]
pub use limits::LONGEST_WAIT;
#[cfg(feature = "worker")]
pub(crate) use limits::Limits;
#[cfg(feature = "worker")]
pub(crate) use tally::Verdict;

#[cfg(feature = "worker")]
use crate::{executor::Registry, keys::Keyspace, link::Link};

/// Everything a worker's attempts may have to pass.
#[cfg(feature = "worker")]
#[derive(Debug)]
pub(crate) struct Gates {
    pub(crate) limits: Limits,
    pub(crate) breakers: Breakers,
}

#[cfg(feature = "worker")]
impl Gates {
    /// All that a registry declares.
    pub(crate) fn new(link: &Link, keyspace: &Keyspace, registry: &Registry) -> Self {
        Self {
            limits: Limits {
                link: link.clone(),
                keyspace: keyspace.clone(),
                declared: registry.limits().clone(),
            },
            breakers: Breakers::new(link.clone(), keyspace.clone(), declared::breakers(registry)),
        }
    }
}
