//! The same for jobs that were claimed: running, lost, held, over.

use super::{MINUTE, NOW, SECOND, assert_sentences, claimed, due_later, facts, failure};
use crate::inspect::waiting::{Cause, RunFacts, waiting};
use crate::state::State;

#[test]
fn a_running_job_names_its_worker_and_nothing_that_stops_others() {
    let mut job = facts(State::Running, NOW - 3 * MINUTE);
    claimed(&mut job);
    assert_sentences(
        &job,
        Cause::Running,
        "runs on host.7.a1 for 3m (attempt 1)",
        &[],
    );
    let run = |change: fn(&mut RunFacts)| {
        let mut changed = job.clone();
        changed.run.as_mut().map(change).unwrap();
        let found = waiting(&changed);
        (found.code, found.sentence)
    };
    assert_eq!(
        run(|run| run.stop_asked = true),
        (
            Cause::Stopping,
            "was asked to stop, and still runs on host.7.a1 after 3m".to_owned()
        )
    );
    assert_eq!(
        run(|run| run.timeout_ms = Some(MINUTE)),
        (
            Cause::Overdue,
            "is overdue: it runs on host.7.a1 for 3m, its timeout is 1m (attempt 1)".to_owned()
        )
    );
    assert_eq!(
        run(|run| run.worker_alive = false),
        (Cause::WorkerLost, "was started 3m ago on host.7.a1, which was not heard of lately: it runs again in 12s unless that worker extends its lease".to_owned())
    );
}

#[test]
fn a_job_whose_lease_ended_waits_for_whoever_takes_it_back() {
    let mut job = facts(State::Running, NOW - 3 * MINUTE);
    claimed(&mut job);
    job.run.as_mut().unwrap().lease_until = NOW - 2 * SECOND;
    let plain = "was lost by host.7.a1, whose lease ended 2s ago: it runs again as soon as a worker takes it back";
    let with = due_later(plain);
    let but: Vec<(&str, &str)> = with
        .iter()
        .filter(|(name, _)| *name != "expires")
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    assert_sentences(&job, Cause::WorkerLost, plain, &but);
}

#[test]
fn a_held_job_says_what_a_person_has_to_decide() {
    let mut job = facts(State::Held, NOW - MINUTE);
    claimed(&mut job);
    let cases = [
        (
            "unknown_kind",
            Cause::UnknownKind,
            "waits for a person for 1m: no worker of queue exports knows kind exports.export_records: start one that does and retry it, or cancel it",
        ),
        (
            "undecodable",
            Cause::Undecodable,
            "waits for a person for 1m: its payload does not fit its kind (missing field `a`): correct the payload or the worker and retry it, or cancel it",
        ),
        (
            "crash_loop",
            Cause::CrashLoop,
            "waits for a person for 1m: its workers died while they ran it (missing field `a`): find out whether it kills them, then retry or cancel it",
        ),
        (
            "effect_unknown",
            Cause::EffectUnknown,
            "waits for a person for 1m: an effect may have happened or not (missing field `a`): find out at its receiver and say which, then retry or cancel it",
        ),
        (
            "",
            Cause::Held,
            "waits for a person for 1m: its reason is not known (missing field `a`): retry or cancel it",
        ),
        (
            "odd_reason",
            Cause::Held,
            "waits for a person for 1m: odd_reason (missing field `a`): retry or cancel it",
        ),
    ];
    job.failure = Some(failure("undecodable", "missing field `a`"));
    for (reason, cause, sentence) in cases {
        job.reason = reason.to_owned();
        assert_sentences(&job, cause, sentence, &[]);
    }
}

#[test]
fn a_job_that_is_over_says_how_it_ended() {
    let mut job = facts(State::Completed, NOW - 2 * MINUTE);
    claimed(&mut job);
    job.failure = Some(failure(
        "timeout",
        "the attempt took longer than its timeout",
    ));
    let cases = [
        (State::Completed, "", Cause::Completed, "completed 2m ago"),
        (
            State::Discarded,
            "timeout",
            Cause::Discarded,
            "failed for good 2m ago after 1 attempt (timeout: the attempt took longer than its timeout)",
        ),
        (
            State::Cancelled,
            "requested",
            Cause::Cancelled,
            "was cancelled on request 2m ago",
        ),
        (
            State::Cancelled,
            "expired",
            Cause::Cancelled,
            "was cancelled 2m ago: it did not start in time",
        ),
        (
            State::Cancelled,
            "by_handler",
            Cause::Cancelled,
            "was cancelled by its own handler 2m ago",
        ),
        (
            State::Cancelled,
            "",
            Cause::Cancelled,
            "was cancelled 2m ago",
        ),
        (
            State::Cancelled,
            "odd_reason",
            Cause::Cancelled,
            "was cancelled 2m ago (odd_reason)",
        ),
    ];
    for (state, reason, cause, sentence) in cases {
        job.state = state;
        job.reason = reason.to_owned();
        let taken = format!(
            "{sentence}; job b has its unique key now, so it cannot be retried before that one ends"
        );
        assert_sentences(&job, cause, sentence, &[("key taken", &taken)]);
    }
}
