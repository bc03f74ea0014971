//! Notices the ends of jobs and tells them where Celery's callers look.
//!
//! Two ways. The quick one: the ids of jobs that end are published, because the intake marked them
//! as waited for. The sure one: each second the tasks whose time has come are looked at, so nothing is
//! lost with a message, a connection or a process. What follows from an end may be done twice; it
//! shows once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use serde_json::value::{RawValue, to_raw_value};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::registry::Record;
use super::settings::Settings;
use super::tell::End;
use super::wire::{Exception, State as Told};
use crate::backoff::{Backoff, jittered};
use crate::client::ClientError;
use crate::inspect::JobView;
use crate::metrics;
use crate::state::State;

/// Tasks that are looked at in one sweep.
const SWEEP: usize = 500;
/// Nobody else looks at a task for so many looks.
const HOLD: u32 = 15;
/// Ends that are told at once.
const AT_ONCE: usize = 16;
/// A task without a job for this long has lost it.
const LOST: u64 = 3_600_000;

/// Hears of ends until `stop`.
pub(super) async fn listen(shared: Arc<Shared>, stop: CancellationToken) {
    let fresh = || Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
    let mut backoff = fresh();
    while !stop.is_cancelled() {
        let heard = stop.run_until_cancelled(hear(&shared)).await;
        match heard {
            None => return,
            Some(Ok(())) => backoff = fresh(),
            Some(Err(error)) => {
                tracing::warn!(%error, "cannot hear of the ends of jobs, trying again");
            }
        }
        let _stopped = stop
            .run_until_cancelled(tokio::time::sleep(backoff.next()))
            .await;
    }
}

/// Hears of ends until the connection breaks.
async fn hear(shared: &Shared) -> Result<(), ClientError> {
    let queues = shared.job_queues();
    let channels: Vec<String> = queues
        .iter()
        .map(|queue| shared.client.queue(queue).ended())
        .collect();
    let mut subscription = shared.client.link().subscribe(&channels).await?;
    let messages = subscription.on_message();
    messages
        .for_each_concurrent(AT_ONCE, |message| async move {
            let entry = String::from_utf8_lossy(message.get_payload_bytes()).into_owned();
            if let Err(error) = shared.ended(&entry).await {
                tracing::warn!(%error, "cannot tell the end of a celery task yet");
            }
        })
        .await;
    Ok(())
}

/// Looks at tasks until `stop`.
pub(super) async fn sweep(shared: Arc<Shared>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let full = match shared.look_around().await {
            Ok(looked) => looked == SWEEP,
            Err(error) => {
                tracing::warn!(%error, "cannot look at celery tasks, trying again");
                false
            }
        };
        if !full {
            let _stopped = stop
                .run_until_cancelled(tokio::time::sleep(jittered(shared.settings.look)))
                .await;
        }
    }
}

impl Shared {
    /// A job has ended that may be a task.
    async fn ended(&self, entry: &str) -> Result<(), ClientError> {
        let Some(record) = self.registry.record(entry).await? else {
            return Ok(());
        };
        let now = self.broker.now().await?;
        self.look(entry, record, now).await
    }

    /// Looks at the tasks whose time has come; answers how many.
    pub(super) async fn look_around(&self) -> Result<usize, ClientError> {
        let hold = self.settings.look * HOLD;
        let (now, due) = self.registry.due(SWEEP, hold).await?;
        metrics::celery_open(self.registry.open().await?);
        let looked = due.len();
        let mut looks = stream::iter(due)
            .map(|(entry, record)| async move { self.look(&entry, record, now).await })
            .buffer_unordered(AT_ONCE);
        let mut first = Ok(());
        while let Some(look) = looks.next().await {
            first = first.and(look);
        }
        first.map(|()| looked)
    }

