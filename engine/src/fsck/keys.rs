//! I7: every key under the prefix is one of ours, with its type and, where it has one, its TTL.

use std::collections::{HashMap, HashSet};

use crate::client::{Client, ClientError};
use crate::fsck::{Report, batches};
use crate::gates;
use crate::keys::{CELERY_PARTS, NAMED_PARTS, QUEUE_PARTS, REQUEST_KEYS};

/// Keys per scan step.
const STEP: usize = 1000;
/// Every type there is in Redis itself.
const TYPES: [&str; 6] = ["string", "list", "set", "zset", "hash", "stream"];

/// What the keys say about the queues.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Parts of queues that have the name of a group or a kind in them.
    lines: HashMap<String, Vec<String>>,
    /// Queues with a key of a wrong type.
    spoiled: HashSet<String>,
}

impl Found {
    pub(super) fn lines_of(&self, queue: &str) -> &[String] {
        self.lines.get(queue).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_spoiled(&self, queue: &str) -> bool {
        self.spoiled.contains(queue)
    }
}

impl Client {
    pub(super) async fn check_keys(&self, report: &mut Report) -> Result<Found, ClientError> {
        let mut found = Found::default();
        let nodes: Vec<(String, redis::Value)> =
            self.link().on_all_primaries(redis::cmd("PING")).await?;
        for (node, _) in nodes {
            for kind in TYPES {
                self.check_keys_of(&node, kind, &mut found, report).await?;
            }
        }
        Ok(found)
    }

    /// Goes through a node's keys of one type.
    async fn check_keys_of(
        &self,
        node: &str,
        kind: &str,
        found: &mut Found,
        report: &mut Report,
    ) -> Result<(), ClientError> {
        let prefix = format!("{}:", self.keyspace().prefix());
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("{prefix}*"));
            scan.arg("COUNT").arg(STEP).arg("TYPE").arg(kind);
            let (next, keys): (u64, Vec<String>) = self.link().on_node(node, scan).await?;
            for key in keys {
                let rest = &key[prefix.len()..];
                match type_of(rest) {
                    None => report.add("I7", "", format!("key {key} belongs to nothing")),
                    Some(wanted) if wanted != kind => {
                        let message = format!("key {key} is a {kind} and should be a {wanted}");
                        report.add("I7", "", message);
                        found
                            .spoiled
                            .extend(part_of(rest).map(|(queue, _)| queue.to_owned()));
                    }
                    Some(_) => self.check_key(&key, rest, found, report).await?,
                }
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    /// One key that is what it should be, as far as its name and type say.
    async fn check_key(
        &self,
        key: &str,
        rest: &str,
        found: &mut Found,
        report: &mut Report,
    ) -> Result<(), ClientError> {
        if let Some((queue, part)) = part_of(rest).filter(|(_, part)| part.contains(':')) {
            let lines = found.lines.entry(queue.to_owned()).or_default();
            lines.push(part.to_owned());
        }
        if expires(rest) {
            let left: i64 = self.link().command(redis::cmd("PTTL").arg(key)).await?;
            if left == -1 {
                report.add("I7", "", format!("key {key} never expires and should"));
            }
        }
        Ok(())
    }
}

/// The queue and the part of a queue's key, by its name without the prefix.
fn part_of(rest: &str) -> Option<(&str, &str)> {
    rest.strip_prefix('{')?.split_once("}:")
}

/// Whether a key is bounded by its time to live.
fn expires(rest: &str) -> bool {
    let beginnings = ["worker:", "limit:{", "breaker:{", "batch:{"];
    beginnings.iter().any(|begin| rest.starts_with(begin)) || rest.ends_with("}:archive")
}

/// The type a key must have, by its name without the prefix; `None` if it is none of ours.
fn type_of(rest: &str) -> Option<&'static str> {
    match rest {
        "queues" => return Some("set"),
        "layout" => return Some("string"),
        "workers" => return Some("zset"),
        "slots" | "scheduler" => return Some("hash"),
        _ if rest.starts_with("orders:") => return Some("hash"),
        _ if rest.starts_with("worker:") => return Some("string"),
        _ if rest.starts_with("celery:") => {
            let part = rest.strip_prefix("celery:{ingress}:")?;
            let known = CELERY_PARTS.iter().find(|(name, _)| *name == part)?;
            return Some(known.1);
        }
        _ if !rest.starts_with('{') => {
            let requests = REQUEST_KEYS.iter().find(|(name, _)| *name == rest);
            return requests
                .map(|(_, kind)| *kind)
                .or_else(|| batches::type_of(rest))
                .or_else(|| gates::type_of(rest));
        }
        _ => {}
    }
    let (_, part) = part_of(rest)?;
    let named = NAMED_PARTS
        .iter()
        .find(|(name, _)| part.starts_with(name) && part.len() > name.len());
    QUEUE_PARTS
        .iter()
        .find(|(name, _)| *name == part)
        .or(named)
        .map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_queue_is_known_and_nothing_else() {
        assert_eq!(type_of("{exports}:job"), Some("hash"));
        assert_eq!(type_of("{exports}:lease"), Some("zset"));
        assert_eq!(type_of("{exports}:line:mailbox:7"), Some("zset"));
        assert_eq!(type_of("{exports}:surprise"), None);
        assert_eq!(type_of("slots"), Some("hash"));
        assert_eq!(type_of("scheduler"), Some("hash"));
        assert_eq!(type_of("orders:host.1.x"), Some("hash"));
        assert_eq!(type_of("requests:{all}:said"), Some("hash"));
        assert_eq!(type_of("stray"), None);
    }
}
