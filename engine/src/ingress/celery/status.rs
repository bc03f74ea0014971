//! What lies in a live Celery installation: read, never changed, and no more of it than is bounded.

use std::collections::BTreeMap;

use redis::Value;
use serde::Serialize;

use super::wire::{self, Limits};
use super::{CeleryIngress, Mode};
use crate::client::ClientError;
use crate::link::Link;

/// Unacknowledged messages that are looked into.
const UNACKED: usize = 1000;
/// Keys that are looked at.
const KEYS: usize = 10_000;
/// Keys in one step.
const STEP: usize = 500;

/// One list.
#[derive(Debug, Clone, Serialize)]
pub struct Depth {
    /// The queue.
    pub queue: String,
    /// The priority step.
    pub priority: u8,
    /// Its messages.
    pub messages: u64,
}

/// What Celery's own workers have taken and not acknowledged.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Unacked {
    /// How many messages.
    pub messages: u64,
    /// Age of the oldest one in ms; `None` if there is none.
    pub oldest_ms: Option<u64>,
    /// How many were looked into.
    pub looked_at: u64,
    /// How many of those wait for their eta: they pile up in workers, and run twice if it is further
    /// away than the visibility timeout.
    pub eta: u64,
    /// The latest eta among them, in ms since 1970.
    pub latest_eta: Option<u64>,
}

/// One task of the table.
#[derive(Debug, Clone, Serialize)]
pub struct NameStatus {
    /// The task.
    pub task: String,
    /// The kind it becomes.
    pub kind: String,
    /// off, shadow or take.
    pub mode: &'static str,
    /// Messages that became jobs.
    pub taken: u64,
    /// Messages that were counted in shadow.
    pub shadowed: u64,
    /// Messages that were left.
    pub left: u64,
}

/// What lies there.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The lists.
    pub lists: Vec<Depth>,
    /// What Celery's own workers hold.
    pub unacked: Unacked,
    /// Messages that an ingress took and did not bring to an end yet.
    pub held: u64,
    /// Tasks that are jobs and whose end was not told yet.
    pub open: u64,
    /// Messages that became no job.
    pub parked: u64,
    /// Keys that were looked at, of those without a time to live.
    pub keys_looked_at: u64,
    /// Of those: keys without a time to live, by what they begin with.
    pub without_ttl: BTreeMap<String, u64>,
    /// `maxmemory-policy` of the broker; empty if it does not say.
    pub eviction: String,
    /// `maxmemory` of the broker in bytes; 0 for none.
    pub max_memory: u64,
    /// Memory in use at the broker, in bytes.
    pub used_memory: u64,
    /// The table of names.
    pub names: Vec<NameStatus>,
    /// Messages that were left because their task is in no table.
    pub unknown: u64,
}

impl Status {
    /// Whether the broker may throw messages away when its memory is full.
    pub fn evicts(&self) -> bool {
        !self.eviction.is_empty() && self.eviction != "noeviction"
    }
}

impl CeleryIngress {
    /// Looks at everything.
    pub async fn status(&self) -> Result<Status, ClientError> {
        let shared = &self.shared;
        let memory = memory(&shared.broker.link).await?;
        let number = |name: &str| memory.get(name).and_then(|text| text.parse().ok());
        let counts: BTreeMap<String, u64> = shared.registry.counts().await?.into_iter().collect();
        let count = |what: &str, task: &str| counts.get(&format!("{what}:{task}")).copied();
        let names = shared.names.all().into_iter().map(|task| NameStatus {
            task: task.name.clone(),
            kind: task.kind.clone(),
            mode: task.mode.name(),
            taken: count("taken", &task.name).unwrap_or(0),
            shadowed: count("shadow", &task.name).unwrap_or(0),
            left: count("left", &task.name).unwrap_or(0),
        });
        let names: Vec<NameStatus> = names.collect();
        let (keys_looked_at, without_ttl) = self.keys_without_ttl().await?;
        Ok(Status {
            lists: self.lists().await?,
            unacked: self.unacked().await?,
            held: shared.broker.held().await?,
            open: shared.registry.open().await?,
            parked: shared.parking.count().await?,
            keys_looked_at,
            without_ttl,
            eviction: memory.get("maxmemory_policy").cloned().unwrap_or_default(),
            max_memory: number("maxmemory").unwrap_or(0),
            used_memory: number("used_memory").unwrap_or(0),
            names,
            unknown: count("left", "other").unwrap_or(0) + count("left", "unreadable").unwrap_or(0),
        })
    }

    /// Whether broker and result backend answer, and what the broker does when its memory is full.
    pub async fn check(&self) -> Result<String, ClientError> {
        let results = self.shared.results.link();
        let _pong: String = results.command(&redis::cmd("PING")).await?;
        let mut memory = memory(&self.shared.broker.link).await?;
        Ok(memory.remove("maxmemory_policy").unwrap_or_default())
    }