    /// Looks at one task and does what its job's state asks for.
    async fn look(&self, entry: &str, record: Record, now: u64) -> Result<(), ClientError> {
        let job = self.client.job(&record.queue, &record.job).await?;
        let Some(job) = job else {
            if now.saturating_sub(record.taken) < LOST {
                let again = self.settings.look * HOLD;
                return self.registry.note(entry, None, again).await;
            }
            let lost = Exception::worker_lost("the outcome is not known any more");
            return self.close(entry, &record, &End::Failed(lost), now).await;
        };
        if job.state.is_final() {
            let end = match job.state {
                State::Completed => End::Success(output(&job)),
                State::Cancelled if job.reason == "expired" => End::Revoked(Exception::expired()),
                State::Cancelled if job.started > 0 => End::Revoked(Exception::terminated()),
                State::Cancelled => End::Revoked(Exception::revoked()),
                _ => End::Failed(failure(&job)),
            };
            return self.close(entry, &record, &end, now).await;
        }
        let told = record.state.clone();
        let record = self.on_the_way(entry, record, &job, now).await?;
        self.mark_waiting(&[(record.queue.as_str(), &record.job)])
            .await?;
        let again = next_look(&job, &self.settings, now);
        // Written only if it changed: the intake may be changing it now.
        let changed = (record.state != told).then_some(&record);
        self.registry.note(entry, changed, again).await?;
        // It may have ended between the look and the mark.
        let job = self.client.job(&record.queue, &record.job).await?;
        if job.is_some_and(|job| job.state.is_final()) {
            self.registry.note(entry, None, Duration::ZERO).await?;
        }
        Ok(())
    }

    /// Tells an end, and forgets the task.
    async fn close(
        &self,
        entry: &str,
        record: &Record,
        end: &End,
        now: u64,
    ) -> Result<(), ClientError> {
        if self.conclude(entry, &record.origin, end, now).await? {
            self.registry.close(entry, &record.origin.id).await
        } else {
            self.registry.note(entry, None, self.settings.look).await
        }
    }

    /// Tells a state that is no end, if callers want to know and did not hear it yet.
    async fn on_the_way(
        &self,
        entry: &str,
        mut record: Record,
        job: &JobView,
        now: u64,
    ) -> Result<Record, ClientError> {
        if !self.settings.track_started || record.origin.ignore_result {
            return Ok(record);
        }
        let failure = failure(job);
        let report = job
            .progress
            .as_ref()
            .and_then(|told| to_raw_value(told).ok());
        let state = match (job.state, &report) {
            (State::Running, Some(report)) => Told::Progress {
                name: "PROGRESS",
                report,
            },
            (State::Running, None) => Told::Started {
                pid: std::process::id(),
                hostname: &self.settings.node,
            },
            (State::Retrying, _) => Told::Retry {
                exception: &failure,
                traceback: None,
            },
            _ => return Ok(record),
        };
        let shown = format!(
            "{} {}",
            state.name(),
            report.as_ref().map_or("", |told| told.get())
        );
        if shown != record.state {
            self.show(&record.origin, &state, now).await?;
            tracing::debug!(job.id = entry, state = %state.name(), "told a celery caller");
            record.state = shown;
        }
        Ok(record)
    }
}

fn output(job: &JobView) -> Box<RawValue> {
    let output = job
        .result
        .as_ref()
        .and_then(|output| to_raw_value(output).ok());
    output.unwrap_or_else(|| RawValue::NULL.to_owned())
}

/// What a job failed with, as its caller sees it.
fn failure(job: &JobView) -> Exception {
    let message = job.last_message();
    match job.errors.last().map(|error| error.kind.as_str()) {
        Some("timeout") => Exception::soft_time_limit(),
        Some("lease_lost") => Exception::worker_lost(&message),
        Some(_) => Exception::job_failed(&message),
        None => Exception::job_discarded(&message),
    }
}

/// When to look again although nothing is heard.
fn next_look(job: &JobView, settings: &Settings, now: u64) -> Duration {
    let (look, closely) = (settings.look, settings.track_started);
    let waited = Duration::from_millis(now.saturating_sub(job.since));
    match job.state {
        State::Running | State::Available if closely => look,
        State::Scheduled | State::Retrying => {
            let due = Duration::from_millis(job.since.saturating_sub(now));
            (due + look).min(Duration::from_mins(5))
        }
        State::Held => Duration::from_mins(1),
        _ => (waited / 4).clamp(look * 2, look * 30),
    }
}
