//! Jobs that other services push with apalis-redis 1.x, taken in.
//!
//! The crate keeps a queue `q` in `q:active` (ready ids), `q:scheduled` (ids by whole seconds; every
//! push lands here), `q:data` (id to payload, JSON unless told otherwise) and `q:meta:ID`. One
//! script moves ids out of the first two into `q:rouage:holding`, where its workers never look; their
//! data stays. When Redis has the jobs, a second script removes ids and data together. Whatever was
//! held for longer than a relay may take is lent out again, so a relay may die anywhere.
//!
//! Only queues that are named are touched. Several relays share a queue, each with tasks of its own;
//! the order among them is not kept.

use std::time::Duration;

use anyhow::Context;
use redis::{FromRedisValue, Value};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::relay::{Entry, Parked, Source, Taken};
use crate::link::Link;
use crate::scripts::{APALIS_DECIDE, APALIS_SETTLE, APALIS_TAKE, MAX_BATCH};

/// How long tasks are lent out; a relay gives up long before.
const LENT_FOR: Duration = Duration::from_secs(30);
/// How long the other Redis may take for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of payloads in one turn, unless the first one has more.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// Parked tasks of one queue; beyond that the oldest leave.
const MOST_PARKED: usize = 10_000;
/// What apalis-redis writes where nobody asked for a number of attempts.
const NO_WISH: u32 = 25;
/// Longest id of a task that names its job as it is: a ULID.
const ULID_LENGTH: usize = 26;

/// Queues of apalis-redis, and the kinds that their tasks become.
#[derive(Debug)]
pub struct Apalis {
    url: Secret,
    queues: Vec<(String, String)>,
    link: Option<Link>,
    /// The queue that is asked first in the next turn.
    first: usize,
    /// Tasks that are lent out to us.
    lent: Vec<Ticket>,
    lent_for: Duration,
}

/// An address, which may hold a password.
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("********")
    }
}

/// A task, by its queue and what the queue holds of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ticket {
    queue: String,
    /// `RUN_AT:ID`, the first in seconds and 0 for at once.
    member: String,
}

/// A task of which no job can be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParkedTask {
    /// Its queue.
    pub queue: String,
    /// Its id in there.
    pub task: String,
    /// When it was parked, ms since 1970.
    pub parked_at: u64,
    /// Why.
    pub reason: String,
}

/// How the queues are together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ApalisGlance {
    /// Tasks that wait to be taken.
    pub waiting: u64,
    /// Tasks that are being moved, or were when a relay died.
    pub held: u64,
    /// Tasks that wait for a person.
    pub parked: u64,
}

/// A person's word about parked tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// They are taken again.
    Retry,
    /// They leave for ever.
    Discard,
}

impl Apalis {
    /// Takes tasks of each `(queue, kind)` from the Redis at `url`; connects when it is asked.
    pub fn new(url: &str, queues: Vec<(String, String)>) -> Self {
        Self {
            url: Secret(url.to_owned()),
            queues,
            link: None,
            first: 0,
            lent: Vec::new(),
            lent_for: LENT_FOR,
        }
    }

    /// The same with another time for which tasks are lent out.
    #[must_use]
    pub fn lending_for(mut self, time: Duration) -> Self {
        self.lent_for = time;
        self
    }

    async fn link(&mut self) -> anyhow::Result<Link> {
        if let Some(link) = &self.link {
            return Ok(link.clone());
        }
        let link = Link::connect(&self.url.0, PATIENCE).await;
        let link = link.context("connect to the redis of apalis")?;
        self.link = Some(link.clone());
        Ok(link)
    }

    async fn take_from(
        &self,
        link: &Link,
        queue: &str,
        kind: &str,
        most: usize,
    ) -> anyhow::Result<Vec<Entry<Ticket>>> {
        let call = APALIS_TAKE
            .call(queue)
            .arg(most)
            .arg(self.lent_for.as_millis() as u64)
            .arg(MOST_BYTES);
        let answer: Vec<(String, Value, Option<u32>)> =
            link.call(call).await.context("take tasks of apalis")?;
        let entry = |(member, data, attempts)| entry(queue, kind, member, data, attempts);
        Ok(answer.into_iter().map(entry).collect())
    }

