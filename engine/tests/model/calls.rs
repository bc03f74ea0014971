//! The real scripts on a real Redis, called as a worker calls them.
//!
//! Producers' and operators' calls go through `Client`. A worker's scripts are not public, so
//! their text is sent with `EVAL`, with the queue's base and arguments in the order of their headers. Every case
//! has a key prefix of its own on the one server.

use redis::FromRedisValue;
use rouage::record::RunRecord;
use rouage::{Client, Keyspace, Link};

pub(crate) const QUEUE: &str = "model";
/// An hour: no lease and no due time comes by itself during a case.
pub(crate) const FAR: u64 = 3_600_000;

/// One attempt that was claimed.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) id: String,
    pub(crate) record: RunRecord,
}

impl Claimed {
    pub(crate) fn lease(&self) -> String {
        format!("{}:{}", self.record.fence, self.id)
    }
}

/// An attempt's end in the words of `ack.lua`.
pub(crate) struct Ack {
    pub(crate) lease: String,
    pub(crate) id: String,
    pub(crate) record: RunRecord,
    pub(crate) outcome: &'static str,
    pub(crate) argument: String,
    /// Of a success.
    pub(crate) output: String,
    pub(crate) error: String,
    /// The last report of progress, or empty.
    pub(crate) progress: String,
}

/// The keys of one case.
pub(crate) struct Calls {
    pub(crate) client: Client,
    prefix: String,
}

impl Calls {
    pub(crate) fn new(link: Link, prefix: String) -> Self {
        Self {
            client: Client::with_link(link, Keyspace::new(&prefix)),
            prefix,
        }
    }

    fn key(&self, part: &str) -> String {
        format!("{}:{{{QUEUE}}}:{part}", self.prefix)
    }

    /// One command on one key of the queue.
    pub(crate) async fn command<T: FromRedisValue>(
        &self,
        name: &str,
        part: &str,
        words: &[&str],
    ) -> T {
        let mut command = redis::cmd(name);
        command.arg(self.key(part)).arg(words);
        self.client.link().command(&command).await.unwrap()
    }

    async fn eval<T: FromRedisValue>(&self, script: &str, arguments: Vec<String>) -> T {
        let mut command = redis::cmd("EVAL");
        let base = format!("{}:{{{QUEUE}}}", self.prefix);
        command.arg(script).arg(1).arg(base).arg(arguments);
        self.client.link().command(&command).await.unwrap()
    }

    pub(crate) async fn claim(&self, slots: usize, promotions: usize) -> Vec<Claimed> {
        let arguments = [
            &slots.to_string(),
            &FAR.to_string(),
            "worker",
            &promotions.to_string(),
            // A suspect is taken like any other: the reference has no deaths in common.
            "1",
        ];
        let answer: Vec<redis::Value> = self
            .eval(
                script!("groups" "claim"),
                arguments.map(str::to_owned).to_vec(),
            )
            .await;
        let text = |value: &redis::Value| String::from_redis_value(value.clone()).unwrap();
        let records = text(&answer[5]);
        answer[6..]
            .chunks(2)
            .zip(records.lines())
            .map(|(job, record)| {
                let record = RunRecord::parse(record).expect("a claim answers a run record");
                Claimed {
                    id: text(&job[0]),
                    record,
                }
            })
            .collect()
    }

    /// Per outcome, whether it was applied. The successes must come first, as the acker sorts them.
    pub(crate) async fn ack(&self, batch: &[Ack]) -> Vec<u8> {
        let good = || batch.iter().filter(|ack| ack.outcome == "completed");
        let outputs = || good().filter(|ack| !ack.output.is_empty());
        let reports = || batch.iter().filter(|ack| !ack.progress.is_empty());
        let mut words = Vec::new();
        let counts = [good().count(), outputs().count(), reports().count()];
        words.extend(counts.map(|n| n.to_string()));
        words.extend(good().map(|ack| ack.lease.clone()));
        words.extend(outputs().flat_map(|ack| [ack.id.clone(), ack.output.clone()]));
        words.extend(
            reports().flat_map(|ack| [ack.id.clone(), "progress".to_owned(), ack.progress.clone()]),
        );
        for ack in batch.iter().filter(|ack| ack.outcome != "completed") {
            let Ack {
                lease,
                id,
                record,
                outcome,
                argument,
                error,
                ..
            } = ack;
            words.extend([lease.clone(), id.clone(), record.to_string()]);
            words.extend([(*outcome).to_owned(), argument.clone(), error.clone()]);
        }
        let refused: Vec<usize> = self
            .eval(script!("groups" "ending" "reports" "ack"), words)
            .await;
        let applied = |n: usize| u8::from(!refused.contains(&(n + 1)));
        (0..batch.len()).map(applied).collect()
    }

    pub(crate) async fn beat(&self, leases: &[String]) -> Vec<u8> {
        let mut words = vec![FAR.to_string()];
        words.extend_from_slice(leases);
        self.eval(script!("beat"), words).await
    }

    pub(crate) async fn progress(&self, lease: &str, progress: &str) -> u64 {
        let words = vec![lease.to_owned(), "progress".to_owned(), progress.to_owned()];
        self.eval(script!("reports" "report"), words).await
    }

    /// Answers how many are back in the line, held, cancelled.
    pub(crate) async fn sweep(&self, most: usize) -> [u64; 3] {
        let words = vec![most.to_string(), "3".to_owned()];
        let answer: (u64, u64, u64, i64) =
            self.eval(script!("groups" "ending" "sweep"), words).await;
        [answer.0, answer.1, answer.2]
    }

    /// Keeps `keep` of each final state, however old.
    pub(crate) async fn prune(&self, keep: usize) -> usize {
        let mut words = vec!["500".to_owned()];
        for _ in 0..3 {
            words.extend([FAR.to_string(), keep.to_string()]);
        }
        self.eval(script!("prune"), words).await
    }

    /// Members of an index in their order, with their scores.
    pub(crate) async fn index(&self, part: &str) -> Vec<(String, f64)> {
        self.command("ZRANGE", part, &["0", "-1", "WITHSCORES"])
            .await
    }
}
