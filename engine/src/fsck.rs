//! Checks the invariants on a live Redis, read-only.
//!
//! What a consistent Redis looks like, per queue:
//!
//! - I1 every stored job is in exactly one index, the one of its state;
//! - I2 every index entry has a stored job;
//! - I3 every lease names the fence in its job's run record;
//! - I4 every unique key belongs to a live job that names it, or its window is open;
//! - I7 every key is known to `keys`, has its type and is bounded by the jobs stored;
//! - I8 jobs ever stored = jobs stored now + jobs pruned.
//!
//! It reads with `HSCAN` and `ZSCAN` in steps and leaves the payloads where they are, so it can run beside workers. Jobs that move
//! between two steps would look torn; a suspect is therefore looked at again, atomically,
//! before it is reported.

use std::collections::HashMap;

use serde::Serialize;

use crate::client::{Client, ClientError};
use crate::gates;
use crate::id::JobId;
use crate::keys::{NAMED_PARTS, QUEUE_PARTS, QueueKeys};
use crate::record::RunRecord;
use crate::state::State;

/// Entries per scan step.
const STEP: usize = 1000;
/// Violations reported per queue; more are counted only.
const MAX_REPORTED: usize = 100;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which invariant: I1, I2, I3, I4, I7, I8.
    pub invariant: &'static str,
    /// In which queue; empty for the installation.
    pub queue: String,
    /// One sentence.
    pub message: String,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Queues looked at.
    pub queues: usize,
    /// Jobs looked at.
    pub jobs: u64,
    /// What is wrong, at most 100 per queue.
    pub violations: Vec<Violation>,
    /// Violations that were not listed.
    pub more: u64,
}

impl Report {
    /// Whether everything holds.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.more == 0
    }
}

impl Client {
    /// Checks all queues.
    pub async fn fsck(&self) -> Result<Report, ClientError> {
        let mut report = Report::default();
        self.check_keys(&mut report).await?;
        for queue in self.queue_names().await? {
            report.queues += 1;
            self.check_queue(&queue, &mut report).await?;
        }
        Ok(report)
    }

    /// I7: every key under the prefix is one of ours, with its type.
    async fn check_keys(&self, report: &mut Report) -> Result<(), ClientError> {
        let nodes: Vec<(String, redis::Value)> =
            self.link().on_all_primaries(redis::cmd("PING")).await?;
        for (node, _) in nodes {
            self.check_keys_of(&node, report).await?;
        }
        Ok(())
    }

