//! Which occurrences are fired: a decision about numbers, without I/O.
//!
//! What lies between the last instant that was decided and now is either in time or missed. What is
//! in time is fired; what is missed follows the schedule's rule. One that could not start any more
//! is missed and not fired. The answer is bounded, however long nobody looked.

use std::collections::VecDeque;

use super::entry::{Entry, MAX_CAUGHT_UP, OnMissed};

/// An occurrence this old, in seconds, is missed: longer than a failover takes, shorter than a
/// deployment.
pub const LATE: i64 = 30;
/// Occurrences that are gone through one by one; of more, the older ones are only estimated.
const MOST_STEPS: usize = 20_000;

/// What is to be done about one schedule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Occurrences to fire, the oldest first, in seconds since 1970.
    pub fire: Vec<i64>,
    /// Occurrences that were not fired in time, caught up with or not.
    pub missed: u64,
}

/// Decides about the occurrences after `since` and not after `now`, in seconds since 1970.
pub fn plan(entry: &Entry, since: i64, now: i64) -> Plan {
    if !entry.enabled {
        return Plan::default();
    }
    let (mut in_time, mut late) = (Vec::new(), VecDeque::new());
    let (occurrences, mut missed) = passed(entry, since, now);
    for at in occurrences {
        if entry.is_over(at, now) {
            missed += 1;
        } else if at >= now - LATE {
            in_time.push(at);
        } else {
            missed += 1;
            late.push_back(at);
            if late.len() > MAX_CAUGHT_UP as usize {
                late.pop_front();
            }
        }
    }
    let caught_up = match entry.on_missed {
        OnMissed::Skip => 0,
        OnMissed::Latest => usize::from(in_time.is_empty()),
        OnMissed::All(most) => most as usize,
    };
    let left_out = late.len().saturating_sub(caught_up);
    let fire = late.into_iter().skip(left_out).chain(in_time).collect();
    Plan { fire, missed }
}

/// Whether a schedule is late by more than one of its periods: not only the next occurrence after
/// `since` has passed, but the one behind it too.
pub fn overdue(entry: &Entry, since: i64, now: i64) -> bool {
    let second = || entry.timing.next(entry.timing.next(since)?);
    entry.enabled && second().is_some_and(|second| second + LATE < now)
}

/// Occurrences between two instants, the oldest first, and how many older ones were left out: of a
/// dense schedule that nobody looked at for long, only the newest are gone through.
fn passed(entry: &Entry, since: i64, now: i64) -> (Vec<i64>, u64) {
    let (first, at) = step_through(entry, since, now);
    if first.len() < MOST_STEPS {
        return (first, 0);
    }
    let pause = ((at - since) / MOST_STEPS as i64).max(1);
    let near = (now - pause * i64::from(MAX_CAUGHT_UP) * 2).max(at);
    let left_out = MOST_STEPS as u64 + ((near - at) / pause) as u64;
    (step_through(entry, near, now).0, left_out)
}

