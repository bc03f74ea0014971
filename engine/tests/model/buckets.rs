//! The script of the rate limits held against a bucket that only counts permits.
//!
//! The script keeps one due time; the model keeps the number of permits in use, which leaks. The
//! intervals are so long that the time a case takes does not show; time passes by moving the due
//! time back. Two permits may therefore never be closer than the model allows, whatever was asked
//! for before: that is the rate held in every window.

use std::sync::atomic::{AtomicU32, Ordering};

use devkit::{Persistence, RedisServer};
use proptest::prelude::{Just, Strategy, prop, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use redis::FromRedisValue;
use rouage::Link;

const CASES: u32 = 100;
const STEPS: usize = 30;
/// A case takes less, and every interval is much longer.
const TOLERANCE_US: u64 = 60_000_000;
/// Rates as permits, microseconds, burst. The first one is declared.
const RATES: [(u64, u64, u64); 4] = [
    (1, 1_000_000_000, 3),
    (2, 2_000_000_000, 5),
    (1, 4_000_000_000, 1),
    (3, 1_500_000_000, 8),
];
/// How long a job may keep its slot.
const LONGEST_US: u64 = 3_000_000_000;

#[derive(Debug, Clone)]
enum Operation {
    Ask { permits: u64 },
    Pass { intervals: u64 },
    Set { rate: usize },
    Reset,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => (1..=3_u64).prop_map(|permits| Operation::Ask { permits }),
        2 => (1..=4_u64).prop_map(|intervals| Operation::Pass { intervals }),
        1 => (0..RATES.len()).prop_map(|rate| Operation::Set { rate }),
        1 => Just(Operation::Reset),
    ]
}

/// The bucket as the model sees it.
struct Bucket {
    rate: (u64, u64, u64),
    set: Option<usize>,
    used: u64,
}

impl Bucket {
    fn interval(&self) -> u64 {
        self.rate.1 / self.rate.0
    }

    /// Whether the permits are reserved, and the wait.
    fn ask(&mut self, permits: u64) -> (u8, u64) {
        let over = (self.used + permits).saturating_sub(self.rate.2.max(permits));
        let wait = over * self.interval();
        if wait > LONGEST_US {
            return (0, wait - LONGEST_US);
        }
        self.used += permits;
        (1, wait)
    }

    /// Answers whether anything changed.
    fn choose(&mut self, set: Option<usize>) -> u8 {
        let before = self.rate;
        self.set = set;
        self.rate = RATES[set.unwrap_or(0)];
        u8::from(before != self.rate)
    }
}

/// The script on a key of its own.
struct Limit {
    link: Link,
    key: String,
}

impl Limit {
    async fn eval<T: FromRedisValue>(&self, script: &str, arguments: &[&str]) -> T {
        let mut eval = redis::cmd("EVAL");
        eval.arg(script).arg(1).arg(&self.key).arg(arguments);
        self.link.command(&eval).await.unwrap()
    }

    async fn get(&self) -> Option<u64> {
        let mut get = redis::cmd("GET");
        self.link.command(get.arg(&self.key)).await.unwrap()
    }

    async fn put(&self, part: &str, value: String) {
        let mut set = redis::cmd("SET");
        set.arg(format!("{}{part}", self.key)).arg(value);
        let () = self.link.command(&set).await.unwrap();
    }

    async fn change(&self, rate: &str) -> u8 {
        self.eval(script!("limit_set"), &[rate, "3600000"]).await
    }
}

fn text((permits, per, burst): (u64, u64, u64)) -> String {
    format!("{permits} {per} {burst}")
}

async fn step(limit: &Limit, bucket: &mut Bucket, operation: &Operation) {
    match operation {
        Operation::Ask { permits } => {
            let (declared, wanted) = (text(RATES[0]), permits.to_string());
            let longest = LONGEST_US.to_string();
            let arguments = [declared.as_str(), &wanted, &longest];
            let (reserved, wait): (u8, u64) = limit.eval(script!("limit"), &arguments).await;
            let expected = bucket.ask(*permits);
            assert!(
                reserved == expected.0 && wait.abs_diff(expected.1) < TOLERANCE_US,
                "{permits} permits: script {:?}, model {expected:?}",
                (reserved, wait)
            );
        }
        Operation::Pass { intervals } => {
            if let Some(due) = limit.get().await {
                let passed = due.saturating_sub(intervals * bucket.interval());
                limit.put("", passed.to_string()).await;
            }
            bucket.used = bucket.used.saturating_sub(*intervals);
        }
        Operation::Set { rate } => {
            let changed = limit.change(&text(RATES[*rate])).await;
            assert_eq!(changed, bucket.choose(Some(*rate)), "answer of set");
        }
        Operation::Reset => {
            let changed = limit.change("").await;
            assert_eq!(changed, bucket.choose(None), "answer of reset");
        }
    }
}

#[test]
fn the_bucket_never_gives_more_permits_than_one_that_counts_them() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let redis = RedisServer::start(Persistence::None).unwrap();
    let deadline = std::time::Duration::from_secs(5);
    let link = runtime
        .block_on(Link::connect(&redis.url(), deadline))
        .unwrap();
    let case = AtomicU32::new(0);
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&prop::collection::vec(operation(), 1..STEPS), |steps| {
            let number = case.fetch_add(1, Ordering::Relaxed);
            runtime.block_on(async {
                let limit = Limit {
                    link: link.clone(),
                    key: format!("bucket{number}:limit:{{b}}"),
                };
                limit.put(":declared", text(RATES[0])).await;
                let mut bucket = Bucket {
                    rate: RATES[0],
                    set: None,
                    used: 0,
                };
                for operation in &steps {
                    step(&limit, &mut bucket, operation).await;
                }
            });
            Ok(())
        })
        .unwrap();
}