    async fn check_keys_of(&self, node: &str, report: &mut Report) -> Result<(), ClientError> {
        let prefix = format!("{}:", self.keyspace().prefix());
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor)
                .arg("MATCH")
                .arg(format!("{prefix}*"))
                .arg("COUNT")
                .arg(STEP);
            let (next, keys): (u64, Vec<String>) = self.link().on_node(node, scan).await?;
            for key in keys {
                let found: String = self.link().command(redis::cmd("TYPE").arg(&key)).await?;
                let wanted = type_of(&key[prefix.len()..]);
                if found != "none" && wanted != Some(found.as_str()) {
                    let message = match wanted {
                        None => format!("key {key} belongs to nothing"),
                        Some(wanted) => format!("key {key} is a {found} and should be a {wanted}"),
                    };
                    report.add("I7", "", message);
                }
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    async fn check_queue(&self, queue: &str, report: &mut Report) -> Result<(), ClientError> {
        let keys = self.queue(queue);
        let mut seen: HashMap<String, u8> = HashMap::new();
        let mut suspects = Vec::new();
        for state in State::ALL {
            for index in self.indexes(&keys, state).await? {
                for member in self.scan("ZSCAN", &index).await? {
                    let id = match state {
                        State::Running => member
                            .split_once(':')
                            .map_or(member.clone(), |(_, id)| id.to_owned()),
                        _ => member,
                    };
                    *seen.entry(id).or_default() += 1;
                }
            }
        }
        let stored = self.scan("HSCAN", &keys.job()).await?;
        report.jobs += stored.len() as u64;
        for id in &stored {
            if seen.remove(id) != Some(1) {
                suspects.push(id.clone());
            }
        }
        suspects.extend(seen.into_keys());
        for id in suspects {
            self.look_closely(queue, &keys, &id, report).await?;
        }
        self.check_companions(queue, &keys, report).await?;
        self.check_unique(queue, &keys, report).await?;
        self.check_counters(queue, &keys, report).await
    }

    /// One suspect, read at one moment.
    async fn look_closely(
        &self,
        queue: &str,
        keys: &QueueKeys,
        id: &str,
        report: &mut Report,
    ) -> Result<(), ClientError> {
        if id.parse::<JobId>().is_err() {
            report.add("I2", queue, format!("index entry {id:?} is no job id"));
            return Ok(());
        }
        let look = self.look(keys, id).await?;
        let states: Vec<&str> = look.states.iter().map(|(state, _)| state.name()).collect();
        match (look.parts.envelope.is_some(), states.as_slice()) {
            (true, [_]) | (false, []) => {}
            (true, []) => report.add("I1", queue, format!("job {id} is in no index")),
            (true, many) => report.add(
                "I1",
                queue,
                format!("job {id} is in several indexes: {}", many.join(", ")),
            ),
            (false, some) => report.add(
                "I2",
                queue,
                format!("{} holds {id}, which is not stored", some.join(", ")),
            ),
        }
        Ok(())
    }

    /// I3 and I7: leases carry their job's fence, and nothing outlives its job.
    async fn check_companions(
        &self,
        queue: &str,
        keys: &QueueKeys,
        report: &mut Report,
    ) -> Result<(), ClientError> {
        for lease in self.scan("ZSCAN", &keys.lease()).await? {
            let Some((fence, id)) = lease.split_once(':') else {
                report.add("I3", queue, format!("lease {lease:?} has no fence"));
                continue;
            };
            let mut pipeline = redis::pipe();
            pipeline.atomic().cmd("HGET").arg(keys.run()).arg(id);
            pipeline.cmd("ZSCORE").arg(keys.lease()).arg(&lease);
            let (run, score): (Option<String>, Option<f64>) =
                self.link().pipeline(&pipeline).await?;
            let recorded = run
                .as_deref()
                .and_then(RunRecord::parse)
                .map(|record| record.fence.to_string());
            if score.is_some() && recorded.as_deref() != Some(fence) {
                report.add(
                    "I3",
                    queue,
                    format!("job {id} is leased under fence {fence}, its record says {recorded:?}"),
                );
            }
        }
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        for key in [
            keys.job(),
            keys.run(),
            keys.result(),
            keys.error(),
            keys.progress(),
            keys.log(),
        ] {
            pipeline.cmd("HLEN").arg(key);
        }
        let sizes: Vec<u64> = self.link().pipeline(&pipeline).await?;
        let stored = sizes.first().copied().unwrap_or(0);
        for (part, size) in ["run", "result", "error", "progress", "log"]
            .iter()
            .zip(&sizes[1..])
        {
            if *size > stored {
                report.add(
                    "I7",
                    queue,
                    format!("{part} has {size} entries for {stored} jobs"),
                );
            }
        }
        Ok(())
    }

    /// I4.
    async fn check_unique(
        &self,
        queue: &str,
        keys: &QueueKeys,
        report: &mut Report,
    ) -> Result<(), ClientError> {
        for key in self.scan("HSCAN", &keys.unique()).await? {
            let mut pipeline = redis::pipe();
            pipeline.atomic().cmd("HGET").arg(keys.unique()).arg(&key);
            pipeline.cmd("ZSCORE").arg(keys.unique_until()).arg(&key);
            let (owner, window): (Option<String>, Option<f64>) =
                self.link().pipeline(&pipeline).await?;
            let Some(owner) = owner else { continue };
            let named: Option<String> = self
                .link()
                .command(redis::cmd("HGET").arg(keys.unique_key()).arg(&owner))
                .await?;
            if named.is_none() && window.is_none() {
                let again: Option<String> = self
                    .link()
                    .command(redis::cmd("HGET").arg(keys.unique()).arg(&key))
                    .await?;
                if again.as_ref() == Some(&owner) {
                    report.add(
                        "I4",
                        queue,
                        format!("unique key {key:?} belongs to {owner}, which does not have it"),
                    );
                }
            }
        }
        for id in self.scan("HSCAN", &keys.unique_key()).await? {
            let look = self.look(keys, &id).await?;
            let still: bool = self
                .link()
                .command(redis::cmd("HEXISTS").arg(keys.unique_key()).arg(&id))
                .await?;
            if still
                && look
                    .states
                    .first()
                    .is_none_or(|(state, _)| state.is_final())
            {
                report.add(
                    "I4",
                    queue,
                    format!("job {id} is over and still has a unique key"),
                );
            }
        }
        Ok(())
    }

    /// I8.
    async fn check_counters(
        &self,
        queue: &str,
        keys: &QueueKeys,
        report: &mut Report,
    ) -> Result<(), ClientError> {
        let mut pipeline = redis::pipe();
        pipeline.atomic().cmd("HLEN").arg(keys.job());
        pipeline
            .cmd("HMGET")
            .arg(keys.count())
            .arg(&["enqueued", "pruned"]);
        let (stored, (enqueued, pruned)): (u64, (Option<u64>, Option<u64>)) =
            self.link().pipeline(&pipeline).await?;
        let (enqueued, pruned) = (enqueued.unwrap_or(0), pruned.unwrap_or(0));
        if enqueued != stored + pruned {
            report.add(
                "I8",
                queue,
                format!(
                    "{enqueued} jobs were stored, but {stored} are here and {pruned} were pruned"
                ),
            );
        }
        Ok(())
    }

    /// The names of a hash or zset, without their values, each once.
    async fn scan(&self, command: &'static str, key: &str) -> Result<Vec<String>, ClientError> {
        let mut names = Vec::new();
        let mut cursor = 0_u64;
        loop {
            let call = crate::scripts::SCAN
                .call(key)
                .arg(command)
                .arg(cursor)
                .arg(STEP);
            let (next, mut step): (u64, Vec<String>) = self.link().call(call).await?;
            names.append(&mut step);
            cursor = next;
            if cursor == 0 {
                names.sort_unstable();
                names.dedup();
                return Ok(names);
            }
        }
    }
}

impl Report {
    fn add(&mut self, invariant: &'static str, queue: &str, message: String) {
        if self
            .violations
            .iter()
            .filter(|known| known.queue == queue)
            .count()
            >= MAX_REPORTED
        {
            self.more += 1;
            return;
        }
        self.violations.push(Violation {
            invariant,
            queue: queue.to_owned(),
            message,
        });
    }
}

/// The type a key must have, by its name without the prefix; `None` if it is none of ours.
fn type_of(rest: &str) -> Option<&'static str> {
    match rest {
        "queues" => return Some("set"),
        "layout" => return Some("string"),
        "workers" => return Some("zset"),
        "slots" => return Some("hash"),
        _ if rest.starts_with("orders:") => return Some("hash"),
        _ if rest.starts_with("worker:") => return Some("string"),
        _ => {}
    }
    let Some(rest) = rest.strip_prefix('{') else {
        return gates::type_of(rest);
    };
    let (_, part) = rest.split_once("}:")?;
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
        assert_eq!(type_of("orders:host.1.x"), Some("hash"));
        assert_eq!(type_of("stray"), None);
    }
}
