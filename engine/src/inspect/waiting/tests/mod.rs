//! Every state × everything that can be in the way, with the exact sentence.

mod attempts;

use super::facts::{ClosedUntil, Facts, GroupFacts, QueueFacts, RunFacts};
use super::{Cause, waiting};
use crate::control::Pause;
use crate::inspect::AttemptError;
use crate::state::State;

const NOW: u64 = 1_767_600_000_000;
const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;

type Change = fn(&mut Facts);

/// What can be in the way, beside nothing.
const BLOCKERS: [(&str, Change); 12] = [
    ("queue paused", |facts| facts.queue.paused = Some(pause())),
    ("kind paused", |facts| {
        facts.queue.kind_paused = Some(pause());
    }),
    ("no worker", |facts| serve(facts, 0, 0, 0)),
    ("quiet", |facts| serve(facts, 0, 1, 0)),
    ("draining", |facts| serve(facts, 0, 0, 2)),
    ("quiet and draining", |facts| serve(facts, 0, 1, 2)),
    ("breaker", |facts| facts.breaker = Some(closed("resend"))),
    ("rate limit", |facts| {
        facts.rate_limit = Some(closed("gmail"));
    }),
    ("group", |facts| facts.group = Some(full_group())),
    ("slots", |facts| facts.queue.running = 4),
    ("expires", |facts| {
        facts.expires_at = Some(NOW + 90 * MINUTE);
    }),
    ("key taken", |facts| facts.key_owner = "b".parse().ok()),
];

fn pause() -> Pause {
    Pause {
        by: "anne".to_owned(),
        reason: "provider is down".to_owned(),
        at: NOW - 4 * MINUTE,
    }
}

fn serve(facts: &mut Facts, claiming: u64, quiet: u64, draining: u64) {
    facts.queue.claiming = claiming;
    facts.queue.quiet = quiet;
    facts.queue.draining = draining;
}

fn closed(name: &str) -> ClosedUntil {
    ClosedUntil {
        name: name.to_owned(),
        until: NOW + 12 * SECOND,
    }
}

fn full_group() -> GroupFacts {
    GroupFacts {
        key: "mailbox:7".to_owned(),
        limit: Some(1),
        running: 1,
        members: vec!["g".parse().unwrap()],
        ahead: 2,
    }
}

/// A job of a queue with one worker and a free slot.
fn facts(state: State, since: u64) -> Facts {
    Facts {
        queue: QueueFacts {
            name: "exports".to_owned(),
            claiming: 1,
            slots: 4,
            running: 3,
            ..QueueFacts::default()
        },
        ahead: 2,
        ..Facts::new(NOW, state, since, "exports.export_records")
    }
}

fn claimed(facts: &mut Facts) {
    facts.attempt = 1;
    facts.run = Some(RunFacts {
        worker: "host.7.a1".to_owned(),
        started: NOW - 3 * MINUTE,
        lease_until: NOW + 12 * SECOND,
        worker_alive: true,
        ..RunFacts::default()
    });
}

fn failure(kind: &str, message: &str) -> AttemptError {
    AttemptError {
        attempt: 1,
        at: NOW - 3 * SECOND,
        kind: kind.to_owned(),
        message: message.to_owned(),
    }
}

/// The sentence alone, and with each blocker in turn: those that are not named change nothing.
fn assert_sentences(before: &Facts, cause: Cause, alone: &str, with: &[(&str, &str)]) {
    let found = waiting(before);
    assert_eq!((found.sentence.as_str(), found.code), (alone, cause));
    for (name, change) in BLOCKERS {
        let mut blocked = before.clone();
        change(&mut blocked);
        let named = with.iter().find(|(blocker, _)| *blocker == name);
        let expected = named.map_or(alone, |(_, sentence)| sentence);
        assert_eq!(waiting(&blocked).sentence, expected, "with {name}");
    }
}

#[test]
fn an_available_job_waits_for_the_farthest_reaching_of_its_blockers() {
    assert_sentences(
        &facts(State::Available, NOW - SECOND),
        Cause::Turn,
        "2 jobs are ahead of it and queue exports has 1 slot free",
        &[
            (
                "queue paused",
                "waits: anne paused queue exports 4m ago (provider is down)",
            ),
            (
                "kind paused",
                "waits: anne paused kind exports.export_records 4m ago (provider is down)",
            ),
            ("no worker", "waits: no worker serves queue exports"),
            ("quiet", "waits: the only worker of queue exports is quiet"),
            (
                "draining",
                "waits: all 2 workers of queue exports are shutting down",
            ),
            (
                "quiet and draining",
                "waits: of the workers of queue exports 1 is quiet and 2 are shutting down",
            ),
            (
                "breaker",
                "waits: circuit breaker resend is open and lets a probe through in 12s",
            ),
            (
                "rate limit",
                "waits: the next permit of rate limit gmail is due in 12s",
            ),
            (
                "group",
                "waits: group mailbox:7 has its 1 job running (g), 2 jobs of the group are ahead of it",
            ),
            (
                "slots",
                "waits: 4 jobs run on the 4 slots of queue exports, 2 jobs are ahead of it",
            ),
            (
                "expires",
                "2 jobs are ahead of it and queue exports has 1 slot free; it is cancelled unless it starts within 1h",
            ),
        ],
    );
}

