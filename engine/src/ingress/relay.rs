//! Moves jobs from where another producer left them into Redis, in order, each once.
//!
//! A [`Source`] lends out its first entries; the relay makes jobs of them, enqueues those, and only
//! then says that they are settled. It may die anywhere: what was not settled is lent out again,
//! under the same ids, and an id that Redis knows is not stored a second time. Redis keeps the ids of
//! entries that are under way even if their jobs are gone already ([`NewJob::known_for`]), so that a
//! job that was quick and is forgotten does not run again either.
//!
//! An entry of which no job can be made is settled with a reason, and those behind it go on. What is
//! away (the source, Redis) is asked again, later and later, for as long as it takes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backoff::{Backoff, jittered};
use crate::client::{Client, NewJob, RunAt, check};
use crate::id::JobId;
use crate::metrics::RelayMetrics;
use crate::policy::{Priority, Unique};
use crate::scripts::MAX_BATCH;

/// How long ids stay known that nobody lets go of, because the relay died: longer than any source
/// may be away before somebody looks.
const KNOWN_FOR: Duration = Duration::from_hours(7 * 24);
/// A relay that slept for so long between taking and enqueueing may have lost its turn.
const STALE: Duration = Duration::from_secs(10);

/// What another producer left: a job that is not checked yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry<T> {
    /// How its source knows it.
    pub ticket: T,
    /// The id its job will have.
    pub id: String,
    /// What job it is.
    pub kind: String,
    /// JSON.
    pub payload: String,
    /// Not before this instant, in ms since 1970.
    pub run_at: Option<u64>,
    /// Cancelled unless started by this instant, in ms since 1970.
    pub expires_at: Option<u64>,
    /// Another priority than the kind's.
    pub priority: Option<u8>,
    /// Another number of attempts than the kind's.
    pub max_attempts: Option<u32>,
    /// Another unique key than the job's own.
    pub unique: Option<String>,
    /// What it belongs to.
    pub tags: Vec<String>,
}

/// An entry of which no job can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked<T> {
    /// The entry.
    pub ticket: T,
    /// Why; without a word of the payload.
    pub reason: String,
}

/// What a source answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken<T> {
    /// Another relay has its turn.
    Busy,
    /// The first entries, in their order; none for nothing to do.
    Entries(Vec<Entry<T>>),
}

/// Where another producer leaves jobs. Every call ends within seconds.
pub trait Source: Send {
    /// How the source knows an entry.
    type Ticket: Clone + fmt::Debug + Send + Sync;

    /// Its name in metrics and logs.
    fn name(&self) -> &'static str;

    /// Lends out the first entries, at most so many, to this relay alone; what it lent out before
    /// and was not settled is among them.
    fn take(
        &mut self,
        most: usize,
    ) -> impl Future<Output = anyhow::Result<Taken<Self::Ticket>>> + Send;

    /// Redis has the jobs of the relayed entries, and no jobs can be made of the parked ones. Both
    /// together or neither.
    fn settle(
        &mut self,
        relayed: &[Self::Ticket],
        parked: &[Parked<Self::Ticket>],
    ) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// What was taken is not settled now; another relay may have it.
    fn give_back(&mut self) -> impl Future<Output = ()> + Send;

    /// Ends when there may be entries; may be called off, and may never end.
    fn news(&mut self) -> impl Future<Output = ()> + Send;
}

/// Makes a job of a kind and a payload, or says why that cannot be, without quoting the payload.
pub type Build = Arc<dyn Fn(&str, &str) -> Result<NewJob, String> + Send + Sync>;

/// How patient a relay is.
#[derive(Debug, Clone)]
pub struct RelayOptions {
    /// How often to look although there were no news.
    pub poll: Duration,
    /// The first pause after a failure; it doubles.
    pub first_pause: Duration,
    /// The longest one.
    pub longest_pause: Duration,
}

impl Default for RelayOptions {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
        }
    }
}

/// What a turn found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Another relay has its turn.
    Busy,
    /// So many entries were settled.
    Settled(usize),
}

/// When a relay last had a turn without a failure.
#[derive(Debug, Clone)]
pub struct RelayPulse(Arc<Mutex<Instant>>);

impl RelayPulse {
    /// How long ago that was.
    pub fn age(&self) -> Duration {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.elapsed()
    }

    fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// Moves the entries of one source.
pub struct Relay<S: Source> {
    client: Client,
    source: S,
    build: Build,
    options: RelayOptions,
    pulse: RelayPulse,
    metrics: RelayMetrics,
}

impl<S: Source> fmt::Debug for Relay<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay({})", self.source.name())
    }
}

/// What became of a batch of entries, before Redis was told.
struct Sorted<T> {
    /// By queue, each in the order of the entries.
    queues: BTreeMap<String, Vec<(T, NewJob)>>,
    parked: Vec<Parked<T>>,
}

impl<S: Source> Relay<S> {
    /// A relay that has not begun.
    pub fn new(client: Client, source: S, build: Build, options: RelayOptions) -> Self {
        let metrics = RelayMetrics::new(source.name());
        Self {
            client,
            source,
            build,
            options,
            pulse: RelayPulse(Arc::new(Mutex::new(Instant::now()))),
            metrics,
        }
    }

    /// For whoever asks whether it works.
    pub fn pulse(&self) -> RelayPulse {
        self.pulse.clone()
    }