    async fn settle_in(
        link: &Link,
        queue: &str,
        relayed: &[Ticket],
        parked: &[Parked<Ticket>],
    ) -> anyhow::Result<()> {
        let ours = |ticket: &Ticket| ticket.queue == queue;
        let relayed: Vec<&str> = relayed
            .iter()
            .filter(|ticket| ours(ticket))
            .map(|ticket| ticket.member.as_str())
            .collect();
        let mut call = APALIS_SETTLE
            .call(queue)
            .arg(MOST_PARKED)
            .arg(relayed.len())
            .arg(relayed);
        for entry in parked.iter().filter(|entry| ours(&entry.ticket)) {
            call.push(&entry.ticket.member);
            call.push(&entry.reason);
        }
        let dropped: u64 = link.call(call).await.context("settle tasks of apalis")?;
        if dropped > 0 {
            tracing::error!(
                queue,
                dropped,
                "more than {MOST_PARKED} tasks are parked: the oldest were removed"
            );
        }
        Ok(())
    }

    /// What waits, is being moved, and is parked.
    pub async fn glance(&mut self) -> anyhow::Result<ApalisGlance> {
        let link = self.link().await?;
        let mut glance = ApalisGlance::default();
        for (queue, _) in &self.queues {
            let mut look = redis::pipe();
            look.llen(format!("{queue}:active"));
            look.zcard(format!("{queue}:scheduled"));
            look.zcard(format!("{queue}:rouage:holding"));
            look.zcard(format!("{queue}:rouage:parked"));
            let (active, scheduled, held, parked): (u64, u64, u64, u64) = link
                .pipeline(&look)
                .await
                .context("look at the queues of apalis")?;
            glance.waiting += active + scheduled;
            glance.held += held;
            glance.parked += parked;
        }
        Ok(glance)
    }

    /// Parked tasks, the oldest of each queue first.
    pub async fn parked(&mut self, most: usize) -> anyhow::Result<Vec<ParkedTask>> {
        let link = self.link().await?;
        let mut found = Vec::new();
        for (queue, _) in &self.queues {
            let Some(left) = most.checked_sub(found.len() + 1) else {
                break;
            };
            let mut list = redis::cmd("ZRANGE");
            list.arg(format!("{queue}:rouage:parked")).arg(0).arg(left);
            list.arg("WITHSCORES");
            let tasks: Vec<(String, u64)> = link.command(&list).await?;
            for (task, parked_at) in tasks {
                let mut why = redis::cmd("HGET");
                why.arg(format!("{queue}:rouage:reasons")).arg(&task);
                let reason: Option<String> = link.command(&why).await?;
                found.push(ParkedTask {
                    queue: queue.clone(),
                    task,
                    parked_at,
                    reason: reason.unwrap_or_default(),
                });
            }
        }
        Ok(found)
    }

    /// Decides parked tasks: these, or all; how many.
    pub async fn decide(&mut self, decision: Decision, tasks: &[String]) -> anyhow::Result<u64> {
        let link = self.link().await?;
        let word = match decision {
            Decision::Retry => "retry",
            Decision::Discard => "discard",
        };
        let mut decided = 0;
        for (queue, _) in &self.queues {
            if tasks.is_empty() {
                loop {
                    let call = APALIS_DECIDE.call(queue).arg(word).arg(MAX_BATCH);
                    let some: u64 = link.call(call).await.context("decide parked tasks")?;
                    decided += some;
                    if some < MAX_BATCH as u64 {
                        break;
                    }
                }
            }
            for tasks in tasks.chunks(MAX_BATCH) {
                let call = APALIS_DECIDE.call(queue).arg(word).arg(0).arg(tasks);
                let some: u64 = link.call(call).await.context("decide parked tasks")?;
                decided += some;
            }
        }
        Ok(decided)
    }
}

impl Source for Apalis {
    type Ticket = Ticket;

