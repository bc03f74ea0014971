//! The scheduler: asks who leads, fires what is due, writes down what it did.
//!
//! 1. Every turn begins at Redis: who leads, and what time it is. Nobody's own clock decides.
//! 2. Who follows sleeps until the lease of the leader could be over; it takes the lead within
//!    [`SchedulerOptions::lease`] and a fraction of a second after a leader has died.
//! 3. Who leads reads the states anew every few seconds (changes by hand take effect), enqueues what
//!    is due and then writes the states down. A crash in between fires the same jobs again, under
//!    the same ids.
//! 4. A leader whose database is away goes on with what it has in mind and writes later; one that
//!    has not read it yet gives the lead back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::metrics::{counter, gauge};
use rand::Rng;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::entry::Entry;
use super::heartbeat::Heartbeat;
use super::leader::{Lead, SchedulerOptions, Standing};
use super::metrics::{LAST_FIRE, LAST_SUCCESS, LEADER, MISSED, SKIPPED, show};
use super::plan::plan;
use super::store::{Fired, Mark, ScheduleStore, Stored};
use super::tracks::{Track, Tracks};
use super::watch::{Open, Watch};
use crate::client::{Client, ClientError, Enqueued, NewJob};

/// Most schedules of one installation.
pub const MAX_ENTRIES: usize = 10_000;
/// Jobs that are stored in one go; what is due besides follows at once.
const MOST_AT_ONCE: usize = 5000;
/// How often states are read anew by the leader.
const REREAD: Duration = Duration::from_secs(2);
/// How long to wait after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Who waits for the same moment comes up to this much later.
const SPREAD_MS: u64 = 250;

/// Fires schedules. Any number may run.
#[derive(Debug)]
pub struct Scheduler {
    lead: Lead,
    store: Arc<dyn ScheduleStore>,
    tracks: Tracks,
    watch: Watch,
    /// The fence it led with in its latest turn.
    leading: Option<u64>,
    /// When states were read last; `None` before that.
    read: Option<Instant>,
    /// What the store has not got yet, by schedule.
    unwritten: BTreeMap<String, Mark>,
    heartbeat: Heartbeat,
}

impl Scheduler {
    /// A scheduler of these entries. Their names must differ.
    pub fn new(
        client: Client,
        store: Arc<dyn ScheduleStore>,
        entries: Vec<Entry>,
        options: &SchedulerOptions,
    ) -> Self {
        let lead = Lead {
            client,
            instance: crate::instance::name(),
            lease: options.lease,
        };
        Self {
            lead,
            store,
            tracks: Tracks::new(entries),
            watch: Watch::default(),
            leading: None,
            read: None,
            unwritten: BTreeMap::new(),
            heartbeat: Heartbeat::new(),
        }
    }

    /// The process' name among the schedulers.
    pub fn instance(&self) -> &str {
        &self.lead.instance
    }

    /// For a readiness probe.
    pub fn heartbeat(&self) -> Heartbeat {
        self.heartbeat.clone()
    }

