//! What can be in a job's way, each as a clause: `anne paused queue exports 4m ago`.

use super::facts::{Facts, GroupFacts, QueueFacts};
use super::words::{ago, are, counted, when};
use super::{Cause, Waiting};
use crate::control::Pause;
use crate::id::JobId;

/// Group members that a sentence names.
const MAX_NAMED: usize = 3;

/// What lasts until somebody or something else changes it: it would also stop a job whose time
/// comes later. The farthest-reaching first.
pub(super) fn lasting(facts: &Facts) -> Option<Waiting> {
    let queue = &facts.queue;
    if let Some(pause) = &queue.paused {
        let sentence = paused(pause, &format!("queue {}", queue.name), facts.now);
        return Some(Waiting::new(Cause::QueuePaused, None, sentence));
    }
    if let Some(pause) = &queue.kind_paused {
        let sentence = paused(pause, &format!("kind {}", facts.kind), facts.now);
        return Some(Waiting::new(Cause::KindPaused, None, sentence));
    }
    no_claims(queue).or_else(|| open_breaker(facts))
}

/// What passes as other jobs end or permits become due.
pub(super) fn passing(facts: &Facts) -> Option<Waiting> {
    no_permit(facts)
        .or_else(|| full_group(facts.group.as_ref()?))
        .or_else(|| busy_slots(facts))
}

fn paused(pause: &Pause, what: &str, now: u64) -> String {
    let why = match pause.reason.as_str() {
        "" => String::new(),
        reason => format!(" ({reason})"),
    };
    format!("{} paused {what} {}{why}", pause.by, ago(pause.at, now))
}

/// Nobody is there, or nobody who is there takes jobs.
fn no_claims(queue: &QueueFacts) -> Option<Waiting> {
    if queue.claiming > 0 {
        return None;
    }
    let name = &queue.name;
    let (code, sentence) = match (queue.quiet, queue.draining) {
        (0, 0) => (Cause::NoWorker, format!("no worker serves queue {name}")),
        (quiet, 0) => (Cause::WorkersIdle, all_are(quiet, name, "quiet")),
        (0, draining) => (Cause::WorkersIdle, all_are(draining, name, "shutting down")),
        (quiet, draining) => (
            Cause::WorkersIdle,
            format!(
                "of the workers of queue {name} {quiet} {} quiet and {draining} {} shutting down",
                are(quiet),
                are(draining)
            ),
        ),
    };
    Some(Waiting::new(code, None, sentence))
}

fn all_are(workers: u64, queue: &str, what: &str) -> String {
    match workers {
        1 => format!("the only worker of queue {queue} is {what}"),
        _ => format!("all {workers} workers of queue {queue} are {what}"),
    }
}

fn open_breaker(facts: &Facts) -> Option<Waiting> {
    let breaker = facts.breaker.as_ref()?;
    let opens = when(breaker.until, facts.now);
    let sentence = format!(
        "circuit breaker {} is open and lets a probe through {opens}",
        breaker.name
    );
    Some(Waiting::new(Cause::Breaker, Some(breaker.until), sentence))
}

fn no_permit(facts: &Facts) -> Option<Waiting> {
    let limit = facts.rate_limit.as_ref()?;
    let next = when(limit.until, facts.now);
    let sentence = format!("the next permit of rate limit {} is due {next}", limit.name);
    Some(Waiting::new(Cause::RateLimit, Some(limit.until), sentence))
}

fn full_group(group: &GroupFacts) -> Option<Waiting> {
    let limit = group
        .limit
        .map(u64::from)
        .filter(|limit| group.running >= *limit)?;
    let sentence = format!(
        "group {} has its {} running{}, {} of the group {} ahead of it",
        group.key,
        counted(limit, "job"),
        named(group),
        counted(group.ahead, "job"),
        are(group.ahead),
    );
    Some(Waiting::new(Cause::GroupFull, None, sentence))
}

/// ` (a, b and 4 more)`
fn named(group: &GroupFacts) -> String {
    let ids: Vec<&str> = group
        .members
        .iter()
        .take(MAX_NAMED)
        .map(JobId::as_str)
        .collect();
    let more = group.running.saturating_sub(ids.len() as u64);
    match (ids.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!(" ({})", ids.join(", ")),
        (false, more) => format!(" ({} and {more} more)", ids.join(", ")),
    }
}

fn busy_slots(facts: &Facts) -> Option<Waiting> {
    let queue = &facts.queue;
    if queue.running < queue.slots {
        return None;
    }
    let sentence = format!(
        "{} {} on the {} of queue {}, {} {} ahead of it",
        counted(queue.running, "job"),
        if queue.running == 1 { "runs" } else { "run" },
        counted(queue.slots, "slot"),
        queue.name,
        counted(facts.ahead, "job"),
        are(facts.ahead),
    );
    Some(Waiting::new(Cause::SlotsBusy, None, sentence))
}
