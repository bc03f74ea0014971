//! A worker process: puts the pieces together, runs them, and takes them down in order.
//!
//! One apalis worker per queue, each with its fetch loop, acker and keeper; one beat thread and
//! one subscription for all of them. Taking down ([`Shutdown`]): claim nothing more; let
//! running jobs finish until the grace is over; cancel their tokens; hand what is left back
//! with its attempt refunded; exit within grace + 1 s, whatever a handler does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::WorkerBuilder as ApalisWorker;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::backend::{
    Acker, BeatingQueue, Beats, Fetcher, Held, Keeper, LastTurn, QueueBackend, Sleeper, Wake,
};
use crate::client::Client;
use crate::executor::{
    CarryLayer, CatchLayer, JudgeLayer, LimitLayer, ObserveLayer, Perform, Registry, StopReason,
};
use crate::id::JobId;
use crate::inspect::WorkerInfo;
use crate::link::{Link, LinkError};
use crate::metrics::KindMetrics;
use crate::policy::Retention;

/// Once the grace is over, handlers have this long to react to their token.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// Once handlers were dropped, outcomes have this long to reach Redis.
const LAST_ACKS: Duration = Duration::from_millis(600);
/// A worker's calls may take this long before they are tried again.
const WORKER_DEADLINE: Duration = Duration::from_secs(5);

/// What a worker serves and how.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Queues and the number of jobs of each that run at once.
    pub queues: Vec<(String, usize)>,
    /// How long a job stays this worker's without a beat. At least 3 × `beat`.
    pub lease: Duration,
    /// How often leases are extended.
    pub beat: Duration,
    /// How long running jobs may go on after a shutdown was asked for.
    pub grace: Duration,
    /// How often an idle queue is looked at although nothing rang; must be shorter than `lease`.
    pub idle_poll: Duration,
    /// How long finished jobs are kept.
    pub retention: Retention,
    /// The binary's version, for the list of workers.
    pub version: String,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            queues: Vec::new(),
            lease: Duration::from_secs(15),
            beat: Duration::from_secs(5),
            grace: Duration::from_secs(25),
            idle_poll: Duration::from_secs(12),
            retention: Retention::default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// How to end a worker.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Claim nothing more, finish what runs.
    pub drain: CancellationToken,
    /// Do not wait for what runs.
    pub now: CancellationToken,
}

