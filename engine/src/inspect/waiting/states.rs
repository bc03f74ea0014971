//! One sentence for each state, with what is in the way where something can be.

use super::blockers::{lasting, passing};
use super::facts::{Facts, RunFacts};
use super::words::{ago, are, attempt, counted, when};
use super::{Cause, Waiting};
use crate::inspect::span;
use crate::state::State;

/// Its time has not come, or it asked to wait.
pub(super) fn scheduled(facts: &Facts) -> Waiting {
    let due = when(facts.since, facts.now);
    let (code, sentence) = match facts.reason.split_once(':') {
        Some(("limit", name)) => (
            Cause::RateLimit,
            format!("waits for permits of rate limit {name} and runs {due}"),
        ),
        Some(("breaker", name)) => (
            Cause::Breaker,
            format!("waits for circuit breaker {name} to close and tries {due}"),
        ),
        Some(("effect", "busy")) => (
            Cause::Snoozed,
            format!("waits for another run of its effect to end and tries {due}"),
        ),
        Some(("effect", "ledger")) => (
            Cause::Snoozed,
            format!("waits for the ledger of effects to answer and tries {due}"),
        ),
        Some(("payload", "store")) => (
            Cause::Snoozed,
            format!("waits for the store of its payload to answer and tries {due}"),
        ),
        _ if facts.run.is_some() => (Cause::Snoozed, format!("asked to run again {due}")),
        _ => (Cause::Scheduled, format!("is scheduled to run {due}")),
    };
    due_later(facts, code, &sentence)
}

/// It failed and waits for its next attempt.
pub(super) fn retrying(facts: &Facts) -> Waiting {
    let next = attempt(facts.attempt + 1, facts.max_attempts);
    let due = when(facts.since, facts.now);
    let before = facts.failure.as_ref().map(|failure| {
        let at = ago(failure.at, facts.now);
        let (number, kind, message) = (failure.attempt, &failure.kind, &failure.message);
        format!("; attempt {number} failed {at} ({kind}: {message})")
    });
    let sentence = format!("{next} runs {due}{}", before.unwrap_or_default());
    due_later(facts, Cause::Retrying, &sentence)
}

/// What has a due time may expire before it, and may be stopped by what lasts.
fn due_later(facts: &Facts, code: Cause, sentence: &str) -> Waiting {
    if let Some(end) = facts.expires_at.filter(|end| *end <= facts.since) {
        let sentence = format!(
            "does not run any more: it is due {} and had to start before",
            when(facts.since, facts.now)
        );
        return Waiting::new(Cause::Expired, Some(end.max(facts.now)), sentence);
    }
    let but = lasting(facts).map(|blocker| format!(", but {}", blocker.sentence));
    let sentence = format!("{sentence}{}{}", but.unwrap_or_default(), expiry(facts));
    Waiting::new(code, Some(facts.since), sentence)
}

/// It could run: what is in its way?
pub(super) fn available(facts: &Facts) -> Waiting {
    if facts.expires_at.is_some_and(|end| end <= facts.now) {
        let sentence = "had to start before now: it is cancelled as soon as a worker claims it";
        return Waiting::new(Cause::Expired, None, sentence);
    }
    let blocker = lasting(facts).or_else(|| passing(facts));
    let found = match blocker {
        Some(blocker) => blocker.said(|clause| format!("waits: {clause}")),
        None => turn(facts),
    };
    found.said(|sentence| format!("{sentence}{}", expiry(facts)))
}

/// Nothing is in its way but other jobs.
fn turn(facts: &Facts) -> Waiting {
    let queue = &facts.queue;
    let free = counted(queue.slots.saturating_sub(queue.running), "slot");
    let sentence = match facts.ahead {
        0 => format!("is next: queue {} has {free} free", queue.name),
        ahead => format!(
            "{} {} ahead of it and queue {} has {free} free",
            counted(ahead, "job"),
            are(ahead),
            queue.name
        ),
    };
    Waiting::new(Cause::Turn, None, sentence)
}

/// `; it is cancelled unless it starts within 3m`
fn expiry(facts: &Facts) -> String {
    facts.expires_at.map_or_else(String::new, |end| {
        let left = span(end.saturating_sub(facts.now));
        format!("; it is cancelled unless it starts within {left}")
    })
}

