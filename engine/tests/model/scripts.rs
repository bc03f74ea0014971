//! Random operations on the real scripts and on the reference, compared after every step.
//!
//! Nothing waits: leases and due times are an hour away and come true by writing an old score.
//! Attempts are addressed by how long ago they were claimed, so outcomes, beats and reports come
//! under good fences and under old ones, late, and repeated. A failure prints the shortest list
//! of operations that proptest found.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use devkit::{Persistence, RedisServer};
use proptest::prelude::prop;
use proptest::test_runner::{Config, TestRunner};
use rouage::{Cancelled, ClientError, Link, NewJob, Priority, Retried, RunAt, State};

use crate::calls::{Ack, Calls, Claimed, FAR, QUEUE};
use crate::operations::{JOBS, Operation, operation};
use crate::reference::{Known, Reference, ack};

const CASES: u32 = 200;
const STEPS: usize = 40;
/// The scripts, the reference, and what was claimed so far.
pub(crate) struct Case {
    pub(crate) calls: Calls,
    pub(crate) reference: Reference,
    claims: Vec<Claimed>,
    /// Scores in the past, each used once.
    past: u64,
}

/// The id of a numbered job.
pub(crate) fn id(job: u8) -> String {
    format!("job-{job}")
}

impl Case {
    fn new(link: Link, prefix: String) -> Self {
        Self {
            calls: Calls::new(link, prefix),
            reference: Reference::default(),
            claims: Vec::new(),
            past: 1000,
        }
    }

    fn ago(&self, ago: u8) -> Option<&Claimed> {
        self.claims.iter().rev().nth(usize::from(ago))
    }

    async fn step(&mut self, operation: &Operation) {
        match operation {
            Operation::Enqueue {
                job,
                priority,
                later,
            } => self.enqueue(&id(*job), *priority, *later).await,
            Operation::Claim { slots, promotions } => self.claim(*slots, *promotions).await,
            Operation::Beat { ago } => self.beat(ago).await,
            Operation::Ack { ends } => self.ack(ends).await,
            Operation::Progress { ago } => self.progress(*ago).await,
            Operation::Expire { nth } => self.expire(*nth).await,
            Operation::BecomeDue { nth } => self.become_due(*nth).await,
            Operation::Lose { slots } => {
                self.claim(*slots, 500).await;
                for nth in 0..JOBS {
                    self.expire(nth).await;
                }
                self.sweep(500).await;
            }
            Operation::Sweep { most } => self.sweep(*most).await,
            Operation::CancelRunning { nth } => {
                let jobs = self.reference.jobs.iter();
                let running = jobs.filter(|(_, job)| job.state == State::Running);
                let ids: Vec<String> = running.map(|(id, _)| id.clone()).collect();
                if let Some(n) = usize::from(*nth).checked_rem(ids.len()) {
                    self.cancel(&ids[n]).await;
                }
            }
            Operation::Cancel { job } => self.cancel(&id(*job)).await,
            Operation::Retry { job } => self.retry(&id(*job)).await,
            Operation::Prune { keep } => self.prune(*keep).await,
        }
    }

    async fn enqueue(&mut self, id: &str, priority: u8, later: bool) {
        let payload = serde_json::value::to_raw_value(&()).unwrap();
        let priority = Priority::new(priority).unwrap();
        let mut job = NewJob::from_parts(QUEUE, "model.act", payload, priority).unwrap();
        job.id = id.parse().unwrap();
        if later {
            job.run_at = RunAt::After(Duration::from_millis(FAR));
        }
        let stored = self.calls.client.enqueue_all(vec![job]).await.unwrap()[0].stored;
        assert_eq!(
            stored,
            self.reference.enqueue(id, priority.get(), later),
            "answer of the enqueue"
        );
    }

    async fn claim(&mut self, slots: usize, promotions: usize) {
        let claimed = self.calls.claim(slots, promotions).await;
        let brief: Vec<_> = claimed
            .iter()
            .map(|c| (c.id.clone(), c.record.fence, c.record.attempt))
            .collect();
        assert_eq!(
            brief,
            self.reference.claim(slots, promotions),
            "answer of the claim"
        );
        self.claims.extend(claimed);
    }

    async fn beat(&mut self, ago: &[u8]) {
        let leases: Vec<String> = ago
            .iter()
            .filter_map(|ago| Some(self.ago(*ago)?.lease()))
            .collect();
        if !leases.is_empty() {
            let expected: Vec<u8> = leases
                .iter()
                .map(|lease| self.reference.beat(lease))
                .collect();
            assert_eq!(
                self.calls.beat(&leases).await,
                expected,
                "answer of the beat"
            );
        }
    }