/// Why a worker did not start or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Two handlers for one kind.
    #[error("kind {0:?} is registered twice; hint: a kind has one handler")]
    DuplicateKind(&'static str),
    /// Options that contradict each other.
    #[error("{0}")]
    Options(String),
    /// Redis was not there at the start.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The beat thread could not be started.
    #[error("cannot start the beat thread: {0}")]
    Thread(#[from] std::io::Error),
    /// A part of the worker ended although nobody asked it to.
    #[error("{0} ended unexpectedly")]
    Ended(&'static str),
}

/// Tells whether a worker's fetch loops turn.
#[derive(Clone, Default)]
pub struct Pulse(Arc<Vec<(String, Arc<LastTurn>)>>);

impl Pulse {
    /// The queues whose fetch loop got no answer for `limit` although a slot was free, with how
    /// long ago the last one was.
    pub fn late(&self, limit: Duration) -> Vec<(String, Duration)> {
        let ages = self
            .0
            .iter()
            .map(|(queue, turned)| (queue.clone(), turned.ago()));
        ages.filter(|(_, age)| *age > limit).collect()
    }
}

/// A worker that is ready to run.
pub struct Worker {
    client: Client,
    registry: Arc<Registry>,
    options: WorkerOptions,
    instance: String,
    pulse: Pulse,
}

impl Worker {
    /// Checks what can be checked before anything runs.
    pub fn new(
        client: Client,
        registry: Registry,
        mut options: WorkerOptions,
    ) -> Result<Self, WorkerError> {
        if let Some(kind) = registry.duplicates().first() {
            return Err(WorkerError::DuplicateKind(kind));
        }
        check(&options)?;
        options.queues.sort();
        let turns = options
            .queues
            .iter()
            .map(|(queue, _)| (queue.clone(), Arc::new(LastTurn::new())));
        Ok(Self {
            pulse: Pulse(Arc::new(turns.collect())),
            instance: instance_name(),
            client,
            registry: Arc::new(registry),
            options,
        })
    }

    /// The process' unique name in the list of workers.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The worker's pulse, for a readiness probe.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Runs until `shutdown.drain` is cancelled and everything is finished or handed back.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), WorkerError> {
        let link = self.client.link().another(WORKER_DEADLINE).await?;
        let stop_fetching = shutdown.drain.clone();
        let parts = Parts {
            abandon: CancellationToken::new(),
            give_up: CancellationToken::new(),
            stop_rest: CancellationToken::new(),
            link,
        };
        let mut lines = Vec::new();
        let (mut running, mut ackers) = (JoinSet::new(), JoinSet::new());
        for ((queue, slots), (_, turned)) in self.options.queues.iter().zip(self.pulse.0.iter()) {
            lines.push(self.start_queue(
                queue,
                *slots,
                turned,
                &parts,
                &stop_fetching,
                &mut running,
                &mut ackers,
            ));
        }
        let beats = self.beats(&lines, &parts, &shutdown).spawn()?;
        let wake = self.wake(&lines, &parts);
        let listener = spawn(wake.run(parts.stop_rest.clone()));

        let early = tokio::select! {
            biased;
            () = shutdown.drain.cancelled() => None,
            ended = running.join_next() => ended,
        };
        shutdown.drain.cancel();
        self.drain(&lines, &parts, &shutdown, &mut running).await;
        let flushed = tokio::time::timeout(LAST_ACKS, async {
            while ackers.join_next().await.is_some() {}
        });
        if flushed.await.is_err() {
            parts.give_up.cancel();
        }
        parts.stop_rest.cancel();
        drop(listener.await);
        let joined = tokio::task::spawn_blocking(move || beats.join());
        drop(tokio::time::timeout(LAST_ACKS, joined).await);
        early.map_or(Ok(()), |_| Err(WorkerError::Ended("a queue's worker")))
    }

    /// Waits for what runs, then insists.
    async fn drain(
        &self,
        lines: &[Line],
        parts: &Parts,
        shutdown: &Shutdown,
        running: &mut JoinSet<()>,
    ) {
        let all_done = async { while running.join_next().await.is_some() {} };
        tokio::pin!(all_done);
        tokio::select! {
            () = &mut all_done => return,
            () = tokio::time::sleep(self.options.grace) => {}
            () = shutdown.now.cancelled() => {}
        }
        for line in lines {
            line.held.stop_all(StopReason::Shutdown);
        }
        if tokio::time::timeout(LAST_WORDS, &mut all_done)
            .await
            .is_ok()
        {
            return;
        }
        parts.abandon.cancel();
        if tokio::time::timeout(LAST_WORDS, &mut all_done)
            .await
            .is_err()
        {
            let left: usize = lines.iter().map(|line| line.held.len()).sum();
            tracing::error!(
                left,
                "handlers block their threads; their jobs run again when the lease ends"
            );
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the wiring of one queue, called in one place"
    )]
    fn start_queue(
        &self,
        queue: &str,
        slots: usize,
        turned: &Arc<LastTurn>,
        parts: &Parts,
        stop_fetching: &CancellationToken,
        running: &mut JoinSet<()>,
        ackers: &mut JoinSet<()>,
    ) -> Line {
        let keys = self.client.keyspace().queue(queue);
        let held = Arc::new(Held::default());
        let bell = Arc::new(Notify::new());
        let (attempts, claimed) = mpsc::channel(slots);
        let (outcomes, ended) = mpsc::channel(slots.max(1000));
        let keeper = Keeper {
            link: parts.link.clone(),
            keys: keys.clone(),
            queue: queue.to_owned(),
            held: Arc::clone(&held),
            retention: self.options.retention,
        };
        let fetcher = Fetcher {
            link: parts.link.clone(),
            keys: keys.clone(),
            queue: queue.into(),
            worker: self.instance.clone(),
            lease: self.options.lease,
            idle_poll: self.options.idle_poll,
            registry: Arc::clone(&self.registry),
            slots: Arc::new(Semaphore::new(slots)),
            held: Arc::clone(&held),
            bell: Arc::clone(&bell),
            keeper: keeper.clone(),
            turned: Arc::clone(turned),
            attempts,
        };
        let acker = Acker {
            link: parts.link.clone(),
            keys: keys.clone(),
            queue: queue.to_owned(),
            give_up: parts.give_up.clone(),
        };
        let carry = CarryLayer {
            outcomes,
            held: Arc::clone(&held),
        };
        let worker = ApalisWorker::new(format!("{}:{queue}", self.instance))
            .backend(QueueBackend::new(claimed, carry))
            .layer(ObserveLayer {
                metrics: KindMetrics::new(queue, &self.registry),
            })
            .layer(JudgeLayer)
            .layer(LimitLayer {
                abandon: parts.abandon.clone(),
            })
            .layer(CatchLayer)
            .build(Perform);
        let name = queue.to_owned();
        running.spawn(async move {
            if let Err(error) = worker.run().await {
                tracing::error!(queue = %name, %error, "the queue's worker failed");
            }
        });
        ackers.spawn(acker.run(ended));
        spawn(fetcher.run(stop_fetching.clone()));
        spawn(keeper.run(parts.stop_rest.clone()));
        Line {
            queue: queue.to_owned(),
            held,
            bell,
        }
    }

    fn beats(&self, lines: &[Line], parts: &Parts, shutdown: &Shutdown) -> Beats {
        let queues = lines.iter().map(|line| BeatingQueue {
            keys: self.client.keyspace().queue(&line.queue),
            held: Arc::clone(&line.held),
        });
        Beats {
            link: parts.link.clone(),
            keyspace: self.client.keyspace().clone(),
            queues: queues.collect(),
            info: WorkerInfo {
                instance: self.instance.clone(),
                host: host_name(),
                pid: std::process::id(),
                version: self.options.version.clone(),
                queues: self.options.queues.clone(),
                running: 0,
                started: 0,
                draining: false,
            },
            lease: self.options.lease,
            every: self.options.beat,
            draining: shutdown.drain.clone(),
            stop: parts.stop_rest.clone(),
        }
    }

    fn wake(&self, lines: &[Line], parts: &Parts) -> Wake {
        let sleepers = lines.iter().map(|line| {
            let sleeper = Sleeper {
                bell: Arc::clone(&line.bell),
                held: Arc::clone(&line.held),
            };
            (self.client.keyspace().queue(&line.queue).wake(), sleeper)
        });
        Wake {
            link: parts.link.clone(),
            sleepers: sleepers.collect::<HashMap<_, _>>(),
        }
    }
}

/// What all queues of a worker share.
struct Parts {
    link: Link,
    /// Drops running handlers.
    abandon: CancellationToken,
    /// Stops waiting for Redis.
    give_up: CancellationToken,
    /// Ends keepers, listener and beats.
    stop_rest: CancellationToken,
}

/// What remains in hand of one started queue.
struct Line {
    queue: String,
    held: Arc<Held>,
    bell: Arc<Notify>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the worker's own background tasks; each ends with its token"
)]
fn spawn(task: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
    tokio::spawn(task)
}

