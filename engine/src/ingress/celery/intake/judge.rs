//! From a message that was taken to a job, or to the reason why it is none.

use std::time::Duration;

use super::super::Shared;
use super::super::broker::Held;
use super::super::names::Task;
use super::super::park::Parked;
use super::super::registry::{Record, entry};
use super::super::tell::End;
use super::super::wire::{self, Exception, Message, Origin, Reason, Refusal};
use super::decide::readable;
use crate::client::{NewJob, RunAt, encode};
use crate::envelope::MAX_TAGS;
use crate::policy::Priority;

/// Longest tag.
const MAX_TAG: usize = 200;

/// What a message is.
#[derive(Debug)]
pub(super) enum Verdict {
    /// A job.
    Job(Box<Ready>),
    /// A task that will not become a job: its callers are told why, and it may be kept.
    Over {
        entry: String,
        origin: Box<Origin>,
        end: End,
        parked: Option<Box<Parked>>,
    },
    /// No task, or one that cannot be read.
    Refused {
        refusal: Box<Refusal>,
        parked: Box<Parked>,
    },
}

/// A job that is to be registered and stored.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    pub(super) tag: String,
    pub(super) entry: String,
    pub(super) record: Record,
    pub(super) job: NewJob,
}

/// Judges a message.
pub(super) fn judge(held: &Held, shared: &Shared, now: u64) -> Verdict {
    let limits = &shared.settings.limits;
    if held.large > 0 {
        let seen = wire::head(&readable(&held.bytes, held.large), limits).ok();
        let refusal = Refusal {
            task_id: seen.as_ref().map(|head| head.id.clone()),
            task: seen.as_ref().map(|head| head.task.clone()),
            ignore_result: seen.is_some_and(|head| head.ignore_result),
            ..Refusal::bare(Reason::MessageTooLarge)
        };
        return refused(held, refusal, now);
    }
    let message = match wire::read(&held.bytes, now, limits) {
        Ok(message) => message,
        Err(refusal) => return refused(held, refusal, now),
    };
    let origin = message.origin(&held.queue, shared.settings.extended);
    let over = |end, parked| Verdict::Over {
        entry: entry(&message),
        origin: Box::new(origin.clone()),
        end,
        parked,
    };
    let park = |reason: &str, sentence: &str| {
        let parked = parked(held, now, reason, sentence);
        Some(Box::new(Parked {
            task: Some(message.task.clone()),
            task_id: Some(message.id.clone()),
            ..parked
        }))
    };
    if message.expires_ms.is_some_and(|expires| expires < now) {
        return over(End::Revoked(Exception::expired()), None);
    }
    let Some(task) = shared.names.get(&message.task) else {
        let exception = Exception::not_registered(&message.task);
        let sentence = "the task is not in the table of names";
        return over(End::Failed(exception), park("not_registered", sentence));
    };
    if let Some(exception) = wire::canvas::refused(&message.embed) {
        let sentence = "a group, chain or chord inside of another is not supported";
        return over(End::Failed(exception), park("nested_canvas", sentence));
    }
    let payload = task.payload(&message);
    let built = payload.and_then(|payload| build(task, &payload, &message, held, shared));
    match built {
        Ok(job) => Verdict::Job(Box::new(Ready {
            tag: held.tag.clone(),
            entry: job.id.to_string(),
            record: Record {
                queue: job.queue.clone(),
                job: job.id.clone(),
                state: String::new(),
                taken: now,
                origin,
            },
            job,
        })),
        Err(words) => {
            let exception = Exception::wrong_arguments(&words);
            let sentence = "the arguments do not fit the kind of job";
            over(End::Failed(exception), park("wrong_arguments", sentence))
        }
    }
}

/// The job of a message.
fn build(
    task: &Task,
    payload: &str,
    message: &Message,
    held: &Held,
    shared: &Shared,
) -> Result<NewJob, String> {
    let mut job = shared.kinds.job(&task.kind, payload)?;
    job.id = entry(message).parse().map_err(|error| format!("{error}"))?;
    let envelope = &mut job.envelope;
    envelope.priority = Priority::new(message.priority).unwrap_or(Priority::LAST);
    envelope.expires_at = message.expires_ms;
    let (hard, soft) = message.time_limit;
    if let Some(limit) = soft.or(hard).filter(|limit| *limit > Duration::ZERO) {
        envelope.timeout_ms = Some(limit.as_millis() as u64);
    }
    for tag in [
        format!("celery:{}", message.id),
        format!("celery_queue:{}", held.queue),
    ] {
        let fits = tag.len() <= MAX_TAG && !tag.chars().any(char::is_control);
        if fits && envelope.tags.len() < MAX_TAGS {
            envelope.tags.push(tag);
        }
    }
    if let Some(eta) = message.eta_ms {
        job.run_at = RunAt::At(eta);
    }
    // What could not be stored must not keep others from being stored with it.
    encode(&job).map_err(|error| error.to_string())?;
    Ok(job)
}

fn refused(held: &Held, refusal: Refusal, now: u64) -> Verdict {
    let parked = parked(
        held,
        now,
        refusal.reason.code(),
        &refusal.reason.to_string(),
    );
    Verdict::Refused {
        parked: Box::new(Parked {
            task: refusal.task.clone(),
            task_id: refusal.task_id.clone(),
            ..parked
        }),
        refusal: Box::new(refusal),
    }
}

fn parked(held: &Held, now: u64, reason: &str, sentence: &str) -> Parked {
    let parked = Parked {
        id: held.tag.clone(),
        at: now,
        queue: held.queue.clone(),
        reason: reason.to_owned(),
        message: sentence.to_owned(),
        task: None,
        task_id: None,
        bytes: held.large.max(held.bytes.len()),
        raw: String::new(),
    };
    parked.keep(&held.bytes)
}
