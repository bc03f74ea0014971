//! What a token stands for.

use std::time::Duration;

use super::scope::Scope;

/// What the holder of a token may do, and to which jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The token's number in its store.
    pub id: i64,
    /// Its name, for people.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Only these kinds: a kind, or the start of some with a `*` behind; empty for all.
    pub kinds: Vec<String>,
    /// Only these queues; empty for all.
    pub queues: Vec<String>,
    /// How long it is good for; `None` for ever.
    pub expires_in: Option<Duration>,
}

impl Grant {
    /// Whether it may do this to some job.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Whether it concerns jobs of that kind in that queue.
    pub fn concerns(&self, kind: &str, queue: &str) -> bool {
        let queue_fits = self.queues.is_empty() || self.queues.iter().any(|name| name == queue);
        queue_fits && self.concerns_kind(kind)
    }

    /// Whether it concerns jobs of that kind in some queue.
    pub fn concerns_kind(&self, kind: &str) -> bool {
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => kind.starts_with(start),
            None => pattern == kind,
        };
        self.kinds.is_empty() || self.kinds.iter().any(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(kinds: &[&str], queues: &[&str]) -> Grant {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Grant {
            id: 1,
            name: "crm".to_owned(),
            scopes: vec![Scope::JobsRead],
            kinds: texts(kinds),
            queues: texts(queues),
            expires_in: None,
        }
    }

    #[test]
    fn a_grant_without_limits_concerns_every_job() {
        assert!(grant(&[], &[]).concerns("exports.export_records", "exports"));
    }

    #[test]
    fn kinds_and_queues_must_both_fit() {
        let exports = grant(&["exports.*", "debug.echo"], &["exports"]);
        assert!(exports.concerns("exports.export_records", "exports"));
        assert!(!exports.concerns("debug.echo", "debug"), "another queue");
        assert!(!exports.concerns("exports", "exports"), "no such kind");
        assert!(exports.concerns_kind("debug.echo"));
        assert!(!exports.concerns_kind("debug.echoes"));
    }
}