/// At most [`MOST_STEPS`] occurrences, and where they end.
fn step_through(entry: &Entry, since: i64, now: i64) -> (Vec<i64>, i64) {
    let (mut found, mut at) = (Vec::new(), since);
    while found.len() < MOST_STEPS {
        let Some(next) = entry.timing.next(at).filter(|next| *next <= now) else {
            break;
        };
        found.push(next);
        at = next;
    }
    (found, at)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::entry::tests::entry;
    use super::super::timing::Timing;
    use super::*;

    /// 2026-01-05T00:00:00Z, a Monday.
    const MONDAY: i64 = 1_767_571_200;
    const HOUR: i64 = 3600;

    fn hourly(on_missed: OnMissed) -> Entry {
        Entry {
            on_missed,
            ..entry("hourly", Timing::cron("0 * * * *", "UTC").unwrap())
        }
    }

    fn fired(entry: &Entry, since: i64, now: i64) -> (Vec<i64>, u64) {
        let plan = plan(entry, since, now);
        let hours = plan.fire.iter().map(|at| (at - MONDAY) / HOUR).collect();
        (hours, plan.missed)
    }

    #[test]
    fn what_is_due_now_or_was_within_a_failover_is_fired_whatever_the_rule() {
        for rule in [OnMissed::Skip, OnMissed::Latest, OnMissed::All(1)] {
            let due = hourly(rule);
            for late in [0, 12, LATE] {
                let now = MONDAY + HOUR + late;
                assert_eq!(fired(&due, MONDAY, now), (vec![1], 0), "{rule} {late}");
            }
            assert_eq!(fired(&due, MONDAY, MONDAY + HOUR - 1), (vec![], 0));
            assert_eq!(fired(&due, MONDAY + HOUR, MONDAY + HOUR + 5), (vec![], 0));
        }
    }

    #[test]
    fn after_a_downtime_each_schedule_follows_its_own_rule() {
        let now = MONDAY + 5 * HOUR + 600;
        assert_eq!(fired(&hourly(OnMissed::Skip), MONDAY, now), (vec![], 5));
        assert_eq!(fired(&hourly(OnMissed::Latest), MONDAY, now), (vec![5], 5));
        assert_eq!(
            fired(&hourly(OnMissed::All(3)), MONDAY, now),
            (vec![3, 4, 5], 5)
        );
        assert_eq!(
            fired(&hourly(OnMissed::All(9)), MONDAY, now).0,
            [1, 2, 3, 4, 5]
        );
    }

    #[test]
    fn a_run_in_time_stands_for_the_latest_missed_one() {
        let now = MONDAY + 5 * HOUR + 5;
        assert_eq!(fired(&hourly(OnMissed::Latest), MONDAY, now), (vec![5], 4));
        assert_eq!(
            fired(&hourly(OnMissed::All(2)), MONDAY, now),
            (vec![3, 4, 5], 4)
        );
    }

    #[test]
    fn what_could_not_start_any_more_is_missed() {
        let expiring = Entry {
            expires: Some(Duration::from_secs(1800)),
            ..hourly(OnMissed::All(9))
        };
        let now = MONDAY + 5 * HOUR + 600;
        assert_eq!(fired(&expiring, MONDAY, now), (vec![5], 5));
        assert_eq!(fired(&expiring, MONDAY, now + 1800), (vec![], 5));
    }

    #[test]
    fn a_paused_schedule_fires_nothing_and_misses_nothing() {
        let paused = Entry {
            enabled: false,
            ..hourly(OnMissed::All(9))
        };
        assert_eq!(plan(&paused, MONDAY, MONDAY + 9 * HOUR), Plan::default());
        assert!(!overdue(&paused, MONDAY, MONDAY + 9 * HOUR));
    }

    #[test]
    fn a_year_without_a_scheduler_costs_a_bounded_plan() {
        let every = entry("every", Timing::every("1s", "UTC").unwrap());
        let every = Entry {
            on_missed: OnMissed::All(MAX_CAUGHT_UP),
            ..every
        };
        let now = MONDAY + 365 * 86_400;
        let plan = plan(&every, MONDAY, now);
        assert_eq!(plan.fire.len(), MAX_CAUGHT_UP as usize + LATE as usize + 1);
        assert_eq!(plan.fire.last(), Some(&now));
        assert_eq!(plan.missed, 365 * 86_400 - LATE as u64 - 1);
    }

    #[test]
    fn a_schedule_is_overdue_when_a_whole_period_was_missed() {
        let due = hourly(OnMissed::Latest);
        assert!(!overdue(&due, MONDAY, MONDAY + 2 * HOUR));
        assert!(!overdue(&due, MONDAY, MONDAY + 2 * HOUR + LATE));
        assert!(overdue(&due, MONDAY, MONDAY + 2 * HOUR + LATE + 1));
    }
}
