//! Random operations on jobs with groups, unique keys and kinds that are paused.
//!
//! `scripts` holds every answer against a reference; this one does not foresee answers but what
//! must be true whatever the order was: after every step `fsck` is clean, no group runs more jobs
//! than it may, no two live jobs have one key; and in the end, once nothing is paused, all that
//! waits can be brought to an end.

use std::time::Duration;

use devkit::{Persistence, RedisServer};
use proptest::prelude::{Strategy, any, prop, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use rouage::{Group, Link, NewJob, Priority, RunAt, State, Unique};

use crate::calls::{Calls, Claimed, FAR, QUEUE};
use crate::reference::ack;

const CASES: u32 = 50;
const STEPS: usize = 30;
const JOBS: u8 = 6;
const KINDS: [&str; 2] = ["model.a", "model.b"];
const OUTCOMES: [&str; 6] = [
    "completed",
    "retrying",
    "discarded",
    "snoozed",
    "held",
    "returned",
];
/// Rounds that bring everything to an end: a group of one gets one job a round.
const ROUNDS: usize = 3 * JOBS as usize;

/// Jobs are numbered; attempts are counted back from the latest claim.
#[derive(Debug, Clone)]
enum Step {
    Enqueue {
        job: u8,
        group: u8,
        key: u8,
        later: bool,
    },
    Claim(usize),
    End {
        ago: u8,
        outcome: &'static str,
    },
    /// A worker claims so many jobs and dies, and the sweep finds it.
    Lose(usize),
    BecomeDue,
    Cancel(u8),
    Retry(u8),
    Prune(usize),
    Pause(u8),
    Resume(u8),
}

fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    let outcome = prop::sample::select(&OUTCOMES[..]);
    prop_oneof![
        6 => (0..JOBS, 0..4_u8, 0..4_u8, any::<bool>())
            .prop_map(|(job, group, key, later)| Enqueue { job, group, key, later: later && key == 0 }),
        5 => (1..4_usize).prop_map(Claim),
        5 => (0..4_u8, outcome).prop_map(|(ago, outcome)| End { ago, outcome }),
        2 => (1..3_usize).prop_map(Lose),
        2 => any::<bool>().prop_map(|_| BecomeDue),
        2 => (0..JOBS).prop_map(Cancel),
        2 => (0..JOBS).prop_map(Retry),
        1 => (0..2_usize).prop_map(Prune),
        1 => (0..2_u8).prop_map(Pause),
        2 => (0..2_u8).prop_map(Resume),
    ]
}

/// The group of that number; 0 for none.
fn group(number: u8) -> Option<Group> {
    match number {
        0 => None,
        3 => Some(Group::fair("fair")),
        limit => Some(Group::at_most(limit.into(), format!("limit-{limit}"))),
    }
}

fn job(number: u8, group_number: u8, key: u8, later: bool) -> NewJob {
    let payload = serde_json::value::to_raw_value(&()).unwrap();
    let kind = KINDS[usize::from(number % 2)];
    let mut job = NewJob::from_parts(QUEUE, kind, payload, Priority::NORMAL).unwrap();
    job.id = format!("job-{number}").parse().unwrap();
    job.envelope.group = group(group_number);
    job.unique = (key > 0).then(|| Unique::while_live(format!("key-{key}")));
    if later {
        job.run_at = RunAt::After(Duration::from_millis(FAR));
    }
    job
}

struct Case {
    calls: Calls,
    claims: Vec<Claimed>,
}