    /// Runs until it is stopped, then gives the lead back.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            // A turn is not cut off: what was enqueued is written down.
            let pause = self.turn().await;
            if stop
                .run_until_cancelled(tokio::time::sleep(pause))
                .await
                .is_none()
            {
                break;
            }
        }
        if self.leading.is_some() {
            drop(self.lead.release().await);
        }
        gauge!(LEADER).set(0.0);
    }

    /// One turn; how long until the next one.
    async fn turn(&mut self) -> Duration {
        match self.try_turn().await {
            Ok(pause) => {
                if self.heartbeat.turned(None) {
                    tracing::info!("the scheduler goes on");
                }
                pause
            }
            Err(Trouble { what, error }) => {
                if self.heartbeat.turned(Some(what)) {
                    tracing::warn!(%error, "the scheduler cannot go on: {what}");
                }
                AFTER_FAILURE + spread()
            }
        }
    }

    async fn try_turn(&mut self) -> Result<Duration, Trouble> {
        // Who cannot read the states does not compete.
        let rows = match self.leading {
            None => Some(self.load().await?),
            Some(_) => None,
        };
        let standing = match self.lead.hold().await {
            Ok(standing) => standing,
            Err(error) => {
                self.leads(None);
                let what = "redis does not answer";
                let error = error.into();
                return Err(Trouble { what, error });
            }
        };
        self.leads(standing.fence);
        if let Some(fence) = standing.fence {
            return self.fire(fence, &standing).await;
        }
        if let Some(rows) = rows {
            self.take_in(&rows, seconds(standing.now_ms));
        }
        Ok(standing.left.min(self.lead.lease) + spread())
    }

    fn leads(&mut self, fence: Option<u64>) {
        gauge!(LEADER).set(if fence.is_some() { 1.0 } else { 0.0 });
        if fence == self.leading {
            return;
        }
        let instance = self.lead.instance.as_str();
        let leads = fence.is_some();
        tracing::info!(
            instance,
            fence,
            leads,
            "the lead among the schedulers changed"
        );
        self.leading = fence;
        // Somebody else may have fired meanwhile.
        self.read = None;
        self.watch.clear();
    }

    async fn fire(&mut self, fence: u64, standing: &Standing) -> Result<Duration, Trouble> {
        let now = seconds(standing.now_ms);
        let is_new = self.read.is_none();
        if self.read.is_none_or(|read| read.elapsed() >= REREAD) {
            match self.load().await {
                Ok(rows) => {
                    self.take_in(&rows, now);
                    if is_new {
                        self.watch_open(&rows);
                    }
                }
                Err(trouble) if is_new => {
                    // Another process may reach the database.
                    drop(self.lead.release().await);
                    self.leads(None);
                    return Err(trouble);
                }
                Err(Trouble { error, .. }) => {
                    tracing::debug!(%error, "states of schedules were not read");
                }
            }
            self.read = Some(Instant::now());
            self.note_successes().await;
        }
        let more = self.enqueue_due(now, standing).await?;
        self.write(fence).await?;
        if more {
            return Ok(Duration::ZERO);
        }
        let renew = self.lead.lease / 3;
        let due = self.tracks.next().map(|next| next.max(0) as u64 * 1000);
        let until = due.map(|due| Duration::from_millis(due.saturating_sub(standing.now_ms)));
        Ok(until.map_or(renew, |until| until.min(renew)))
    }

    async fn load(&self) -> Result<Vec<Stored>, Trouble> {
        self.store.load().await.map_err(|error| Trouble {
            what: "the states of schedules cannot be read",
            error,
        })
    }

    /// Takes in what is stored, and shows it.
    fn take_in(&mut self, rows: &[Stored], now: i64) {
        let marks = self.tracks.take_in(rows, now);
        for row in rows {
            // Another leader went on meanwhile.
            let owed = self.unwritten.get(&row.name);
            if owed.is_some_and(|mark| mark.considered < row.considered) {
                self.unwritten.remove(&row.name);
            }
        }
        if self.leading.is_some() {
            for mark in marks {
                self.owe(mark);
            }
        }
        show(rows, &self.tracks, now);
    }

    /// Notes which of the latest jobs completed.
    async fn note_successes(&mut self) {
        for (name, at) in self.watch.round(&self.lead.client).await {
            gauge!(LAST_SUCCESS, "schedule" => name.clone()).set(at as f64 / 1000.0);
            let is_it = |track: &&Track| track.entry.name == name;
            let mark = self.tracks.iter().find(is_it).map(Track::mark);
            if let Some(mark) = mark {
                let success = Some(at);
                self.owe(Mark { success, ..mark });
            }
        }
    }

    /// Keeps the latest jobs in mind that the leader before did not see complete.
    fn watch_open(&mut self, rows: &[Stored]) {
        for track in self.tracks.iter() {
            let row = rows.iter().find(|row| row.name == track.entry.name);
            let open = row.filter(|row| row.last_success < row.last_fired);
            if let Some(job) = open.and_then(|row| row.last_job.clone()) {
                self.watch.add(Open {
                    schedule: track.entry.name.clone(),
                    queue: track.entry.job.queue.clone(),
                    job,
                });
            }
        }
    }

    /// Enqueues what is due; whether there is more.
    async fn enqueue_due(&mut self, now: i64, standing: &Standing) -> Result<bool, Trouble> {
        let mut batch = Batch::default();
        let mut more = false;
        for index in self.tracks.due(now) {
            if batch.jobs.len() >= MOST_AT_ONCE {
                more = true;
                break;
            }
            let track = self.tracks.get(index);
            let plan = plan(&track.entry, track.since(), now);
            batch.decided.push((index, plan.missed));
            for occurrence in plan.fire {
                let job = track.entry.at(occurrence, standing.now_ms);
                batch.jobs.push((index, occurrence, job.map_err(odd)?));
            }
        }
        if !standing.still_leads() {
            let error = "it took too long to get here".into();
            let what = "the lead may be over";
            return Err(Trouble { what, error });
        }
        // Jobs of one queue go together.
        batch
            .jobs
            .sort_by(|one, other| one.2.queue.cmp(&other.2.queue));
        let jobs: Vec<NewJob> = batch.jobs.iter().map(|(_, _, job)| job.clone()).collect();
        let answers = self.lead.client.enqueue_all(jobs).await.map_err(odd)?;
        self.note(batch, answers, now, standing.now_ms);
        Ok(more)
    }

    /// Notes what was decided and what became of it.
    fn note(&mut self, batch: Batch, answers: Vec<Enqueued>, now: i64, now_ms: u64) {
        let mut latest: BTreeMap<usize, Fired> = BTreeMap::new();
        for ((index, occurrence, job), answer) in batch.jobs.into_iter().zip(answers) {
            let schedule = self.tracks.get(index).entry.name.clone();
            if answer.id != job.id {
                tracing::info!(schedule, job = %answer.id, "left out: an earlier job is not over");
                counter!(SKIPPED, "schedule" => schedule).increment(1);
                continue;
            }
            tracing::debug!(schedule, job = %job.id, stored = answer.stored, "fired");
            let fired = Fired {
                occurrence: occurrence.max(0) as u64 * 1000,
                at: now_ms,
                job: job.id.clone(),
            };
            gauge!(LAST_FIRE, "schedule" => schedule.clone()).set(now_ms as f64 / 1000.0);
            self.watch.add(Open {
                schedule,
                queue: job.queue,
                job: job.id,
            });
            let later = |known: &Fired| known.occurrence < fired.occurrence;
            if latest.get(&index).is_none_or(later) {
                latest.insert(index, fired);
            }
        }
        for (index, missed) in batch.decided {
            let schedule = self.tracks.get(index).entry.name.clone();
            if missed > 0 {
                tracing::warn!(schedule, missed, "occurrences were not fired in time");
            }
            counter!(MISSED, "schedule" => schedule).increment(missed);
            let mark = Mark {
                fired: latest.remove(&index),
                missed,
                ..self.tracks.decided(index, now)
            };
            self.owe(mark);
        }
    }

    /// Remembers what to write.
    fn owe(&mut self, mark: Mark) {
        if let Some(known) = self.unwritten.get_mut(&mark.name) {
            known.absorb(mark);
        } else {
            self.unwritten.insert(mark.name.clone(), mark);
        }
    }

    /// Writes what is owed; a store that is away gets it later.
    async fn write(&mut self, fence: u64) -> Result<(), Trouble> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let marks: Vec<Mark> = self.unwritten.values().cloned().collect();
        match self.store.write(fence, &marks).await {
            Ok(true) => self.unwritten.clear(),
            Ok(false) => {
                tracing::warn!(fence, "another scheduler has taken over meanwhile");
                self.leads(None);
            }
            Err(error) => {
                let what =
                    "states of schedules cannot be written; what is due is fired all the same";
                return Err(Trouble { what, error });
            }
        }
        Ok(())
    }
}

/// What is due at one moment.
#[derive(Default)]
struct Batch {
    /// Schedules that were decided about, with how many occurrences they missed.
    decided: Vec<(usize, u64)>,
    /// Jobs with their schedule and occurrence.
    jobs: Vec<(usize, i64, NewJob)>,
}

/// Why a turn was not completed.
struct Trouble {
    what: &'static str,
    error: Box<dyn std::error::Error + Send + Sync>,
}

fn odd(error: ClientError) -> Trouble {
    Trouble {
        what: "jobs cannot be enqueued",
        error: error.into(),
    }
}

fn seconds(ms: u64) -> i64 {
    (ms / 1000) as i64
}

fn spread() -> Duration {
    Duration::from_millis(rand::rng().random_range(0..SPREAD_MS))
}
