//! The keys of limits and breakers: each has a hash tag of its own, so that its script stays in
//! one slot of a cluster and different ones spread over the nodes.

use crate::keys::Keyspace;

impl Keyspace {
    /// ZSET name of a rate limit → when a worker last declared it, in ms. Owner: workers. Bound:
    /// 1,000 names, those not declared for a week leave.
    pub fn limits(&self) -> String {
        format!("{}:limits", self.prefix())
    }

    /// STRING, when the last reserved permit of a rate limit is due, in µs since 1970. Owner: the
    /// limit. TTL: until the limit's burst is whole again.
    ///
    /// Beside it, as 'permits microseconds burst', STRING `:declared`, what the code says (owner:
    /// workers, TTL a week), and STRING `:set`, what an operator said, which wins (owner: set and
    /// reset, TTL 30 days after the last worker that declares the limit).
    pub fn limit(&self, name: &str) -> String {
        format!("{}:limit:{{{name}}}", self.prefix())
    }

    /// ZSET name of a circuit breaker → when a worker last declared it, in ms. Owner and bound as
    /// for [`Self::limits`].
    pub fn breakers(&self) -> String {
        format!("{}:breakers", self.prefix())
    }

    /// The base of a circuit breaker's keys; no key itself. Under it, owner: workers that ask and
    /// tell, bound: one each per key that is in use:
    ///
    /// - HASH `:state` or `:state/KEY`. TTL: the window, or an hour after it may be asked again.
    /// - ZSET `:probes` or `:probes/KEY`, token → end of its lease. TTL: the lease, 15 s.
    /// - ZSET `:troubled`, keys with failures. Bound: 1,000, TTL a day.
    /// - STRING `:declared`, the policy. TTL a week.
    pub fn breaker(&self, name: &str) -> String {
        format!("{}:breaker:{{{name}}}", self.prefix())
    }
}

/// The type such a key must have, by its name without the prefix; `None` if it is none of them.
pub(crate) fn type_of(rest: &str) -> Option<&'static str> {
    if matches!(rest, "limits" | "breakers") {
        return Some("zset");
    }
    if let Some(rest) = rest.strip_prefix("limit:{") {
        let (_, part) = rest.split_once('}')?;
        return matches!(part, "" | ":declared" | ":set").then_some("string");
    }
    let (_, part) = rest.strip_prefix("breaker:{")?.split_once("}:")?;
    match part.split('/').next()? {
        "state" => Some("hash"),
        "probes" | "troubled" => Some("zset"),
        "declared" => Some("string"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_a_limit_or_breaker_is_known_and_nothing_else() {
        let types = [
            ("limits", Some("zset")),
            ("limit:{resend}", Some("string")),
            ("limit:{resend}:set", Some("string")),
            ("limit:{resend}:surprise", None),
            ("breaker:{resend}:state/acme", Some("hash")),
            ("breaker:{resend}:probes", Some("zset")),
            ("breaker:{resend}:surprise", None),
            ("stray", None),
        ];
        for (key, wanted) in types {
            assert_eq!(type_of(key), wanted, "{key}");
        }
    }
}
