//! How often an address may bring tokens that nobody knows.
//!
//! Nobody guesses 256 bits; what is protected is the store, which is asked for every token that was
//! not seen lately. Tokens that were seen are not slowed down, whatever else their address does.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::bucket::{Bucket, Pace};

/// Unknown tokens per second of one address; twice as many at once.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// Addresses that are told apart; all others share one bucket.
const MOST_ADDRESSES: usize = 4096;

/// Counts what addresses bring.
#[derive(Debug, Default)]
pub(super) struct Strangers(Mutex<HashMap<IpAddr, Bucket>>);

impl Strangers {
    /// Whether the store is asked about a token from there that it may not know.
    pub(super) fn admit(&self, peer: Option<IpAddr>, now: Instant) -> bool {
        self.with(peer, now, |bucket, pace| bucket.has_one(pace, now))
    }

    /// Counts a token that the store did not know.
    pub(super) fn count(&self, peer: Option<IpAddr>, now: Instant) {
        self.with(peer, now, |bucket, pace| bucket.take(pace, now).is_ok());
    }

    fn with(
        &self,
        peer: Option<IpAddr>,
        now: Instant,
        ask: impl FnOnce(&mut Bucket, Pace) -> bool,
    ) -> bool {
        let pace = Pace::new(PER_SECOND);
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut network = peer.map_or(Ipv6Addr::UNSPECIFIED.into(), network);
        if buckets.len() >= MOST_ADDRESSES && !buckets.contains_key(&network) {
            buckets.retain(|_, bucket| !bucket.is_full(pace, now));
            if buckets.len() >= MOST_ADDRESSES {
                network = Ipv6Addr::UNSPECIFIED.into();
            }
        }
        let bucket = buckets.entry(network);
        let bucket = bucket.or_insert_with(|| Bucket::full(pace, now));
        ask(bucket, pace)
    }
}

/// An IPv4 address, or the network of an IPv6 one: whoever has one has 2⁶⁴ of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_address_is_slowed_down_and_others_are_not() {
        let strangers = Strangers::default();
        let admitted = |peer: &str| {
            let (peer, now) = (peer.parse().ok(), Instant::now());
            let admitted = strangers.admit(peer, now);
            strangers.count(peer, now);
            admitted
        };
        let passed = (0..100).filter(|_| admitted("2001:db8::1")).count();
        assert_eq!(passed, 20);
        assert!(!admitted("2001:db8::ffff"), "the same network");
        assert!(admitted("2001:db8:0:1::1") && admitted("192.0.2.1"));
    }

    #[tokio::test(start_paused = true)]
    async fn any_number_of_addresses_takes_a_bounded_place() {
        let strangers = Strangers::default();
        for number in 0..10_000_u32 {
            let address = std::net::Ipv4Addr::from(number);
            strangers.admit(Some(address.into()), Instant::now());
        }
        assert!(strangers.0.lock().unwrap().len() <= MOST_ADDRESSES + 1);
    }
}
