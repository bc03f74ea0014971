//! Chains: a job, and the jobs that are enqueued one after the other as each completes.
//!
//! Each step keeps its own policy: queue, priority, attempts, uniqueness, group, tags. A step that
//! is discarded or cancelled ends its chain; a retry by hand that completes it lets the chain go on.
//! A step whose unique key is taken is not enqueued, and the chain ends with it: the job that has the
//! key does that work. Steps are named after the first job, so an id is used for one chain only,
//! whatever its queue.

use std::time::Duration;

use super::encode::check;
use super::enqueue::in_ms;
use super::{ClientError, Enqueue, NewJob, RunAt};
#[cfg(feature = "worker")]
use crate::envelope::Envelope;
use crate::id::JobId;
use crate::job::Job;
use crate::policy::Unique;
use crate::step::Step;
#[cfg(feature = "worker")]
use crate::step::next_id;

impl Enqueue<'_> {
    /// Enqueues `job` when this one, and what was chained before, completed. What else is asked for
    /// here concerns the first job only.
    pub fn then<J: Job>(self, job: &J) -> Self {
        match NewJob::from_job(job) {
            Ok(next) => self.then_job(next),
            Err(error) => self.fail(error),
        }
    }

    /// The same with a job that is asked for more than its kind's policy.
    pub fn then_job(self, next: NewJob) -> Self {
        self.with(|job| job.chain(next))
    }
}

impl NewJob {
    /// The same job with another one behind it, and behind what was chained before.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.chain(next);
        self
    }

    fn chain(&mut self, mut next: Self) {
        let behind_it = std::mem::take(&mut next.envelope.then);
        self.envelope.then.push(next.reduced());
        self.envelope.then.extend(behind_it);
    }

    /// What is kept of a job that is enqueued later, after it was checked.
    pub(crate) fn into_step(self) -> Result<Step, ClientError> {
        check(&self)?;
        Ok(self.reduced())
    }

    fn reduced(self) -> Step {
        let Self {
            queue,
            mut envelope,
            run_at,
            unique,
            ..
        } = self;
        let window = unique.as_ref().and_then(|unique| unique.window);
        envelope.unique = unique.map(|unique| unique.key);
        let (delay_ms, at_ms) = match run_at {
            RunAt::Now => (None, None),
            RunAt::After(delay) => (Some(in_ms(delay)), None),
            RunAt::At(instant) => (None, Some(instant)),
        };
        Step {
            queue,
            delay_ms,
            at_ms,
            window_ms: window.map(in_ms),
            envelope,
        }
    }

    /// The job that a step becomes.
    pub(crate) fn from_step(step: Step, id: JobId) -> Self {
        let mut envelope = step.envelope;
        envelope.enqueued_at = super::enqueue::producer_now_ms();
        let unique = envelope.unique.take().map(|key| Unique {
            key,
            window: step.window_ms.map(Duration::from_millis),
        });
        let later = step
            .delay_ms
            .map(|ms| RunAt::After(Duration::from_millis(ms)));
        Self {
            id,
            queue: step.queue,
            envelope,
            run_at: later.or(step.at_ms.map(RunAt::At)).unwrap_or_default(),
            unique,
            known_for: None,
        }
    }

    /// The next job of the chain in which `done` completed; `None` if it was the last one.
    #[cfg(feature = "worker")]
    pub(crate) fn after(id: &JobId, done: Envelope) -> Result<Option<Self>, ClientError> {
        let mut steps = done.then.into_iter();
        let Some(step) = steps.next() else {
            return Ok(None);
        };
        let name = next_id(id, done.follows.is_some())
            .map_err(|_| ClientError::ChainIdTooLong(id.clone()))?;
        let mut job = Self::from_step(step, name);
        job.envelope.follows = Some(id.clone());
        job.envelope.batch = done.batch;
        job.envelope.then = steps.collect();
        Ok(Some(job))
    }
}

impl Step {
    pub(crate) fn to_json(&self) -> Result<String, ClientError> {
        serde_json::to_string(self).map_err(|source| ClientError::Encode {
            kind: self.envelope.kind.clone(),
            source,
        })
    }

    /// Reads a stored step. The error never quotes its payload.
    pub(crate) fn from_json(text: &str) -> Result<Self, ClientError> {
        serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            ClientError::Protocol(format!("a stored job, line {line} column {column}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::policy::{Group, Priority};

    fn job(kind: &str) -> NewJob {
        let payload = RawValue::from_string("null".to_owned()).unwrap();
        NewJob::from_parts("queue", kind, payload, Priority::NORMAL).unwrap()
    }

    fn kinds(job: &NewJob) -> Vec<&str> {
        let steps = job.envelope.then.iter();
        steps.map(|step| step.envelope.kind.as_str()).collect()
    }

    #[test]
    fn chains_are_flat_and_in_order() {
        let chain = job("a").then(job("b").then(job("c"))).then(job("d"));
        assert_eq!(kinds(&chain), ["b", "c", "d"]);
    }

    #[test]
    fn each_step_leads_to_the_next_and_keeps_its_policy() {
        let mut second = job("b");
        second.unique = Some(Unique::within("key", Duration::from_secs(9)));
        second.envelope.group = Some(Group::at_most(1, "group"));
        second.run_at = RunAt::After(Duration::from_secs(5));
        let first = job("a").then(second.clone()).then(job("c"));
        let next = NewJob::after(&first.id, first.envelope).unwrap().unwrap();
        assert_eq!(next.id.as_str(), format!("{}.1", first.id));
        assert_eq!(next.envelope.follows, Some(first.id.clone()));
        assert_eq!(
            (next.unique.clone(), next.run_at),
            (second.unique, second.run_at)
        );
        assert_eq!(next.envelope.group, second.envelope.group);
        assert_eq!(kinds(&next), ["c"]);
        let last = NewJob::after(&next.id, next.envelope).unwrap().unwrap();
        assert_eq!(last.id.as_str(), format!("{}.2", first.id));
        assert!(NewJob::after(&last.id, last.envelope).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_stored_is_refused_before_its_chain_begins() {
        let long = (0..21).fold(job("a"), |chain, _| chain.then(job("b")));
        assert!(matches!(
            check(&long),
            Err(ClientError::ChainTooLong { steps: 21, .. })
        ));
        let mut wide = job("a").then(job("b"));
        wide.id = "x".repeat(62).parse().unwrap();
        assert!(matches!(check(&wide), Err(ClientError::ChainIdTooLong(_))));
        let mut bad = job("b");
        bad.envelope.tags.push(String::new());
        assert!(check(&job("a").then(bad)).is_err());
    }
}
