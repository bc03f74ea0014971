//! The last steps of the intake: jobs are registered and stored, the others are told and kept.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::registry::Registered;
use super::super::tell::End;
use super::super::wire::{Exception, Origin, Refusal};
use super::Intake;
use super::judge::{Ready, Verdict, judge};
use crate::client::{ClientError, NewJob, RunAt};
use crate::metrics;

/// When a job that waits for its time is looked at at the latest.
const LATEST_LOOK: Duration = Duration::from_mins(5);

impl Intake {
    /// Brings the pending messages to an end; after an error the rest stays pending. The jobs come
    /// first: a caller who cannot be told why his message is none must not keep others waiting.
    pub(super) async fn enter(&mut self, now: u64) -> Result<(), ClientError> {
        let (mut ready, mut others) = (Vec::new(), Vec::new());
        for held in &self.pending {
            match judge(held, &self.shared, now) {
                Verdict::Job(job) => ready.push(*job),
                other => others.push((held.tag.clone(), other)),
            }
        }
        self.store(ready, now).await?;
        for (tag, verdict) in others {
            if let Err(error) = self.turn_down(verdict, now).await {
                tracing::warn!(%error, "cannot tell the caller of a celery message yet");
                return Ok(());
            }
            self.release(&[tag]).await?;
        }
        Ok(())
    }

    /// Registers jobs and stores them.
    async fn store(&mut self, ready: Vec<Ready>, now: u64) -> Result<(), ClientError> {
        let mut by_look: BTreeMap<Duration, Vec<Ready>> = BTreeMap::new();
        for ready in ready {
            let look = first_look(&ready.job, now, self.shared.settings.look * 2);
            by_look.entry(look).or_default().push(ready);
        }
        for (look, ready) in by_look {
            let records: Vec<_> = ready
                .iter()
                .map(|ready| (ready.entry.clone(), ready.record.clone()))
                .collect();
            let answers = self.shared.registry.register(&records, look).await?;
            let (mut wanted, mut over) = (Vec::new(), Vec::new());
            for (ready, answer) in ready.into_iter().zip(answers) {
                match answer {
                    Registered::New | Registered::Open => wanted.push(ready),
                    Registered::Done => {
                        metrics::celery_messages("double", 1);
                        over.push(ready.tag);
                    }
                    Registered::Revoked => {
                        let origin = &ready.record.origin;
                        let end = End::Revoked(Exception::revoked());
                        self.finish(&ready.entry, origin, &end, now).await?;
                        metrics::celery_messages("revoked", 1);
                        over.push(ready.tag);
                    }
                }
            }
            self.release(&over).await?;
            self.enqueue(wanted).await?;
        }
        Ok(())
    }

    /// Stores jobs that are registered.
    async fn enqueue(&mut self, wanted: Vec<Ready>) -> Result<(), ClientError> {
        if wanted.is_empty() {
            return Ok(());
        }
        let marks: Vec<_> = wanted
            .iter()
            .map(|ready| (ready.job.queue.as_str(), &ready.job.id))
            .collect();
        self.shared.mark_waiting(&marks).await?;
        let jobs: Vec<NewJob> = wanted.iter().map(|ready| ready.job.clone()).collect();
        let answers = self.shared.client.enqueue_all(jobs).await?;
        let mut tags = Vec::with_capacity(wanted.len());
        for (mut ready, answer) in wanted.into_iter().zip(answers) {
            if answer.id != ready.job.id {
                // Another job has its unique key: what becomes of that one is this task's result.
                ready.record.job = answer.id;
                let registry = &self.shared.registry;
                let look = self.shared.settings.look;
                registry
                    .note(&ready.entry, Some(&ready.record), look)
                    .await?;
            }
            metrics::celery_messages(if answer.stored { "taken" } else { "double" }, 1);
            tags.push(ready.tag);
        }
        self.release(&tags).await
    }

    /// Tells the callers of a message that becomes no job, and keeps it.
    async fn turn_down(&self, verdict: Verdict, now: u64) -> Result<(), ClientError> {
        let shared = &self.shared;
        let parked = match verdict {
            Verdict::Job(_) => None,
            Verdict::Over {
                entry,
                origin,
                end,
                parked,
            } => {
                // A second publication must not end what the first one began.
                if !shared.registry.is_known(&entry).await? {
                    self.finish(&entry, &origin, &end, now).await?;
                }
                parked
            }
            Verdict::Refused { refusal, parked } => {
                self.tell(&refusal, now).await?;
                Some(parked)
            }
        };
        let Some(parked) = parked else {
            metrics::celery_messages("expired", 1);
            return Ok(());
        };
        let gone = shared.parking.put(&parked, shared.settings.parked).await?;
        tracing::warn!(
            queue = parked.queue,
            reason = parked.reason,
            "a celery message was parked: {}; hint: crm-worker celery parked list",
            parked.message
        );
        if gone > 0 {
            tracing::error!(
                messages = gone,
                "the oldest parked celery messages had to leave: there are too many"
            );
        }
        metrics::celery_parked(&parked.reason);
        Ok(())
    }

    /// Tells the end of a task that becomes no job.
    async fn finish(
        &self,
        entry: &str,
        origin: &Origin,
        end: &End,
        now: u64,
    ) -> Result<(), ClientError> {
        if !self.shared.conclude(entry, origin, end, now).await? {
            let why = "somebody else is closing the chord of a celery task";
            return Err(ClientError::Protocol(why.to_owned()));
        }
        self.shared.registry.close(entry, &origin.id).await
    }

    async fn tell(&self, refusal: &Refusal, now: u64) -> Result<(), ClientError> {
        match &refusal.task_id {
            Some(id) if !refusal.ignore_result => {
                self.shared.refuse(id, &refusal.exception, now).await
            }
            _ => Ok(()),
        }
    }

    async fn release(&mut self, tags: &[String]) -> Result<(), ClientError> {
        self.shared.broker.release(tags).await?;
        self.pending.retain(|held| !tags.contains(&held.tag));
        Ok(())
    }
}

/// When a job that was just stored is looked at although nothing was heard of it.
fn first_look(job: &NewJob, now: u64, look: Duration) -> Duration {
    match job.run_at {
        RunAt::At(at) if at > now => (Duration::from_millis(at - now) + look).min(LATEST_LOOK),
        _ => look,
    }
}