    /// Relays until `stop`; a turn that has begun is finished.
    pub async fn run(mut self, stop: CancellationToken) {
        let source = self.source.name();
        let mut backoff = self.backoff();
        let mut failures = 0_u32;
        while !stop.is_cancelled() {
            let turn = self.turn().await;
            let (rest, listens) = match turn {
                Ok(turn) => {
                    if failures > 0 {
                        tracing::info!(source, failures, "jobs are relayed again");
                    }
                    (failures, backoff) = (0, self.backoff());
                    self.pulse.beat();
                    match turn {
                        Turn::Settled(MAX_BATCH..) => continue,
                        // What comes in meanwhile is looked for at once.
                        Turn::Settled(1..) => (Duration::ZERO, false),
                        Turn::Settled(_) => (jittered(self.options.poll), true),
                        Turn::Busy => (jittered(self.options.poll), false),
                    }
                }
                Err(error) => {
                    failures += 1;
                    self.metrics.failed();
                    if failures == 1 {
                        let error = format!("{error:#}");
                        tracing::warn!(source, error, "jobs are not relayed, trying again");
                    }
                    (backoff.next(), false)
                }
            };
            let news = async {
                if listens {
                    self.source.news().await;
                } else {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = news => {}
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    /// Takes once, and settles what was taken.
    pub async fn turn(&mut self) -> anyhow::Result<Turn> {
        let entries = match self.source.take(MAX_BATCH).await? {
            Taken::Busy => return Ok(Turn::Busy),
            Taken::Entries(entries) => entries,
        };
        let (count, since) = (entries.len(), Instant::now());
        if count == 0 {
            return Ok(Turn::Settled(0));
        }
        #[cfg(feature = "faults")]
        crate::faults::reach(crate::faults::Point::RelayTaken);
        let settled = self.settle(entries, since).await;
        if settled.is_err() {
            self.source.give_back().await;
        }
        settled.map(|()| Turn::Settled(count))
    }

    async fn settle(
        &mut self,
        entries: Vec<Entry<S::Ticket>>,
        since: Instant,
    ) -> anyhow::Result<()> {
        let Sorted { queues, parked } = sort(entries, &self.build);
        let (mut relayed, mut known) = (Vec::new(), Vec::new());
        for (queue, jobs) in queues {
            if since.elapsed() > STALE {
                bail!("this process stood still for too long and gives its turn back");
            }
            let (tickets, jobs): (Vec<_>, Vec<_>) = jobs.into_iter().unzip();
            let ids: Vec<JobId> = jobs.iter().map(|job| job.id.clone()).collect();
            self.client.enqueue_all(jobs).await.context("enqueue")?;
            relayed.extend(tickets);
            known.push((queue, ids));
        }
        #[cfg(feature = "faults")]
        crate::faults::reach(crate::faults::Point::RelayStored);
        self.source.settle(&relayed, &parked).await?;
        #[cfg(feature = "faults")]
        crate::faults::reach(crate::faults::Point::RelaySettled);
        self.metrics.settled(relayed.len(), parked.len());
        if let Some(first) = parked.first() {
            let (source, entries) = (self.source.name(), parked.len());
            let (entry, reason) = (&first.ticket, &first.reason);
            tracing::error!(source, entries, first = ?entry, reason, "no job can be made of some entries; they are parked");
        }
        for (queue, ids) in &known {
            if let Err(error) = self.client.forget_ids(queue, ids).await {
                tracing::debug!(%error, "relayed ids stay known for a week");
            }
        }
        Ok(())
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(self.options.first_pause, self.options.longest_pause)
    }
}

/// Makes jobs of entries, queue by queue.
fn sort<T>(entries: Vec<Entry<T>>, build: &Build) -> Sorted<T> {
    let mut sorted = Sorted {
        queues: BTreeMap::new(),
        parked: Vec::new(),
    };
    for entry in entries {
        match job(&entry, build) {
            Ok(job) => {
                let queue = sorted.queues.entry(job.queue.clone()).or_default();
                queue.push((entry.ticket, job));
            }
            Err(reason) => sorted.parked.push(Parked {
                ticket: entry.ticket,
                reason,
            }),
        }
    }
    sorted
}

fn job<T>(entry: &Entry<T>, build: &Build) -> Result<NewJob, String> {
    let mut job = build(&entry.kind, &entry.payload)?;
    job.id = entry.id.parse().map_err(|_| {
        "its id is not 1 to 64 characters of letters, digits, '-', '_' and '.'".to_owned()
    })?;
    if let Some(priority) = entry.priority {
        let priority = Priority::new(priority);
        job.envelope.priority = priority.ok_or("its priority is not 0 to 9")?;
    }
    if let Some(attempts) = entry.max_attempts {
        job.envelope.max_attempts = Some(attempts.max(1));
    }
    if let Some(key) = &entry.unique {
        job.unique = Some(Unique::while_live(key.clone()));
    }
    if let Some(instant) = entry.run_at {
        job.run_at = RunAt::At(instant);
    }
    job.envelope.expires_at = entry.expires_at;
    job.envelope.tags.clone_from(&entry.tags);
    job.known_for = Some(KNOWN_FOR);
    check(&job).map_err(|_| {
        "a tag or its unique key is not 1 to 200 bytes without control characters".to_owned()
    })?;
    Ok(job)
}

#[cfg(test)]
mod tests;
