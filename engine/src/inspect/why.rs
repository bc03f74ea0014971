//! Collects the facts about one job, and answers with the sentence.
//!
//! A fixed number of calls beside one a worker: the job, its queue with the job's place in it, the
//! workers. They are not one moment; a job that moves between them is told as it was first seen.

use redis::Value;

use super::jobs::{Look, view};
use super::queues::next;
use super::waiting::{Facts, QueueFacts, RunFacts, Waiting, waiting};
use super::{JobView, WorkerView};
use crate::client::{Client, ClientError};
use crate::control::Pause;
use crate::envelope::Envelope;
use crate::id::JobId;
use crate::state::State;

impl Client {
    /// Why a job of a queue is not running, or what became of it.
    pub async fn why(&self, queue: &str, id: &JobId) -> Result<Waiting, ClientError> {
        let unknown = || ClientError::UnknownJob {
            queue: queue.to_owned(),
            id: id.clone(),
        };
        let look = self.look(&self.queue(queue), id.as_str()).await?;
        let envelope = look.parts.envelope.as_deref().ok_or_else(unknown)?;
        let (state, score) = look.states.first().copied().ok_or_else(unknown)?;
        let job = view(queue, id.clone(), state, score, envelope, &look.parts);
        let place = self.place(&job).await?;
        let workers = self.workers().await?;
        Ok(waiting(&facts(job, &look, place, &workers)))
    }

    /// The job's queue at one moment, and the job's place in it.
    async fn place(&self, job: &JobView) -> Result<Place, ClientError> {
        let keys = self.queue(&job.queue);
        let id = job.id.as_str();
        let mut pipeline = redis::pipe();
        pipeline.cmd("TIME");
        pipeline.cmd("GET").arg(keys.paused());
        pipeline.cmd("ZCARD").arg(keys.lease());
        pipeline.cmd("ZRANK").arg(keys.ready()).arg(id);
        pipeline.cmd("SISMEMBER").arg(keys.cancelling()).arg(id);
        pipeline
            .cmd("HGET")
            .arg(keys.unique())
            .arg(job.unique.as_deref().unwrap_or_default());
        let answers: Vec<Value> = self.link().pipeline(&pipeline).await?;
        let mut answers = answers.into_iter();
        let (seconds, micros): (u64, u64) = next(&mut answers)?;
        let paused: Option<String> = next(&mut answers)?;
        Ok(Place {
            now: seconds * 1000 + micros / 1000,
            paused: paused.as_deref().map(Pause::read),
            running: next(&mut answers)?,
            ahead: next::<Option<u64>>(&mut answers)?.unwrap_or(0),
            stop_asked: next(&mut answers)?,
            key_owner: next::<Option<String>>(&mut answers)?.and_then(|id| id.parse().ok()),
        })
    }
}

/// What the queue says about the job.
struct Place {
    now: u64,
    paused: Option<Pause>,
    running: u64,
    ahead: u64,
    stop_asked: bool,
    key_owner: Option<JobId>,
}

fn facts(job: JobView, look: &Look, place: Place, workers: &[WorkerView]) -> Facts {
    let envelope = look.parts.envelope.as_deref();
    let envelope = envelope.and_then(|bytes| Envelope::decode(bytes).ok());
    let of_envelope = envelope.as_ref();
    let run = (job.started > 0).then(|| RunFacts {
        worker_alive: workers
            .iter()
            .any(|worker| worker.info.instance == job.worker),
        worker: job.worker,
        started: job.started,
        lease_until: look
            .states
            .iter()
            .find(|(state, _)| *state == State::Running)
            .map_or(0, |(_, end)| *end),
        stop_asked: place.stop_asked,
        timeout_ms: of_envelope.and_then(|envelope| envelope.timeout_ms),
    });
    Facts {
        attempt: job.attempt,
        max_attempts: of_envelope.and_then(|envelope| envelope.max_attempts),
        reason: job.reason,
        failure: job.errors.last().cloned(),
        expires_at: job.expires_at,
        key_owner: place.key_owner.filter(|owner| *owner != job.id),
        ahead: place.ahead,
        run,
        queue: QueueFacts {
            paused: place.paused,
            running: place.running,
            ..served(job.queue, workers)
        },
        ..Facts::new(place.now, job.state, job.since, &job.kind)
    }
}

/// Who serves the queue.
fn served(name: String, workers: &[WorkerView]) -> QueueFacts {
    let mut queue = QueueFacts {
        name,
        ..QueueFacts::default()
    };
    for worker in workers {
        let of_queue = |(served, _): &&(String, usize)| *served == queue.name;
        let Some((_, slots)) = worker.info.queues.iter().find(of_queue) else {
            continue;
        };
        if worker.info.draining {
            queue.draining += 1;
        } else if worker.info.quiet {
            queue.quiet += 1;
        } else {
            queue.claiming += 1;
            queue.slots += *slots as u64;
        }
    }
    queue
}
