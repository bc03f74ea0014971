//! Who hears of backups: a heartbeat that misses one that does not come, and people.

use std::fmt;

use futures_util::future::BoxFuture;

/// Tells somebody outside. Answers within seconds; errors name no address.
pub trait Announcer: fmt::Debug + Send + Sync {
    /// Pings the heartbeat; `false` if there is none.
    fn heartbeat(&self) -> BoxFuture<'_, anyhow::Result<bool>>;

    /// Says a sentence to people; `false` if nobody is to be told.
    fn tell<'a>(&'a self, text: &'a str) -> BoxFuture<'a, anyhow::Result<bool>>;
}
