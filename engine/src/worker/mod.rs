//! A worker process: puts the pieces together, runs them, and takes them down in order.
//!
//! One apalis worker per queue, each with its fetch loop, acker and keeper; one beat thread and
//! one subscription for all of them. Taking down ([`Shutdown`]): claim nothing more; let
//! running jobs finish until the grace is over; cancel their tokens; hand what is left back
//! with its attempt refunded; exit within grace + 1 s, whatever a handler does.

mod line;
mod options;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::line::{Line, Shared, Tasks};
pub use self::options::{Shutdown, WorkerError, WorkerOptions};
use crate::backend::{BeatingQueue, Beats, LastTurn, Orders, Presence, Sleeper, Wake};
use crate::client::Client;
use crate::executor::{Registry, StopReason};
use crate::gates::{self, Announcer, Gates};
use crate::history::History;
use crate::inspect::WorkerInfo;
use crate::operations;

/// Once the grace is over, handlers have this long to react to their token, and as long again
/// to be dropped. With the two below it adds up to less than a second.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// How long the last outcomes have to reach Redis.
const LAST_ACKS: Duration = Duration::from_millis(400);
/// How long the beat thread has to sign off.
const LAST_BEAT: Duration = Duration::from_millis(150);
/// A worker's calls may take this long before they are tried again.
const WORKER_DEADLINE: Duration = Duration::from_secs(5);

/// Tells whether a worker's fetch loops turn.
#[derive(Clone, Default)]
pub struct Pulse(Arc<Vec<(String, Arc<LastTurn>)>>);

impl Pulse {
    /// The queues whose fetch loop got no answer for `limit` although a slot was free, with how
    /// long ago the last one was. A loop whose slots are all taken is not late, nor is a quiet one.
    pub fn late(&self, limit: Duration) -> Vec<(String, Duration)> {
        let ages = self
            .0
            .iter()
            .filter_map(|(queue, turned)| Some((queue.clone(), turned.late()?)));
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
    history: Option<Arc<dyn History>>,
}

impl Worker {
    /// Checks what can be checked before anything runs.
    pub fn new(
        client: Client,
        registry: Registry,
        mut options: WorkerOptions,
    ) -> Result<Self, WorkerError> {
        let registry = if options.operations {
            operations::serve(registry, client.clone(), &mut options.queues)
        } else {
            registry
        };
        if let Some(kind) = registry.duplicates().first() {
            return Err(WorkerError::DuplicateKind(kind));
        }
        gates::check(&registry)?;
        options.check()?;
        options.queues.sort();
        let turns = options
            .queues
            .iter()
            .map(|(queue, _)| (queue.clone(), Arc::new(LastTurn::new())));
        Ok(Self {
            pulse: Pulse(Arc::new(turns.collect())),
            instance: crate::instance::name(),
            registry: Arc::new(registry.producing_into(Arc::new(client.clone()))),
            client,
            options,
            history: None,
        })
    }

    /// Hands finished jobs to a history, beside the work.
    #[must_use]
    pub fn with_history(mut self, history: Arc<dyn History>) -> Self {
        self.history = Some(history);
        self
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
        let shared = self.shared(&shutdown).await?;
        let mut tasks = Tasks::default();
        // Before anything is claimed: slots may have been set for all workers.
        let orders = Orders::read(&shared.link, &shared.keyspace, &shared.instance).await?;
        let queues = shared.options.queues.iter().zip(self.pulse.0.iter());
        let lines: Vec<Line> = queues
            .map(|((queue, set_up), (_, turned))| {
                let slots = orders.slots(queue, *set_up);
                Line::start(queue, slots, turned, &shared, &mut tasks)
            })
            .collect();
        let beats = beats(&lines, &shared).spawn()?;
        let listener = spawn(wake(&lines, &shared).run(shared.stop_rest.clone()));
        let announcer = Announcer {
            gates: Arc::clone(&shared.gates),
        };
        spawn(announcer.run(shared.stop_rest.clone()));
        let teller = spawn(tell_breakers(&shared));

        let early = tokio::select! {
            biased;
            () = shutdown.drain.cancelled() => None,
            ended = tasks.running.join_next() => ended,
        };
        shutdown.drain.cancel();
        drain(&lines, &shared, &shutdown, &mut tasks.running).await;
        let written = async { while tasks.ackers.join_next().await.is_some() {} };
        if timeout(LAST_ACKS, written).await.is_err() {
            shared.give_up.cancel();
        }
        shared.stop_rest.cancel();
        drop(listener.await);
        let joined = tokio::task::spawn_blocking(move || beats.join());
        drop(timeout(LAST_BEAT, async { tokio::join!(joined, teller) }).await);
        early.map_or(Ok(()), |_| Err(WorkerError::Ended("a queue's worker")))
    }