impl Case {
    async fn step(&mut self, step: &Step) {
        let client = self.calls.client.clone();
        let id = |job: u8| format!("job-{job}").parse().unwrap();
        match *step {
            Step::Enqueue {
                job: number,
                group,
                key,
                later,
            } => {
                let job = job(number, group, key, later);
                client.enqueue_all(vec![job]).await.unwrap();
            }
            Step::Claim(slots) => self.claims.extend(self.calls.claim(slots, 500).await),
            Step::End { ago, outcome } => {
                if let Some(claimed) = self.claims.iter().rev().nth(usize::from(ago)) {
                    let priority = Priority::NORMAL.get();
                    self.calls.ack(&[ack(claimed, outcome, priority)]).await;
                }
            }
            Step::Lose(slots) => {
                self.calls.claim(slots, 500).await;
                self.expire().await;
            }
            Step::BecomeDue => self.become_due().await,
            // Whatever it answers: that is `scripts`' matter.
            Step::Cancel(job) => drop(client.cancel(QUEUE, &id(job)).await),
            Step::Retry(job) => drop(client.retry(QUEUE, &id(job)).await),
            Step::Prune(keep) => drop(self.calls.prune(keep).await),
            Step::Pause(kind) => {
                let kind = KINDS[usize::from(kind)];
                client
                    .pause_kind(QUEUE, kind, "me", "a test")
                    .await
                    .unwrap();
            }
            Step::Resume(kind) => {
                let kind = KINDS[usize::from(kind)];
                client.resume_kind(QUEUE, kind).await.unwrap();
            }
        }
    }

    /// Every lease runs out and is found.
    async fn expire(&self) {
        self.set_all("lease", "1").await;
        self.calls.sweep(500).await;
    }

    async fn become_due(&self) {
        for index in ["scheduled", "retrying"] {
            self.set_all(index, "15").await;
        }
    }

    async fn set_all(&self, index: &str, score: &str) {
        for (member, _) in self.calls.index(index).await {
            let words = ["XX", score, &member];
            let () = self.calls.command("ZADD", index, &words).await;
        }
    }

    async fn check(&self) {
        let report = self.calls.client.fsck().await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.violations);
        let running: Vec<(String, u32)> = self.calls.command("HGETALL", "group_running", &[]).await;
        for (group, jobs) in running {
            let limit = group
                .strip_prefix("limit-")
                .map(|limit| limit.parse().unwrap());
            assert!(
                limit.is_none_or(|limit: u32| jobs <= limit),
                "{group}: {jobs}"
            );
        }
        let mut had: Vec<String> = self.calls.command("HVALS", "unique_key", &[]).await;
        let jobs = had.len();
        had.sort();
        had.dedup();
        assert_eq!(had.len(), jobs, "two live jobs have one key");
    }

    /// Whatever happened, the rest can be done.
    async fn finish(&self) {
        for kind in KINDS {
            self.calls.client.resume_kind(QUEUE, kind).await.unwrap();
        }
        for _ in 0..ROUNDS {
            self.expire().await;
            self.become_due().await;
            for claimed in self.calls.claim(JOBS.into(), 500).await {
                self.calls.ack(&[ack(&claimed, "completed", 5)]).await;
            }
        }
        let view = self.calls.client.queue_view(QUEUE).await.unwrap();
        let left = State::ALL.into_iter().filter(|state| !state.is_final());
        let left = left.filter(|state| *state != State::Held);
        for state in left {
            assert_eq!(view.in_state(state), 0, "jobs left {state}");
        }
        self.check().await;
    }
}

#[test]
fn wishes_in_any_order_keep_the_invariants_and_nothing_gets_stuck() {
    let redis = RedisServer::start(Persistence::None).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let link = runtime
        .block_on(Link::connect(&redis.url(), Duration::from_secs(5)))
        .unwrap();
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 300,
        ..Config::default()
    };
    let steps = prop::collection::vec(step(), 1..=STEPS);
    let outcome = TestRunner::new(config).run(&steps, |steps| {
        redis.tell("FLUSHALL").unwrap();
        let mut case = Case {
            calls: Calls::new(link.clone(), "wishes".to_owned()),
            claims: Vec::new(),
        };
        runtime.block_on(async {
            // There is a queue from its first job on.
            let first = job(0, 0, 0, false);
            case.calls.client.enqueue_all(vec![first]).await.unwrap();
            for step in &steps {
                case.step(step).await;
                case.check().await;
            }
            case.finish().await;
        });
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error:#}");
    }
}
