//! The tokens of the last minutes, and the store they come from.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::bearer::Token;
use super::bucket::{Bucket, Pace};
use super::grant::Grant;
use super::strangers::Strangers;

/// How long a token is taken for what it was.
const FRESH: Duration = Duration::from_secs(2);
/// How long it is, while the store does not answer.
const GRACE: Duration = Duration::from_mins(5);
/// How long the store may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Tokens that are remembered.
const MOST_KNOWN: usize = 1000;
/// How often it is written down which tokens were used.
const WRITE_EVERY: Duration = Duration::from_mins(1);

/// Why a store failed.
pub type StoreFailure = Box<dyn std::error::Error + Send + Sync>;

/// Where tokens are kept, by the SHA-256 of each.
pub trait TokenStore: fmt::Debug + Send + Sync {
    /// What a token stands for; `None` if there is none, or it is revoked or expired.
    fn find<'a>(
        &'a self,
        sha256: &'a [u8; 32],
    ) -> BoxFuture<'a, Result<Option<Grant>, StoreFailure>>;

    /// Notes that tokens were used within the last minute or so.
    fn used<'a>(&'a self, ids: &'a [i64]) -> BoxFuture<'a, Result<(), StoreFailure>>;
}

/// Why a token does not let anybody in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Denied {
    /// It is unknown, revoked or expired.
    Unknown,
    /// Its address brought too many unknown ones.
    Slowed,
    /// It is used too often: come again after this long.
    TooOften(Duration),
    /// The store does not answer, and it was not seen lately.
    Unavailable,
}

/// A token that was seen lately.
#[derive(Debug)]
struct Known {
    grant: Arc<Grant>,
    /// When the store last said so.
    said: Instant,
    /// When the store is asked again.
    stale: Instant,
    expires: Option<Instant>,
    bucket: Option<Bucket>,
}

/// Knows tokens.
#[derive(Debug)]
pub(crate) struct Tokens {
    store: Arc<dyn TokenStore>,
    pace: Option<Pace>,
    known: Mutex<HashMap<[u8; 32], Known>>,
    /// One question at a time, so that a token that many use is looked up once.
    asking: tokio::sync::Mutex<()>,
    strangers: Strangers,
    used: Mutex<HashSet<i64>>,
}

/// What is known without asking.
enum Look {
    Fresh(Arc<Grant>),
    Stale(Arc<Grant>),
    Nothing,
}

impl Tokens {
    pub(crate) fn new(store: Arc<dyn TokenStore>, rate: Option<NonZeroU32>) -> Self {
        Self {
            store,
            pace: rate.map(Pace::new),
            known: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            strangers: Strangers::default(),
            used: Mutex::default(),
        }
    }

    /// What the token stands for, and one request of its rate.
    pub(crate) async fn admit(
        &self,
        token: &Token,
        peer: Option<IpAddr>,
    ) -> Result<Arc<Grant>, Denied> {
        let sha256 = token.sha256();
        let grant = self.grant(&sha256, peer).await?;
        self.pay(&sha256)?;
        lock(&self.used).insert(grant.id);
        Ok(grant)
    }

    async fn grant(&self, sha256: &[u8; 32], peer: Option<IpAddr>) -> Result<Arc<Grant>, Denied> {
        let stale = match self.look(sha256) {
            Look::Fresh(grant) => return Ok(grant),
            Look::Stale(grant) => Some(grant),
            Look::Nothing => None,
        };
        let _turn = match (&stale, self.asking.try_lock()) {
            (_, Ok(turn)) => turn,
            // Somebody asks right now; what is known is good until the answer is there.
            (Some(grant), Err(_)) => return Ok(Arc::clone(grant)),
            (None, Err(_)) => self.asking.lock().await,
        };
        if let Look::Fresh(grant) = self.look(sha256) {
            return Ok(grant);
        }
        if stale.is_none() && !self.strangers.admit(peer, Instant::now()) {
            return Err(Denied::Slowed);
        }
        match tokio::time::timeout(PATIENCE, self.store.find(sha256)).await {
            Ok(Ok(Some(grant))) => Ok(self.keep(sha256, grant)),
            Ok(Ok(None)) => {
                lock(&self.known).remove(sha256);
                self.strangers.count(peer, Instant::now());
                Err(Denied::Unknown)
            }
            Ok(Err(error)) => self.make_do(sha256, stale, &error.to_string()),
            Err(_) => self.make_do(sha256, stale, "no answer in time"),
        }
    }

    fn look(&self, sha256: &[u8; 32]) -> Look {
        let now = Instant::now();
        let mut known = lock(&self.known);
        let Some(entry) = known.get(sha256) else {
            return Look::Nothing;
        };
        let over = entry.expires.is_some_and(|end| end <= now) || now - entry.said >= GRACE;
        if over {
            known.remove(sha256);
            return Look::Nothing;
        }
        let grant = Arc::clone(&entry.grant);
        if now < entry.stale {
            Look::Fresh(grant)
        } else {
            Look::Stale(grant)
        }
    }

    fn keep(&self, sha256: &[u8; 32], grant: Grant) -> Arc<Grant> {
        let now = Instant::now();
        let grant = Arc::new(grant);
        let mut known = lock(&self.known);
        let before = known.remove(sha256);
        if known.len() >= MOST_KNOWN {
            let oldest = known.iter().min_by_key(|(_, entry)| entry.said);
            if let Some(oldest) = oldest.map(|(sha256, _)| *sha256) {
                known.remove(&oldest);
            }
        }
        let full = || self.pace.map(|pace| Bucket::full(pace, now));
        let entry = Known {
            grant: Arc::clone(&grant),
            said: now,
            stale: now + FRESH,
            expires: grant.expires_in.map(|left| now + left),
            bucket: before.map_or_else(full, |before| before.bucket),
        };
        known.insert(*sha256, entry);
        grant
    }

    /// Without the store: what was known goes on for a while.
    fn make_do(
        &self,
        sha256: &[u8; 32],
        stale: Option<Arc<Grant>>,
        why: &str,
    ) -> Result<Arc<Grant>, Denied> {
        tracing::warn!(why, "tokens cannot be looked up");
        if let Some(entry) = lock(&self.known).get_mut(sha256) {
            entry.stale = Instant::now() + FRESH;
        }
        stale.ok_or(Denied::Unavailable)
    }

    fn pay(&self, sha256: &[u8; 32]) -> Result<(), Denied> {
        let (Some(pace), mut known) = (self.pace, lock(&self.known)) else {
            return Ok(());
        };
        let bucket = known
            .get_mut(sha256)
            .and_then(|entry| entry.bucket.as_mut());
        bucket.map_or(Ok(()), |bucket| {
            bucket.take(pace, Instant::now()).map_err(Denied::TooOften)
        })
    }

    /// Writes down which tokens were used, now and then and once more at the end.
    pub(crate) async fn upkeep(&self, drain: &CancellationToken) {
        loop {
            let slept = drain.run_until_cancelled(tokio::time::sleep(WRITE_EVERY));
            let over = slept.await.is_none();
            self.write_used().await;
            if over {
                return;
            }
        }
    }

    async fn write_used(&self) {
        let ids: Vec<i64> = lock(&self.used).drain().collect();
        if ids.is_empty() {
            return;
        }
        match tokio::time::timeout(PATIENCE, self.store.used(&ids)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the use of tokens was not written down"),
            Err(_) => tracing::warn!("the use of tokens was not written down in time"),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
