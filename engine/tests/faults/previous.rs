//! A worker and a producer of the previous release: its scripts, its keys, its envelopes.
//!
//! They are frozen under `tests/releases/previous`; nothing here may follow the present code.

use std::collections::HashSet;
use std::time::Duration;

use redis::FromRedisValue;
use rouage::Client;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

macro_rules! previous {
    ($name:literal) => {
        concat!(
            include_str!("../releases/previous/prelude.lua"),
            "\n",
            include_str!(concat!("../releases/previous/", $name, ".lua"))
        )
    };
}

/// Its leases, in ms.
const LEASE_MS: &str = "1500";

/// What it talks to Redis with.
#[derive(Clone)]
pub(crate) struct Previous {
    client: Client,
}

/// One attempt it claimed.
struct Attempt {
    id: String,
    envelope: String,
    record: Vec<String>,
}

impl Previous {
    pub(crate) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
        }
    }

    async fn eval<T: FromRedisValue>(&self, script: &str, parts: &str, words: Vec<String>) -> T {
        let keys: Vec<String> = parts
            .split_whitespace()
            .map(|part| format!("test:{{test}}:{part}"))
            .collect();
        let mut command = redis::cmd("EVAL");
        command.arg(script).arg(keys.len()).arg(keys).arg(words);
        self.client.link().command(&command).await.unwrap()
    }

    /// Stores jobs as its producers did: `run_at` is `0` for now or `+N` in N ms.
    pub(crate) async fn enqueue(&self, ids: &[String], run_at: &str) {
        let mut words = vec!["test:{test}:wake".to_owned(), ids.len().to_string()];
        for id in ids {
            let envelope = r#"{"v":1,"kind":"test.act","enqueued_at":1,"priority":5,"payload":{"part":"old"}}"#;
            words.extend([id.as_str(), envelope, "5", run_at].map(str::to_owned));
        }
        let keys = "job ready scheduled count unique unique_key unique_until";
        let answers: Vec<u8> = self.eval(previous!("enqueue"), keys, words).await;
        assert!(answers.iter().all(|answer| *answer == 1));
    }

    async fn claim(&self, slots: usize) -> Vec<Attempt> {
        let keys = "ready scheduled retrying lease job run count paused checkpoint";
        let words = [
            &slots.to_string(),
            LEASE_MS,
            "old",
            "500",
            "test:{test}:wake",
            "1",
        ];
        let answer: Vec<redis::Value> = self
            .eval(previous!("claim"), keys, words.map(str::to_owned).to_vec())
            .await;
        let text = |value: &redis::Value| String::from_redis_value(value.clone()).unwrap();
        let attempt = |job: &[redis::Value]| Attempt {
            id: text(&job[0]),
            envelope: text(&job[1]),
            record: text(&job[2]).split(' ').map(str::to_owned).collect(),
        };
        answer[4..].chunks(4).map(attempt).collect()
    }

    /// Ends attempts as it did: what it can read succeeds, the rest is held.
    async fn end(&self, attempts: &[Attempt]) -> Vec<String> {
        let (mut good, mut rest): (Vec<&Attempt>, Vec<&Attempt>) = (Vec::new(), Vec::new());
        for attempt in attempts {
            let can_read = attempt.envelope.contains(r#""v":1,"#);
            if can_read { &mut good } else { &mut rest }.push(attempt);
        }
        let lease = |attempt: &Attempt| format!("{}:{}", attempt.record[2], attempt.id);
        let record = |attempt: &Attempt, reason: &str| {
            let facts = attempt.record[..5].join(" ");
            format!("{facts} {} old {reason}", attempt.record[4])
        };
        let mut words: Vec<String> = ["wake", "ended"]
            .map(|channel| format!("test:{{test}}:{channel}"))
            .to_vec();
        words.extend([good.len().to_string(), "0".to_owned(), "0".to_owned()]);
        words.extend(good.iter().map(|attempt| lease(attempt)));
        for attempt in &good {
            words.extend([attempt.id.clone(), record(attempt, "-")]);
        }
        for attempt in rest {
            words.extend([lease(attempt), attempt.id.clone()]);
            words.extend([record(attempt, "undecodable"), "held".to_owned()]);
            words.extend(["", ""].map(str::to_owned));
        }
        let keys = "lease run ready scheduled retrying held completed discarded cancelled result \
                    error count cancelling waiting progress checkpoint unique unique_key unique_until";
        let answers: Vec<u8> = self.eval(previous!("ack"), keys, words).await;
        let applied = good.iter().zip(answers).filter(|(_, answer)| *answer == 1);
        applied.map(|(attempt, _)| attempt.id.clone()).collect()
    }

    /// Takes back lost leases as its keeper did; answers how many are in the line again.
    pub(crate) async fn sweep(&self) -> u64 {
        let keys = "lease ready held run error count cancelling cancelled \
                    unique unique_key unique_until";
        let words = ["500", "3", "test:{test}:wake"].map(str::to_owned).to_vec();
        let answer: (u64, u64, u64, i64) = self.eval(previous!("sweep"), keys, words).await;
        answer.0
    }

    /// Works until it is told to stop; then tells which jobs it completed, each as often as it did.
    pub(crate) fn work(&self) -> PreviousWorker {
        let stop = CancellationToken::new();
        let mut task = JoinSet::new();
        let (previous, stopped) = (self.clone(), stop.clone());
        task.spawn(async move {
            let mut completed = Vec::new();
            while !stopped.is_cancelled() {
                let attempts = previous.claim(10).await;
                tokio::time::sleep(Duration::from_millis(5)).await; // what its handlers do
                if !attempts.is_empty() {
                    completed.extend(previous.end(&attempts).await);
                }
                previous.sweep().await;
            }
            completed
        });
        PreviousWorker { stop, task }
    }
}

/// A worker of the previous release.
pub(crate) struct PreviousWorker {
    stop: CancellationToken,
    task: JoinSet<Vec<String>>,
}

impl PreviousWorker {
    /// The jobs it completed; each once.
    pub(crate) async fn completed(mut self) -> HashSet<String> {
        self.stop.cancel();
        let completed = self.task.join_next().await.unwrap().unwrap();
        let distinct: HashSet<String> = completed.iter().cloned().collect();
        assert_eq!(distinct.len(), completed.len(), "completed twice");
        distinct
    }
}
