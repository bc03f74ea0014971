//! A Redis of its own for every test, a client, and workers that end with the test.
//!
//! Shared by the tests of what the engine does and of the faults it survives.

mod gate;
pub(crate) mod running;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use devkit::{FaultProxy, Persistence, RedisServer};
use rouage::{
    Client, Job, JobContext, JobError, JobId, Keyspace, Link, Registry, RetryPolicy, State,
    Timeout, Worker, WorkerOptions, inspect::JobView,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use self::gate::Gate;
pub(crate) use self::running::{Running, eventually};

pub(crate) struct Stage {
    pub(crate) redis: RedisServer,
    pub(crate) client: Client,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(Persistence::None).await
    }

    pub(crate) async fn with(persistence: Persistence) -> Self {
        let redis = RedisServer::start(persistence).unwrap();
        let link = Link::connect(&redis.url(), running::PATIENCE / 4)
            .await
            .unwrap();
        let client = Client::with_link(link, Keyspace::new("test"));
        Self { redis, client }
    }

    /// Claims the next job with the engine's own script, as a worker does that is killed right after.
    pub(crate) async fn claim_and_die(&self, lease_ms: u64) {
        self.claim_many_and_die(1, lease_ms).await;
    }

    /// The same with that many slots.
    pub(crate) async fn claim_many_and_die(&self, slots: usize, lease_ms: u64) {
        let (slots, lease_ms) = (slots.to_string(), lease_ms.to_string());
        let mut words = vec!["EVAL", script!("groups" "claim"), "1", "test:{test}"];
        words.extend([&slots, &lease_ms, "dead", "500", "1"]);
        let _: redis::Value = self.redis(&words).await;
    }

    pub(crate) fn work(&self, registry: Registry) -> Running {
        self.work_with(registry, options(4))
    }

    pub(crate) fn work_with(&self, registry: Registry, options: WorkerOptions) -> Running {
        Running::start(Worker::new(self.client.clone(), registry, options).unwrap())
    }

    /// A proxy before the stage's Redis; the stage's own client does not use it.
    pub(crate) async fn proxy(&self) -> FaultProxy {
        FaultProxy::start(self.redis.port()).await.unwrap()
    }

    /// A worker that reaches Redis through the proxy only.
    pub(crate) async fn work_through(
        &self,
        proxy: &FaultProxy,
        registry: Registry,
        options: WorkerOptions,
    ) -> Running {
        let client = Client::connect(&proxy.redis_url(), self.client.keyspace().clone())
            .await
            .unwrap();
        Running::start(Worker::new(client, registry, options).unwrap())
    }

    pub(crate) async fn job(&self, id: &JobId) -> JobView {
        self.client
            .job(Act::QUEUE, id)
            .await
            .unwrap()
            .expect("the job is stored")
    }

    /// Waits until the job is in that state.
    pub(crate) async fn reaches(&self, id: &JobId, state: State) -> JobView {
        eventually(&format!("job reaches {state}"), || async {
            let job = self.job(id).await;
            (job.state == state).then_some(job)
        })
        .await
    }

    pub(crate) async fn count(&self, state: State) -> u64 {
        self.client
            .queue_view(Act::QUEUE)
            .await
            .unwrap()
            .in_state(state)
    }

    /// Jobs that ever completed.
    pub(crate) async fn completed(&self) -> u64 {
        let view = self.client.queue_view(Act::QUEUE).await;
        view.unwrap().completed_total
    }

    /// Waits until that many jobs are in that state.
    pub(crate) async fn counts(&self, state: State, jobs: u64) {
        eventually(&format!("{jobs} jobs are {state}"), || async {
            (self.count(state).await == jobs).then_some(())
        })
        .await;
    }

    pub(crate) async fn fsck_is_clean(&self) {
        let report = self.client.fsck().await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.violations);
    }

    pub(crate) async fn redis<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        self.client.link().command(&command).await.unwrap()
    }
}

/// One queue, quick leases, so that a lost one is noticed within a second or two.
pub(crate) fn options(slots: usize) -> WorkerOptions {
    WorkerOptions {
        queues: vec![(Act::QUEUE.to_owned(), slots)],
        lease: Duration::from_millis(1500),
        beat: Duration::from_millis(300),
        idle_poll: Duration::from_secs(1),
        grace: Duration::from_secs(20),
        ..WorkerOptions::default()
    }
}

/// A job that does what it is told.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Act {
    pub(crate) part: String,
    #[serde(default)]
    pub(crate) number: u64,
}

impl Job for Act {
    type Output = Value;
    const KIND: &'static str = "test.act";
    const QUEUE: &'static str = "test";
    const RETRY: RetryPolicy =
        RetryPolicy::attempts(3).delays(Duration::from_millis(20), Duration::from_millis(40));
    const TIMEOUT: Timeout = Timeout::after(Duration::from_secs(60)).tidy(Duration::from_secs(1));
}

pub(crate) fn act(part: &str) -> Act {
    Act {
        part: part.to_owned(),
        number: 0,
    }
}

pub(crate) fn numbered(numbers: std::ops::Range<u64>) -> Vec<Act> {
    let job = |number| Act {
        part: "count".to_owned(),
        number,
    };
    numbers.map(job).collect()
}

/// A registry with one handler for [`Act`].
pub(crate) fn play<F, Fut>(handler: F) -> Registry
where
    F: Fn(Act, JobContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Value, JobError>> + Send + 'static,
{
    Registry::new().function(handler)
}

/// A registry whose handler does nothing but count.
pub(crate) fn counting() -> (Registry, Arc<AtomicU64>) {
    let ran = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&ran);
    let registry = play(move |_, _| {
        counter.fetch_add(1, Ordering::Relaxed);
        async { Ok(Value::Null) }
    });
    (registry, ran)
}