    /// How many names are in each mode.
    pub fn modes(&self) -> [(Mode, usize); 3] {
        let names = self.shared.names.all();
        [Mode::Take, Mode::Shadow, Mode::Off].map(|mode| {
            let tasks = names.iter().filter(|task| task.mode == mode);
            (mode, tasks.count())
        })
    }

    async fn lists(&self) -> Result<Vec<Depth>, ClientError> {
        let broker = &self.shared.broker;
        let mut lists = Vec::new();
        for queue in &self.shared.settings.queues {
            for (list, priority) in broker.keys.lists(queue).iter().zip(&broker.keys.steps) {
                let messages = broker.link.command(redis::cmd("LLEN").arg(list)).await?;
                lists.push(Depth {
                    queue: queue.clone(),
                    priority: *priority,
                    messages,
                });
            }
        }
        Ok(lists)
    }

    async fn unacked(&self) -> Result<Unacked, ClientError> {
        let broker = &self.shared.broker;
        let link = &broker.link;
        let now = broker.now().await?;
        let mut command = redis::cmd("ZRANGE");
        command.arg(broker.keys.unacked_index()).arg(0).arg(0);
        let oldest: Vec<(String, f64)> = link.command(command.arg("WITHSCORES")).await?;
        let mut found = Unacked {
            messages: link
                .command(redis::cmd("HLEN").arg(broker.keys.unacked()))
                .await?,
            oldest_ms: oldest
                .first()
                .map(|(_, taken)| now.saturating_sub((taken * 1000.0) as u64)),
            ..Unacked::default()
        };
        let mut cursor = 0_u64;
        while found.looked_at < UNACKED as u64 {
            let mut scan = redis::cmd("HSCAN");
            scan.arg(broker.keys.unacked()).arg(cursor);
            let (next, entries): (u64, Vec<(String, Vec<u8>)>) =
                link.command(scan.arg("COUNT").arg(50)).await?;
            for (_, entry) in entries {
                found.looked_at += 1;
                if let Some(eta) = eta(&entry, now, &self.shared.settings.limits) {
                    found.eta += 1;
                    found.latest_eta = found.latest_eta.max(Some(eta));
                }
            }
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        Ok(found)
    }

    /// Keys without a time to live, by what their names begin with; of a bounded number of keys.
    async fn keys_without_ttl(&self) -> Result<(u64, BTreeMap<String, u64>), ClientError> {
        let broker = &self.shared.broker;
        let (mut looked_at, mut found, mut cursor) = (0, BTreeMap::new(), 0_u64);
        while looked_at < KEYS {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("COUNT").arg(STEP);
            let (next, keys): (u64, Vec<Vec<u8>>) = broker.link.command(&scan).await?;
            let mut pipe = redis::pipe();
            for key in &keys {
                pipe.cmd("PTTL").arg(key);
            }
            let lives: Vec<i64> = if keys.is_empty() {
                Vec::new()
            } else {
                broker.link.pipeline(&pipe).await?
            };
            for (key, _) in keys.iter().zip(lives).filter(|(_, life)| *life == -1) {
                *found.entry(self.family(key)).or_default() += 1;
            }
            looked_at += keys.len();
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        Ok((looked_at as u64, found))
    }

    /// What a key is, without the part that names one task or person.
    fn family(&self, key: &[u8]) -> String {
        let prefix = &self.shared.broker.keys.prefix;
        let key = String::from_utf8_lossy(key);
        let key = key.strip_prefix(prefix.as_str()).unwrap_or(&key);
        let queues = &self.shared.settings.queues;
        let known = [
            "celery-task-meta-",
            "celery-taskset-meta-",
            "_kombu.binding",
            "unacked",
            "rouage.",
        ];
        if queues.iter().any(|queue| key.starts_with(queue.as_str())) && !key.contains("meta-") {
            return "queues".to_owned();
        }
        let family = known.iter().find(|family| key.starts_with(**family));
        family.map_or_else(|| "others".to_owned(), |family| (*family).to_owned())
    }
}

/// The eta of an unacknowledged message, if it is still to come: `[message, exchange, routing key]`.
fn eta(entry: &[u8], now: u64, limits: &Limits) -> Option<u64> {
    let parts: Vec<&serde_json::value::RawValue> = serde_json::from_slice(entry).ok()?;
    let message = wire::read(parts.first()?.get().as_bytes(), now, limits).ok()?;
    message.eta_ms.filter(|eta| *eta > now)
}

/// `INFO memory` by name.
async fn memory(link: &Link) -> Result<BTreeMap<String, String>, ClientError> {
    let told: Value = link.command(redis::cmd("INFO").arg("memory")).await?;
    let told: String = redis::from_redis_value(told)
        .map_err(|_| ClientError::Protocol("INFO of the celery broker".to_owned()))?;
    let lines = told.lines().filter_map(|line| line.split_once(':'));
    Ok(lines
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect())
}
