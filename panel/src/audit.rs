//! Who did what, when and from where, as whoever mounts the router keeps it.

use std::fmt;
use std::net::IpAddr;

use futures_util::future::BoxFuture;

use crate::auth::StoreFailure;

/// One thing that somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// The name of the account.
    pub who: String,
    /// What was done, in a word that stays: `queue.pause`, `job.retry`.
    pub what: &'static str,
    /// What it was done to: a queue, a job, a worker.
    pub target: String,
    /// What else there is to say: a reason, a filter. Never a payload.
    pub detail: String,
    /// Where the request came from.
    pub from: Option<IpAddr>,
}

/// A deed as it was noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotedDeed {
    /// Its number: later ones have higher ones.
    pub id: i64,
    /// When, ms since 1970.
    pub at: u64,
    /// As in [`Deed`], as all below.
    pub who: String,
    /// What was done.
    pub what: String,
    /// What it was done to.
    pub target: String,
    /// What else there is to say.
    pub detail: String,
    /// An address, or nothing.
    pub from: String,
}

/// Which deeds are looked for; what is empty is any.
#[derive(Debug, Clone, Default)]
pub struct DeedSearch {
    /// The name of an account.
    pub who: String,
    /// What was done, or the start of it.
    pub what: String,
    /// A part of what it was done to.
    pub target: String,
    /// Only those before this one.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u16,
}

/// Keeps deeds.
pub trait AuditLog: fmt::Debug + Send + Sync {
    /// Notes a deed.
    fn note<'a>(&'a self, deed: &'a Deed) -> BoxFuture<'a, Result<(), StoreFailure>>;

    /// The newest deeds that fit, newest first.
    fn find<'a>(
        &'a self,
        search: &'a DeedSearch,
    ) -> BoxFuture<'a, Result<Vec<NotedDeed>, StoreFailure>>;
}
