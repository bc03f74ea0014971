//! What an attempt may do about an effect that is in the ledger already: a pure function.

use std::time::Duration;

use super::{EffectState, Recorded, Reservation};

/// How long a released effect remembers the fence that released it. An attempt that lost its lease
/// is told to stop within a beat; this outlasts it many times over, and ends, because a Redis that
/// was emptied starts its fences anew.
const FENCE_REMEMBERED: Duration = Duration::from_secs(3600);
/// How soon an attempt that cannot know looks again.
const SOON: Duration = Duration::from_secs(1);

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The reservation is this call's own: run it.
    Run,
    /// It happened; this is its answer.
    Answer(String),
    /// Free again: reserve it if it is still as seen.
    TakeOver,
    /// Ask the provider.
    Ask,
    /// Somebody may be running it: come back.
    Wait(Duration),
    /// Nobody knows, and nobody can be asked.
    Unknown,
}

/// Decides; `can_ask` says whether the handler knows how to ask the provider.
pub(super) fn judge(found: &Recorded, mine: &Reservation, can_ask: bool) -> Step {
    if found.call == mine.call && found.state == EffectState::Reserved {
        return Step::Run;
    }
    let same_job = found.job == mine.job;
    let fenced = same_job && found.fence > mine.fence;
    match found.state {
        EffectState::Confirmed => {
            Step::Answer(found.answer.clone().unwrap_or_else(|| "null".to_owned()))
        }
        EffectState::Released if fenced && found.age < FENCE_REMEMBERED => Step::Wait(SOON),
        EffectState::Released => Step::TakeOver,
        // A later attempt, or another job, is at work. Whoever asks about an effect that is under
        // way would hear that it did not happen.
        EffectState::Reserved if !found.left.is_zero() && (fenced || !same_job || can_ask) => {
            Step::Wait(found.left.max(SOON))
        }
        EffectState::Reserved | EffectState::Unknown if can_ask => Step::Ask,
        EffectState::Reserved | EffectState::Unknown => Step::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mine() -> Reservation {
        Reservation {
            key: "mail:send:42".to_owned(),
            call: "mine".to_owned(),
            job: "job".parse().unwrap(),
            kind: "mail.send".to_owned(),
            attempt: 2,
            fence: 20,
            lasts: Duration::from_secs(30),
        }
    }

    fn found(state: EffectState) -> Recorded {
        Recorded {
            state,
            call: "earlier".to_owned(),
            job: "job".parse().unwrap(),
            fence: 10,
            answer: None,
            left: Duration::ZERO,
            age: Duration::from_secs(1),
        }
    }

    #[test]
    fn a_confirmed_effect_is_answered_whoever_asks() {
        let confirmed = Recorded {
            answer: Some("7".to_owned()),
            fence: 99,
            job: "other".parse().unwrap(),
            ..found(EffectState::Confirmed)
        };
        assert_eq!(
            judge(&confirmed, &mine(), true),
            Step::Answer("7".to_owned())
        );
    }

    #[test]
    fn what_an_earlier_attempt_left_open_is_asked_about_or_unknown() {
        for state in [EffectState::Reserved, EffectState::Unknown] {
            assert_eq!(judge(&found(state), &mine(), true), Step::Ask);
            assert_eq!(judge(&found(state), &mine(), false), Step::Unknown);
        }
    }

    #[test]
    fn nobody_is_asked_about_an_effect_that_may_be_under_way() {
        let running = Recorded {
            left: Duration::from_secs(9),
            ..found(EffectState::Reserved)
        };
        assert_eq!(
            judge(&running, &mine(), true),
            Step::Wait(Duration::from_secs(9))
        );
        assert_eq!(judge(&running, &mine(), false), Step::Unknown);
    }

    #[test]
    fn another_jobs_effect_is_waited_for() {
        let theirs = Recorded {
            job: "other".parse().unwrap(),
            left: Duration::from_secs(9),
            ..found(EffectState::Reserved)
        };
        assert_eq!(
            judge(&theirs, &mine(), false),
            Step::Wait(Duration::from_secs(9))
        );
    }

    #[test]
    fn an_attempt_that_lost_its_lease_gets_nothing() {
        for state in [EffectState::Reserved, EffectState::Released] {
            let later = Recorded {
                fence: 30,
                left: Duration::from_secs(5),
                ..found(state)
            };
            let step = judge(&later, &mine(), false);
            assert!(matches!(step, Step::Wait(_)), "{state:?}: {step:?}");
        }
    }

    #[test]
    fn a_released_effect_is_free_for_later_attempts_and_other_jobs() {
        assert_eq!(
            judge(&found(EffectState::Released), &mine(), false),
            Step::TakeOver
        );
        let theirs = Recorded {
            job: "other".parse().unwrap(),
            fence: 30,
            ..found(EffectState::Released)
        };
        assert_eq!(judge(&theirs, &mine(), false), Step::TakeOver);
        let long_ago = Recorded {
            fence: 30,
            age: FENCE_REMEMBERED,
            ..found(EffectState::Released)
        };
        assert_eq!(judge(&long_ago, &mine(), false), Step::TakeOver);
    }

    #[test]
    fn a_question_repeated_after_a_lost_answer_runs() {
        let own = Recorded {
            call: "mine".to_owned(),
            left: Duration::from_secs(5),
            ..found(EffectState::Reserved)
        };
        assert_eq!(judge(&own, &mine(), true), Step::Run);
    }
}