    async fn ack(&mut self, ends: &[(u8, &'static str)]) {
        let mut batch: Vec<Ack> = Vec::new();
        for (ago, outcome) in ends {
            let Some(claimed) = self.ago(*ago) else {
                continue;
            };
            let priority = self
                .reference
                .jobs
                .get(&claimed.id)
                .map_or(0, |job| job.priority);
            let is_new = |other: &Ack| {
                // The acker sends at most one outcome of each job in a call.
                other.id != claimed.id
            };
            if batch.iter().all(is_new) {
                batch.push(ack(claimed, outcome, priority));
            }
        }
        batch.sort_by_key(|ack| ack.outcome != "completed");
        if !batch.is_empty() {
            let expected: Vec<u8> = batch
                .iter()
                .map(|ack| u8::from(self.reference.ack(ack)))
                .collect();
            assert_eq!(self.calls.ack(&batch).await, expected, "answer of the ack");
        }
    }

    async fn progress(&mut self, ago: u8) {
        let Some(lease) = self.ago(ago).map(Claimed::lease) else {
            return;
        };
        let text = format!("\"{lease}\"");
        let written = self.calls.progress(&lease, &text).await;
        assert_eq!(
            written,
            u64::from(self.reference.progress(&lease, &text)),
            "answer of the progress"
        );
    }

    /// Lets the lease of a running job run out.
    async fn expire(&mut self, nth: u8) {
        let mut running: Vec<&mut Known> = Vec::new();
        let mut ids = Vec::new();
        for (id, job) in &mut self.reference.jobs {
            if job.state == State::Running {
                ids.push(format!("{}:{id}", job.fence));
                running.push(job);
            }
        }
        let Some(n) = usize::from(nth).checked_rem(running.len()) else {
            return;
        };
        self.past += 1;
        running[n].expired = Some(self.past);
        let () = self
            .calls
            .command("ZADD", "lease", &["XX", &self.past.to_string(), &ids[n]])
            .await;
    }

    /// Lets the time of a delayed job come.
    async fn become_due(&mut self, nth: u8) {
        let delayed = |job: &Known| matches!(job.state, State::Scheduled | State::Retrying);
        let mut jobs: Vec<_> = self
            .reference
            .jobs
            .iter_mut()
            .filter(|(_, job)| delayed(job))
            .collect();
        let Some(n) = usize::from(nth).checked_rem(jobs.len()) else {
            return;
        };
        let (id, job) = &mut jobs[n];
        self.past += 1;
        let score = self.past * 10 + u64::from(job.priority);
        job.due = Some(score);
        let () = self
            .calls
            .command("ZADD", job.state.name(), &["XX", &score.to_string(), id])
            .await;
    }

    async fn sweep(&mut self, most: usize) {
        let expected = self.reference.sweep(most);
        assert_eq!(
            self.calls.sweep(most).await,
            expected,
            "answer of the sweep"
        );
    }

    async fn cancel(&mut self, id: &str) {
        let answer = match self.calls.client.cancel(QUEUE, &id.parse().unwrap()).await {
            Ok(Cancelled::Now) => "cancelled",
            Ok(Cancelled::Asked) => "cancelling",
            Ok(Cancelled::AlreadyOver) => "final",
            Err(ClientError::UnknownJob { .. }) => "unknown",
            Err(error) => panic!("{error}"),
        };
        assert_eq!(
            answer,
            self.reference.cancel(id),
            "answer of the cancellation"
        );
    }

    async fn retry(&mut self, id: &str) {
        let answer = match self.calls.client.retry(QUEUE, &id.parse().unwrap()).await {
            Err(ClientError::UnknownJob { .. }) | Ok(Retried::Unchanged) => None,
            Ok(Retried::From(state)) => Some(state),
            odd => panic!("{odd:?}"),
        };
        assert_eq!(answer, self.reference.retry(id), "answer of the retry");
    }

    async fn prune(&mut self, keep: usize) {
        let mut expected = 0;
        for part in ["completed", "discarded", "cancelled"] {
            expected += self.reference.prune(&self.calls.index(part).await, keep);
        }
        assert_eq!(
            self.calls.prune(keep).await,
            expected,
            "answer of the prune"
        );
    }

    async fn run(mut self, operations: &[Operation]) {
        for operation in operations {
            self.step(operation).await;
            self.compare().await;
        }
        let report = self.calls.client.fsck().await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.violations);
    }
}

/// A server, and a way to run cases on it.
struct Bench {
    _redis: RedisServer,
    link: Link,
    runtime: tokio::runtime::Runtime,
    cases: AtomicU32,
}

impl Bench {
    fn new() -> Self {
        let redis = RedisServer::start(Persistence::None).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let link = runtime
            .block_on(Link::connect(&redis.url(), Duration::from_secs(5)))
            .unwrap();
        Self {
            _redis: redis,
            link,
            runtime,
            cases: AtomicU32::new(0),
        }
    }

    fn run(&self, operations: &[Operation]) {
        let n = self.cases.fetch_add(1, Ordering::Relaxed);
        let case = Case::new(self.link.clone(), format!("case-{n}"));
        self.runtime.block_on(case.run(operations));
    }
}

#[test]
fn the_scripts_do_what_the_reference_says() {
    let bench = Bench::new();
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 600,
        ..Config::default()
    };
    let cases = prop::collection::vec(operation(), 1..=STEPS);
    let outcome = TestRunner::new(config).run(&cases, |operations| {
        bench.run(&operations);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error:#}");
    }
}

const ENQUEUE: Operation = Operation::Enqueue {
    job: 0,
    priority: 0,
    later: false,
};
const CLAIM: Operation = Operation::Claim {
    slots: 1,
    promotions: 500,
};

#[test]
fn a_cancellation_ends_the_job_however_its_attempt_ends() {
    let bench = Bench::new();
    for outcome in ["returned", "snoozed", "retrying", "held", "cancelled"] {
        let ends = vec![(0, outcome)];
        let cancel = Operation::Cancel { job: 0 };
        bench.run(&[ENQUEUE, CLAIM, cancel, Operation::Ack { ends }]);
    }
}