/// It runs, as far as anybody knows.
pub(super) fn running(facts: &Facts) -> Waiting {
    let unknown = RunFacts::default();
    let run = facts.run.as_ref().unwrap_or(&unknown);
    let worker = &run.worker;
    let length = facts.now.saturating_sub(run.started);
    let since = span(length);
    let number = attempt(facts.attempt, facts.max_attempts);
    let lease = Some(run.lease_until);
    if run.lease_until <= facts.now {
        return lost(facts, run);
    }
    if run.stop_asked {
        let sentence = format!("was asked to stop, and still runs on {worker} after {since}");
        return Waiting::new(Cause::Stopping, None, sentence);
    }
    if !run.worker_alive {
        let left = span(run.lease_until - facts.now);
        let sentence = format!(
            "was started {since} ago on {worker}, which was not heard of lately: it runs again in {left} unless that worker extends its lease"
        );
        return Waiting::new(Cause::WorkerLost, lease, sentence);
    }
    if let Some(allowed) = run.timeout_ms.filter(|allowed| *allowed < length) {
        let allowed = span(allowed);
        let sentence = format!(
            "is overdue: it runs on {worker} for {since}, its timeout is {allowed} ({number})"
        );
        return Waiting::new(Cause::Overdue, None, sentence);
    }
    let sentence = format!("runs on {worker} for {since} ({number})");
    Waiting::new(Cause::Running, None, sentence)
}

fn lost(facts: &Facts, run: &RunFacts) -> Waiting {
    let when = ago(run.lease_until, facts.now);
    let worker = &run.worker;
    let but = lasting(facts).map(|blocker| format!(", but {}", blocker.sentence));
    let sentence = format!(
        "was lost by {worker}, whose lease ended {when}: it runs again as soon as a worker takes it back{}",
        but.unwrap_or_default()
    );
    Waiting::new(Cause::WorkerLost, None, sentence)
}

/// A person must decide; what, depends on the reason.
pub(super) fn held(facts: &Facts) -> Waiting {
    let since = span(facts.now.saturating_sub(facts.since));
    let queue = &facts.queue.name;
    let why = facts
        .failure
        .as_ref()
        .map(|failure| format!(" ({})", failure.message));
    let why = why.unwrap_or_default();
    let (code, decision) = match facts.reason.as_str() {
        "unknown_kind" => (
            Cause::UnknownKind,
            format!(
                "no worker of queue {queue} knows kind {}: start one that does and retry it, or cancel it",
                facts.kind
            ),
        ),
        "undecodable" => (
            Cause::Undecodable,
            format!(
                "its payload does not fit its kind{why}: correct the payload or the worker and retry it, or cancel it"
            ),
        ),
        "crash_loop" => (
            Cause::CrashLoop,
            format!(
                "its workers died while they ran it{why}: find out whether it kills them, then retry or cancel it"
            ),
        ),
        "effect_unknown" => (
            Cause::EffectUnknown,
            format!(
                "an effect may have happened or not{why}: find out at its receiver and say which, then retry or cancel it"
            ),
        ),
        "" => (
            Cause::Held,
            format!("its reason is not known{why}: retry or cancel it"),
        ),
        other => (Cause::Held, format!("{other}{why}: retry or cancel it")),
    };
    let sentence = format!("waits for a person for {since}: {decision}");
    Waiting::new(code, None, sentence)
}

/// It does not run any more.
pub(super) fn over(facts: &Facts) -> Waiting {
    let when = ago(facts.since, facts.now);
    let (code, sentence) = match facts.state {
        State::Completed => (Cause::Completed, format!("completed {when}")),
        State::Discarded => (Cause::Discarded, failed(facts, &when)),
        _ => (Cause::Cancelled, cancelled(&facts.reason, &when)),
    };
    let taken = facts.key_owner.as_ref().map(|owner| {
        format!(
            "; job {owner} has its unique key now, so it cannot be retried before that one ends"
        )
    });
    Waiting::new(
        code,
        None,
        format!("{sentence}{}", taken.unwrap_or_default()),
    )
}

fn failed(facts: &Facts, when: &str) -> String {
    let attempts = counted(u64::from(facts.attempt), "attempt");
    let why = facts
        .failure
        .as_ref()
        .map(|failure| format!(" ({}: {})", failure.kind, failure.message));
    format!(
        "failed for good {when} after {attempts}{}",
        why.unwrap_or_default()
    )
}

fn cancelled(reason: &str, when: &str) -> String {
    match reason {
        "requested" => format!("was cancelled on request {when}"),
        "expired" => format!("was cancelled {when}: it did not start in time"),
        "by_handler" => format!("was cancelled by its own handler {when}"),
        "" => format!("was cancelled {when}"),
        other => format!("was cancelled {when} ({other})"),
    }
}