    async fn shared(&self, shutdown: &Shutdown) -> Result<Shared, WorkerError> {
        let link = self.client.link().another(WORKER_DEADLINE).await?;
        let keyspace = self.client.keyspace().clone();
        let gates = Gates::new(&link, &keyspace, &self.registry);
        Ok(Shared {
            client: self.client.over(link.clone()),
            link,
            keyspace,
            gates: Arc::new(gates),
            payloads: self.client.payload_store().cloned(),
            history: self.history.clone(),
            registry: Arc::clone(&self.registry),
            options: self.options.clone(),
            instance: self.instance.clone(),
            news: Arc::default(),
            drain: shutdown.drain.clone(),
            abandon: CancellationToken::new(),
            give_up: CancellationToken::new(),
            stop_rest: CancellationToken::new(),
        })
    }
}

/// Waits for what runs, then insists.
async fn drain(lines: &[Line], shared: &Shared, shutdown: &Shutdown, running: &mut JoinSet<()>) {
    let all_done = async { while running.join_next().await.is_some() {} };
    tokio::pin!(all_done);
    tokio::select! {
        () = &mut all_done => return,
        () = tokio::time::sleep(shared.options.grace) => {}
        () = shutdown.now.cancelled() => {}
    }
    for line in lines {
        line.held.stop_all(StopReason::Shutdown);
    }
    if timeout(LAST_WORDS, &mut all_done).await.is_ok() {
        return;
    }
    shared.abandon.cancel();
    if timeout(LAST_WORDS, &mut all_done).await.is_err() {
        let left: usize = lines.iter().map(|line| line.held.len()).sum();
        tracing::error!(
            left,
            "handlers block their threads; their jobs run again when the lease ends"
        );
    }
}

fn tell_breakers(shared: &Shared) -> impl Future<Output = ()> + use<> {
    let (gates, stop) = (Arc::clone(&shared.gates), shared.stop_rest.clone());
    async move { gates.breakers.run(stop).await }
}

fn beats(lines: &[Line], shared: &Shared) -> Beats {
    let set_up = shared.options.queues.iter();
    let queues = lines
        .iter()
        .zip(set_up)
        .map(|(line, (_, set_up))| BeatingQueue {
            name: line.queue.clone(),
            keys: shared.keyspace.queue(&line.queue),
            held: Arc::clone(&line.held),
            gate: Arc::clone(&line.gate),
            slots: Arc::clone(&line.slots),
            set_up: *set_up,
        });
    Beats {
        link: shared.link.clone(),
        queues: queues.collect(),
        presence: presence(shared),
        lease: shared.options.lease,
        every: shared.options.beat,
        news: Arc::clone(&shared.news),
        drain: shared.drain.clone(),
        stop: shared.stop_rest.clone(),
    }
}

fn presence(shared: &Shared) -> Presence {
    Presence {
        keyspace: shared.keyspace.clone(),
        info: WorkerInfo {
            instance: shared.instance.clone(),
            host: crate::instance::host_name(),
            pid: std::process::id(),
            version: shared.options.version.clone(),
            queues: shared.options.queues.clone(),
            running: 0,
            started: 0,
            draining: false,
            quiet: false,
            rss_bytes: 0,
            jobs: Vec::new(),
        },
    }
}

fn wake(lines: &[Line], shared: &Shared) -> Wake {
    let sleepers = lines.iter().map(|line| {
        let sleeper = Sleeper {
            bell: Arc::clone(&line.bell),
            signals: Arc::clone(&line.signals),
            held: Arc::clone(&line.held),
        };
        (shared.keyspace.queue(&line.queue).wake(), sleeper)
    });
    let keyspace = &shared.keyspace;
    Wake {
        link: shared.link.clone(),
        sleepers: sleepers.collect(),
        orders: [keyspace.orders(&shared.instance), keyspace.slots()],
        news: Arc::clone(&shared.news),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the worker's own background tasks; each ends with its token"
)]
fn spawn(task: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
    tokio::spawn(task)
}
