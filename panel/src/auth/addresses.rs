//! A bucket for each address, for what must not be done too often from one of them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Addresses that are told apart; all others share one bucket.
const MOST: usize = 4096;

/// What is left of an address's bucket.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

/// The buckets.
#[derive(Debug)]
pub(super) struct Addresses {
    per_second: f64,
    holds: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Addresses {
    /// `holds` at once, and `per_second` come back.
    pub(super) fn new(per_second: f64, holds: f64) -> Self {
        Self {
            per_second,
            holds,
            buckets: Mutex::default(),
        }
    }

    /// Whether one is left, or when there will be one.
    pub(super) fn check(&self, peer: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let left = buckets
            .get(&network(peer))
            .map_or(self.holds, |bucket| self.left(bucket, now));
        if left >= 1.0 {
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - left) / self.per_second))
    }

    /// Takes one.
    pub(super) fn take(&self, peer: Option<IpAddr>, now: Instant) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut network = network(peer);
        if buckets.len() >= MOST && !buckets.contains_key(&network) {
            buckets.retain(|_, bucket| self.left(bucket, now) < self.holds);
            if buckets.len() >= MOST {
                network = Ipv6Addr::UNSPECIFIED.into();
            }
        }
        let full = Bucket {
            left: self.holds,
            at: now,
        };
        let bucket = buckets.entry(network).or_insert(full);
        let left = self.left(bucket, now);
        *bucket = Bucket {
            left: (left - 1.0).max(0.0),
            at: now,
        };
    }

    fn left(&self, bucket: &Bucket, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        (bucket.left + passed * self.per_second).min(self.holds)
    }
}

/// An IPv4 address, or the network of an IPv6 one: whoever has one has 2⁶⁴ of them.
fn network(peer: Option<IpAddr>) -> IpAddr {
    match peer.map(|address| address.to_canonical()) {
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        Some(address @ IpAddr::V4(_)) => address,
        None => Ipv6Addr::UNSPECIFIED.into(),
    }
}
