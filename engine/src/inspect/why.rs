//! Collects the facts about one job, and answers with the sentence.
//!
//! A fixed number of calls beside one a worker: the job, its queue with the job's place in it, who
//! runs of its group if that is full, the workers. They are not one moment; a job that moves between them is told as it was first seen.

use std::num::NonZero;

use redis::Value;

use super::jobs::Look;
use super::queues::next;
use super::view::view;
use super::waiting::{Facts, GroupFacts, QueueFacts, RunFacts, Waiting, waiting};
use super::{JobView, WorkerView};
use crate::client::{Client, ClientError};
use crate::control::Pause;
use crate::envelope::Envelope;
use crate::id::JobId;
use crate::state::State;

/// Running jobs that are looked at for members of a group.
const MAX_RUNNING: usize = 500;

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
        let mut place = self.place(&job, score).await?;
        if let Some(group) = place.group.as_mut().filter(|group| is_full(group)) {
            group.members = self.running_of(&job.queue, &group.key).await?;
        }
        let workers = self.workers().await?;
        Ok(waiting(&facts(job, &look, place, &workers)))
    }

    /// The job's queue at one moment, and the job's place in it.
    async fn place(&self, job: &JobView, score: u64) -> Result<Place, ClientError> {
        let keys = self.queue(&job.queue);
        let id = job.id.as_str();
        let group = job.group.as_ref().map(|group| group.key.as_str());
        let group = group.unwrap_or_default();
        let mut pipeline = redis::pipe();
        pipeline.cmd("TIME");
        pipeline.cmd("GET").arg(keys.paused());
        pipeline.cmd("ZCARD").arg(keys.lease());
        pipeline
            .cmd("ZCOUNT")
            .arg(keys.ready())
            .arg("-inf")
            .arg(format!("({score}"));
        pipeline.cmd("HGET").arg(keys.paused_kinds()).arg(&job.kind);
        pipeline.cmd("ZRANK").arg(keys.line(group)).arg(id);
        for numbers in [
            keys.group_running(),
            keys.group_override(),
            keys.group_limit(),
        ] {
            pipeline.cmd("HGET").arg(numbers).arg(group);
        }
        pipeline.cmd("SISMEMBER").arg(keys.cancelling()).arg(id);
        pipeline
            .cmd("HGET")
            .arg(keys.unique())
            .arg(job.unique.as_deref().unwrap_or_default());
        let answers: Vec<Value> = self.link().pipeline(&pipeline).await?;
        let mut answers = answers.into_iter();
        let (seconds, micros): (u64, u64) = next(&mut answers)?;
        let paused: Option<String> = next(&mut answers)?;
        let (running, ahead): (u64, u64) = (next(&mut answers)?, next(&mut answers)?);
        let kind_paused: Option<String> = next(&mut answers)?;
        let in_line = next::<Option<u64>>(&mut answers)?.unwrap_or(0);
        let of_group: Option<u64> = next(&mut answers)?;
        let (set, asked): (Option<u32>, Option<u32>) = (next(&mut answers)?, next(&mut answers)?);
        Ok(Place {
            now: seconds * 1000 + micros / 1000,
            paused: paused.as_deref().map(Pause::read),
            kind_paused: kind_paused.as_deref().map(Pause::read),
            running,
            ahead: ahead + in_line,
            group: job.group.as_ref().map(|group| GroupFacts {
                key: group.key.clone(),
                limit: set.or(asked).or(group.limit.map(NonZero::get)),
                running: of_group.unwrap_or(0),
                members: Vec::new(),
                ahead: in_line,
            }),
            stop_asked: next(&mut answers)?,
            key_owner: next::<Option<String>>(&mut answers)?.and_then(|id| id.parse().ok()),
        })
    }
}

impl Client {
    /// Running jobs of a group, among the first of the queue.
    async fn running_of(&self, queue: &str, group: &str) -> Result<Vec<JobId>, ClientError> {
        let keys = self.queue(queue);
        let mut range = redis::cmd("ZRANGE");
        range.arg(keys.lease()).arg(0).arg(MAX_RUNNING - 1);
        let leases: Vec<String> = self.link().command(&range).await?;
        let ids: Vec<&str> = leases
            .iter()
            .filter_map(|lease| Some(lease.split_once(':')?.1))
            .collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut of = redis::cmd("HMGET");
        of.arg(keys.group_of()).arg(&ids);
        let groups: Vec<Option<String>> = self.link().command(&of).await?;
        let is_of = |of: &Option<String>| {
            of.as_deref()
                .and_then(|of| of.split_once(':'))
                .is_some_and(|(_, of)| of == group)
        };
        let members = ids.iter().zip(groups).filter(|(_, of)| is_of(of));
        Ok(members.filter_map(|(id, _)| id.parse().ok()).collect())
    }
}

fn is_full(group: &GroupFacts) -> bool {
    group
        .limit
        .is_some_and(|limit| group.running >= u64::from(limit))
}

/// What the queue says about the job.
struct Place {
    now: u64,
    paused: Option<Pause>,
    kind_paused: Option<Pause>,
    group: Option<GroupFacts>,
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
        group: place.group,
        queue: QueueFacts {
            paused: place.paused,
            kind_paused: place.kind_paused,
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