fn check(options: &WorkerOptions) -> Result<(), WorkerError> {
    let refuse = |why: String| Err(WorkerError::Options(why));
    if options.queues.is_empty() {
        return refuse("no queue to serve; hint: name at least one".to_owned());
    }
    if let Some((queue, slots)) = options
        .queues
        .iter()
        .find(|(_, slots)| !(1..=10_000).contains(slots))
    {
        return refuse(format!("queue {queue:?} has {slots} slots; use 1 to 10000"));
    }
    if options.lease < options.beat * 3 {
        return refuse(format!(
            "lease {:?} is shorter than three beats of {:?}",
            options.lease, options.beat
        ));
    }
    if options.idle_poll >= options.lease {
        return refuse(format!(
            "idle poll {:?} is not shorter than the lease {:?}",
            options.idle_poll, options.lease
        ));
    }
    Ok(())
}

/// Host, pid and a random part: unique also when a pid comes back after a restart.
fn instance_name() -> String {
    let random = JobId::generate();
    let tail = &random.as_str()[random.as_str().len() - 6..];
    format!(
        "{}.{}.{}",
        host_name(),
        std::process::id(),
        tail.to_lowercase()
    )
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name
        .trim()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .collect();
    if name.is_empty() {
        "host".to_owned()
    } else {
        name
    }
}