#[test]
fn a_scheduled_job_waits_for_its_time_and_for_what_lasts() {
    let plain = "is scheduled to run in 59m";
    assert_sentences(
        &facts(State::Scheduled, NOW + 59 * MINUTE),
        Cause::Scheduled,
        plain,
        &due_later(plain)
            .each_ref()
            .map(|(name, text)| (*name, text.as_str())),
    );
}

#[test]
fn a_retrying_job_says_what_failed_and_when_it_is_tried_again() {
    let mut job = facts(State::Retrying, NOW + 20 * MINUTE);
    claimed(&mut job);
    job.failure = Some(failure("error", "connection refused"));
    job.max_attempts = Some(5);
    let plain = "attempt 2 of 5 runs in 20m; attempt 1 failed 3s ago (error: connection refused)";
    assert_sentences(
        &job,
        Cause::Retrying,
        plain,
        &due_later(plain)
            .each_ref()
            .map(|(name, text)| (*name, text.as_str())),
    );
}

/// What is added to the sentence of a job that is due later.
fn due_later(plain: &str) -> [(&'static str, String); 8] {
    [
        (
            "queue paused",
            ", but anne paused queue exports 4m ago (provider is down)",
        ),
        (
            "kind paused",
            ", but anne paused kind exports.export_records 4m ago (provider is down)",
        ),
        ("no worker", ", but no worker serves queue exports"),
        ("quiet", ", but the only worker of queue exports is quiet"),
        (
            "draining",
            ", but all 2 workers of queue exports are shutting down",
        ),
        (
            "quiet and draining",
            ", but of the workers of queue exports 1 is quiet and 2 are shutting down",
        ),
        (
            "breaker",
            ", but circuit breaker resend is open and lets a probe through in 12s",
        ),
        ("expires", "; it is cancelled unless it starts within 1h"),
    ]
    .map(|(name, more)| (name, format!("{plain}{more}")))
}

#[test]
fn a_snoozed_job_says_what_it_waits_for() {
    let mut job = facts(State::Scheduled, NOW + 12 * SECOND);
    claimed(&mut job);
    let cases = [
        ("", Cause::Snoozed, "asked to run again in 12s"),
        (
            "limit:gmail",
            Cause::RateLimit,
            "waits for permits of rate limit gmail and runs in 12s",
        ),
        (
            "breaker:resend",
            Cause::Breaker,
            "waits for circuit breaker resend to close and tries in 12s",
        ),
        (
            "effect:busy",
            Cause::Snoozed,
            "waits for another run of its effect to end and tries in 12s",
        ),
        (
            "effect:ledger",
            Cause::Snoozed,
            "waits for the ledger of effects to answer and tries in 12s",
        ),
        (
            "payload:store",
            Cause::Snoozed,
            "waits for the store of its payload to answer and tries in 12s",
        ),
    ];
    for (reason, cause, sentence) in cases {
        job.reason = reason.to_owned();
        let found = waiting(&job);
        assert_eq!((found.sentence.as_str(), found.code), (sentence, cause));
        assert_eq!(found.until, Some(NOW + 12 * SECOND));
    }
}

#[test]
fn a_job_that_cannot_start_in_time_says_so_instead_of_a_time() {
    let mut waits = facts(State::Available, NOW - SECOND);
    waits.expires_at = Some(NOW);
    waits.queue.paused = Some(pause());
    let found = waiting(&waits);
    assert_eq!(
        found.sentence,
        "had to start before now: it is cancelled as soon as a worker claims it"
    );
    assert_eq!(found.code, Cause::Expired);
    for state in [State::Scheduled, State::Retrying] {
        let mut later = facts(state, NOW + 20 * SECOND);
        later.expires_at = Some(NOW + 5 * SECOND);
        let found = waiting(&later);
        assert_eq!(
            found.sentence,
            "does not run any more: it is due in 20s and had to start before"
        );
        assert_eq!(found.code, Cause::Expired);
    }
}

#[test]
fn a_job_whose_turn_has_come_and_one_that_is_due_name_no_distance() {
    let mut first = facts(State::Available, NOW);
    first.ahead = 0;
    assert_eq!(
        waiting(&first).sentence,
        "is next: queue exports has 1 slot free"
    );
    let due = facts(State::Scheduled, NOW - SECOND);
    assert_eq!(waiting(&due).sentence, "is scheduled to run now");
}

#[test]
fn of_many_running_members_of_a_group_a_few_are_named() {
    let mut job = facts(State::Available, NOW);
    let members = ["a", "b", "c", "d"].map(|id| id.parse().unwrap());
    job.group = Some(GroupFacts {
        limit: Some(5),
        running: 5,
        members: members.to_vec(),
        ahead: 1,
        ..full_group()
    });
    let sentence = "waits: group mailbox:7 has its 5 jobs running (a, b, c and 2 more), 1 job of the group is ahead of it";
    assert_eq!(waiting(&job).sentence, sentence);
    if let Some(group) = &mut job.group {
        group.running = 4;
    }
    assert_eq!(waiting(&job).code, Cause::Turn);
}
