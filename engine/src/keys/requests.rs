//! The keys of requests that may come twice.
//!
//! They belong to no queue, since a request may put jobs into several, and have a hash tag of their
//! own so that one script can use both.

use super::Keyspace;

impl Keyspace {
    /// What a script is given: it names the two keys itself. No key has this name.
    pub(crate) fn requests_base(&self) -> String {
        format!("{}:requests:{{all}}", self.prefix)
    }

    /// ZSET request → when it first came, in ms. Owner: whoever takes requests. Bound: the newest
    /// 100,000, none older than a day.
    pub fn requests(&self) -> String {
        format!("{}:when", self.requests_base())
    }

    /// HASH request → fingerprint of what it asked for, and what it was answered. Owner and bound:
    /// those of `requests`.
    pub fn requests_said(&self) -> String {
        format!("{}:said", self.requests_base())
    }
}

/// The two key names without the prefix, with their Redis types.
pub(crate) const REQUEST_KEYS: &[(&str, &str)] = &[
    ("requests:{all}:when", "zset"),
    ("requests:{all}:said", "hash"),
];