    fn name(&self) -> &'static str {
        "apalis"
    }

    async fn take(&mut self, most: usize) -> anyhow::Result<Taken<Ticket>> {
        let link = self.link().await?;
        let mut entries = Vec::new();
        self.lent.clear();
        for number in 0..self.queues.len() {
            let (queue, kind) = &self.queues[(self.first + number) % self.queues.len()];
            let left = most - entries.len();
            if left == 0 {
                break;
            }
            let taken = self.take_from(&link, queue, kind, left).await?;
            self.lent
                .extend(taken.iter().map(|entry| entry.ticket.clone()));
            entries.extend(taken);
        }
        // No queue keeps the others from their turn.
        self.first = (self.first + 1) % self.queues.len().max(1);
        Ok(Taken::Entries(entries))
    }

    async fn settle(
        &mut self,
        relayed: &[Ticket],
        parked: &[Parked<Ticket>],
    ) -> anyhow::Result<()> {
        let link = self.link().await?;
        let mut queues: Vec<&str> = relayed
            .iter()
            .chain(parked.iter().map(|entry| &entry.ticket))
            .map(|ticket| ticket.queue.as_str())
            .collect();
        queues.sort_unstable();
        queues.dedup();
        for queue in queues {
            Self::settle_in(&link, queue, relayed, parked).await?;
        }
        self.lent.clear();
        Ok(())
    }

    /// Without it they are lent out again a little later.
    async fn give_back(&mut self) {
        let Some(link) = self.link.clone() else {
            return;
        };
        for (queue, _) in &self.queues {
            let mut back = redis::cmd("ZADD");
            back.arg(format!("{queue}:rouage:holding")).arg("XX");
            let mut some = false;
            for ticket in self.lent.iter().filter(|ticket| ticket.queue == *queue) {
                back.arg(0).arg(&ticket.member);
                some = true;
            }
            if some && link.command::<u64>(&back).await.is_err() {
                break;
            }
        }
        self.lent.clear();
    }

    /// A push tells nobody: whoever wants to know looks.
    async fn news(&mut self) {
        std::future::pending::<()>().await;
    }
}

fn entry(
    queue: &str,
    kind: &str,
    member: String,
    data: Value,
    attempts: Option<u32>,
) -> Entry<Ticket> {
    let (run_at, task) = member.split_once(':').unwrap_or(("0", &member));
    let seconds = run_at.parse::<u64>().ok().filter(|seconds| *seconds > 0);
    Entry {
        id: job_id(queue, task),
        kind: kind.to_owned(),
        // What is no text is no JSON, and what is not there is neither.
        payload: String::from_redis_value(data).unwrap_or_default(),
        run_at: seconds.map(|seconds| seconds.saturating_mul(1000)),
        max_attempts: attempts.filter(|most| *most != NO_WISH),
        ticket: Ticket {
            queue: queue.to_owned(),
            member,
        },
        ..Entry::default()
    }
}

/// The job of a task: readable for ids that are unique in the world, a digest for others, which two
/// queues may both have.
fn job_id(queue: &str, task: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
    if task.len() == ULID_LENGTH && task.bytes().all(plain) {
        return format!("apalis.{task}");
    }
    let digest = Sha256::new()
        .chain_update(queue)
        .chain_update([0])
        .chain_update(task)
        .finalize();
    format!("apalis.{digest:x}").chars().take(47).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_has_one_job_id_and_no_other_task_has_it() {
        let ulid = "01JD9W5X8K7M6N5P4Q3R2S1T0V";
        assert_eq!(job_id("mails", ulid), format!("apalis.{ulid}"));
        let ids = [
            job_id("mails", "my id"),
            job_id("calls", "my id"),
            job_id("mailsmy", " id"),
        ];
        assert!(ids[0] != ids[1] && ids[0] != ids[2]);
        assert!(ids.iter().all(|id| id.parse::<crate::JobId>().is_ok()));
    }

    #[test]
    fn a_scheduled_task_keeps_its_second_and_a_default_is_no_wish() {
        let data = Value::BulkString(b"{}".to_vec());
        let task = entry("q", "k", "1767600000:a:b".to_owned(), data, Some(25));
        assert_eq!(task.run_at, Some(1_767_600_000_000));
        assert_eq!((task.max_attempts, task.payload.as_str()), (None, "{}"));
        assert_eq!(task.id, job_id("q", "a:b"));
        let odd = Value::BulkString(vec![0x81, 0xff]);
        let task = entry("q", "k", "0:x".to_owned(), odd, Some(3));
        assert_eq!((task.run_at, task.max_attempts), (None, Some(3)));
        assert!(task.payload.is_empty());
    }
}
