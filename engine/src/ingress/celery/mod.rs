//! Messages of Celery clients, taken in as jobs, and the results their callers wait for.
//!
//! Nothing changes for the client: it pushes to the broker it knows and reads the result where it
//! always did. Between them stand four tasks, each of which may run in any number of processes:
//!
//! 1. [`intake`] moves messages from Celery's lists into our queues;
//! 2. [`tracker`] notices the ends of their jobs and tells them: next messages of a chain, parts of
//!    a chord, the result;
//! 3. [`control`] answers `inspect` and obeys `revoke`;
//! 4. what cannot become a job is kept in [`park`] until somebody decides.
//!
//! The pure part, what the bytes mean, is [`wire`]. The broker, the result backend and our own Redis
//! may be three servers. No step spans two of them: each is repeated until it is known to be done,
//! and changes nothing the second time.

mod broker;
mod control;
mod drain;
mod intake;
mod names;
mod park;
mod registry;
mod results;
mod settings;
mod status;
mod tell;
mod tracker;
pub mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::drain::{Drained, Preview};
pub use self::names::{Argument, Mode, Names, Task};
pub use self::park::{Parked, Parking};
pub use self::settings::{Settings, Unknown};
pub use self::status::{Depth, NameStatus, Status, Unacked};

use self::broker::Broker;
use self::intake::Intake;
use self::registry::Registry;
use self::results::Results;
use crate::client::{Client, ClientError, NewJob};
use crate::id::JobId;
use crate::link::Link;

/// How long a job's end is published for the tracker, from its latest look at it.
const LISTEN: Duration = Duration::from_hours(1);
/// Most jobs of a queue whose ends are published; the others are looked at.
const MAX_WAITING: u64 = 10_000;

/// What kinds of job there are; whoever runs the ingress knows.
pub trait Kinds: fmt::Debug + Send + Sync {
    /// The queue of a kind; `None` if there is no such kind.
    fn queue(&self, kind: &str) -> Option<String>;

    /// A job of that kind with this payload, or why the payload does not fit.
    fn job(&self, kind: &str, payload: &str) -> Result<NewJob, String>;
}

/// Why an ingress cannot start.
#[derive(Debug, thiserror::Error)]
pub enum CeleryError {
    /// A name that is to be taken and whose kind does not exist.
    #[error(
        "task {name} cannot be taken: there is no kind {kind:?} in this build; hint: leave it off or shadow it"
    )]
    NoKind {
        /// The task.
        name: String,
        /// What the table says it is.
        kind: String,
    },
    /// No queue to serve.
    #[error("no queue is named; hint: Celery's own default is \"celery\"")]
    NoQueues,
}

/// What all tasks of the ingress share.
#[derive(Debug)]
pub(crate) struct Shared {
    client: Client,
    broker: Broker,
    results: Results,
    registry: Registry,
    parking: Parking,
    settings: Settings,
    names: Names,
    kinds: Arc<dyn Kinds>,
}

/// The ingress.
#[derive(Debug, Clone)]
pub struct CeleryIngress {
    shared: Arc<Shared>,
}

impl CeleryIngress {
    /// An ingress over links to the broker and to the result backend; refuses what cannot work.
    pub fn new(
        client: Client,
        (broker, results): (Link, Link),
        settings: Settings,
        names: Names,
        kinds: Arc<dyn Kinds>,
    ) -> Result<Self, CeleryError> {
        if settings.queues.is_empty() {
            return Err(CeleryError::NoQueues);
        }
        let taken = names
            .all()
            .into_iter()
            .filter(|task| task.mode == Mode::Take);
        for task in taken {
            if kinds.queue(&task.kind).is_none() {
                return Err(CeleryError::NoKind {
                    name: task.name.clone(),
                    kind: task.kind.clone(),
                });
            }
        }
        let shared = Shared {
            broker: Broker::new(broker, settings.broker.clone()),
            results: Results::new(results, &settings),
            registry: Registry::new(client.clone()),
            parking: Parking::new(client.clone()),
            client,
            settings,
            names,
            kinds,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Runs until `stop` and finishes what it began. Never ends because something is away.
    pub async fn run(&self, stop: CancellationToken) {
        let mut tasks = JoinSet::new();
        tasks.spawn(Intake::new(Arc::clone(&self.shared)).run(stop.clone()));
        tasks.spawn(tracker::listen(Arc::clone(&self.shared), stop.clone()));
        tasks.spawn(tracker::sweep(Arc::clone(&self.shared), stop.clone()));
        tasks.spawn(control::run(Arc::clone(&self.shared), stop));
        while tasks.join_next().await.is_some() {}
    }

    /// One turn of the intake and one of the tracker, for tests that let it die in between.
    #[cfg(feature = "faults")]
    pub async fn turn(&self) -> Result<(), ClientError> {
        Intake::new(Arc::clone(&self.shared)).round().await?;
        self.shared.look_around().await?;
        Ok(())
    }

    /// Where the messages are that became no job.
    pub fn parking(&self) -> &Parking {
        &self.shared.parking
    }

    /// Puts a parked message back at the tail of its list, where the next look finds it; `false` if
    /// not all of it was kept.
    pub async fn retry(&self, parked: &Parked) -> Result<bool, ClientError> {
        let Some(message) = parked.whole() else {
            return Ok(false);
        };
        if let Ok(head) = wire::head(&message, &self.shared.settings.limits) {
            // It was over; now it is wanted again.
            let entry = registry::entry_of(&head.id, head.retries, head.nesting);
            self.shared.registry.reopen(&entry).await?;
        }
        let list = self.shared.broker.keys.list(&parked.queue, 0);
        let mut command = redis::cmd("RPUSH");
        command.arg(list).arg(message);
        let _: u64 = self.shared.broker.link.command(&command).await?;
        self.shared.parking.discard(&parked.id).await?;
        Ok(true)
    }
}

impl Shared {
    /// The queues of our jobs that come from Celery.
    fn job_queues(&self) -> BTreeSet<String> {
        let kinds = self.names.all().into_iter();
        kinds
            .filter_map(|task| self.kinds.queue(&task.kind))
            .collect()
    }

    /// Asks that the ends of these jobs are published.
    async fn mark_waiting(&self, jobs: &[(&str, &JobId)]) -> Result<(), ClientError> {
        let mut by_queue: BTreeMap<&str, Vec<&JobId>> = BTreeMap::new();
        for (queue, job) in jobs {
            by_queue.entry(queue).or_default().push(job);
        }
        let link = self.client.link();
        for (queue, jobs) in by_queue {
            let waiting = self.client.queue(queue).waiting();
            let marked: u64 = link.command(redis::cmd("ZCARD").arg(&waiting)).await?;
            if marked >= MAX_WAITING {
                continue;
            }
            let (seconds, _): (u64, u64) = link.command(&redis::cmd("TIME")).await?;
            let until = seconds * 1000 + LISTEN.as_millis() as u64;
            let mut mark = redis::cmd("ZADD");
            mark.arg(&waiting);
            for job in jobs {
                mark.arg(until).arg(job.as_str());
            }
            let () = link.command(&mark).await?;
        }
        Ok(())
    }

    /// Keeps kombu's routes to our queues: without them it drops messages of named exchanges.
    async fn bind(&self) -> Result<(), ClientError> {
        let keys = &self.broker.keys;
        for queue in &self.settings.queues {
            let member = keys.binding_member(queue, "", queue);
            let mut command = redis::cmd("SADD");
            command.arg(keys.binding(queue)).arg(member);
            let () = self.broker.link.command(&command).await?;
        }
        Ok(())
    }
}
