//! Circuit breakers: jobs wait while what they need is broken.

mod guarding;
mod opening;
mod probing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rouage::inspect::{BreakerState, BreakerView, JobView};
use rouage::{Breaker, Job, JobError, JobId, Registry, RetryPolicy, State, Timeout};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::stage::{Gate, Stage, eventually};

/// Long enough that nothing closes by itself during a test.
const HOUR_MS: u64 = 3_600_000;

const fn policy(open_ms: u64) -> Breaker {
    Breaker {
        window: Duration::from_mins(10),
        minimum: 4,
        percent: 50,
        open: Duration::from_millis(open_ms),
        longest: Duration::from_hours(2),
        probes: 2,
    }
}

/// A job that needs a host. Its breaker is open for so many milliseconds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Call<const OPEN_MS: u64> {
    host: Option<String>,
    #[serde(default)]
    how: String,
}

impl<const OPEN_MS: u64> Job for Call<OPEN_MS> {
    type Output = Value;
    const KIND: &'static str = "test.call";
    const QUEUE: &'static str = "test";
    const RETRY: RetryPolicy =
        RetryPolicy::attempts(100).delays(Duration::from_millis(10), Duration::from_millis(20));
    const TIMEOUT: Timeout = Timeout::after(Duration::from_secs(60)).tidy(Duration::ZERO);
    const BREAKER: Option<Breaker> = Some(policy(OPEN_MS));

    fn breaker_key(&self) -> Option<String> {
        self.host.clone()
    }
}

type Long = Call<HOUR_MS>;

fn calls<const OPEN_MS: u64>(number: usize) -> Vec<Call<OPEN_MS>> {
    (0..number).map(|_| Call::default()).collect()
}

/// What the jobs need.
#[derive(Clone, Default)]
struct World {
    broken: Arc<AtomicBool>,
    starts: Arc<AtomicU64>,
    gate: Option<Gate>,
}

impl World {
    fn broken() -> Self {
        let world = Self::default();
        world.broken.store(true, Ordering::SeqCst);
        world
    }

    fn repair(&self) {
        self.broken.store(false, Ordering::SeqCst);
    }

    fn starts(&self) -> u64 {
        self.starts.load(Ordering::SeqCst)
    }

    /// Handlers that fail while it is broken. Failed jobs do not come back before an hour.
    fn handlers<const OPEN_MS: u64>(&self) -> Registry {
        let world = self.clone();
        Registry::new().function(move |_: Call<OPEN_MS>, _| {
            let world = world.clone();
            async move {
                world.starts.fetch_add(1, Ordering::SeqCst);
                if world.broken.load(Ordering::SeqCst) {
                    let error = anyhow::anyhow!("503");
                    return Err(JobError::retry_after(error, Duration::from_hours(1)));
                }
                if let Some(gate) = &world.gate {
                    gate.pass().await;
                }
                Ok(Value::Null)
            }
        })
    }
}

async fn breaker(stage: &Stage, title: &str) -> Option<BreakerView> {
    let breakers = stage.client.breakers().await.unwrap();
    breakers.into_iter().find(|view| view.title() == title)
}

/// Waits until the breaker does that.
async fn becomes(stage: &Stage, title: &str, wanted: BreakerState) -> BreakerView {
    eventually(&format!("{title} is {}", wanted.name()), || async {
        let view = breaker(stage, title).await?;
        (view.state == wanted).then_some(view)
    })
    .await
}

/// Waits until a worker has decided about a job.
async fn decided(stage: &Stage, id: &JobId) -> JobView {
    eventually("the worker has decided", || async {
        let job = stage.job(id).await;
        (!matches!(job.state, State::Available | State::Running)).then_some(job)
    })
    .await
}

/// Enqueues jobs until one is told to wait: the worker has heard then that the breaker is open.
async fn one_waits<J: Job>(stage: &Stage, job: impl Fn() -> J) -> JobView {
    for _ in 0..1000 {
        let id = stage.client.enqueue(&job()).await.unwrap();
        let job = decided(stage, &id).await;
        if job.state == State::Scheduled {
            return job;
        }
    }
    panic!("no job is told to wait");
}
