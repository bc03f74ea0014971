//! Which backups may go: a decision about a list, without a clock and without a disk.
//!
//! Tiers are counted in days, weeks and months *that have a backup*, not in time that has passed: a
//! clock that jumps, or a month without backups, deletes nothing. Newer means made later, by the
//! number that grows with every backup, whatever date the clock had. The last few verified backups
//! always stay, by that number and by date, and as long as none is verified everything stays.

use std::collections::HashSet;

use chrono::{DateTime, Datelike, Utc};

use crate::name::Name;

/// How many are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiers {
    /// Days with a backup of which the last one stays.
    pub daily: usize,
    /// Weeks.
    pub weekly: usize,
    /// Months.
    pub monthly: usize,
    /// The last verified ones, in any case; at least one counts.
    pub last: usize,
}

/// One backup of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub name: Name,
    /// Grows with every backup.
    pub sequence: u64,
    /// When it was made, by a clock that may have been wrong.
    pub taken_at: DateTime<Utc>,
    /// Whether every row of it was read back.
    pub verified: bool,
}

/// The backups that no tier needs, the oldest first.
pub fn surplus(backups: &[Kept], tiers: &Tiers) -> Vec<Name> {
    let mut newest_first: Vec<&Kept> = backups.iter().collect();
    newest_first.sort_by_key(|kept| std::cmp::Reverse((kept.sequence, kept.taken_at)));
    let verified: Vec<&Kept> = newest_first
        .iter()
        .copied()
        .filter(|kept| kept.verified)
        .collect();
    let last = tiers.last.max(1);
    // Fewer good ones than must stay: nothing is surplus.
    let Some(last_good) = verified.get(last - 1) else {
        return Vec::new();
    };
    let mut stay: HashSet<&Name> = verified.iter().take(last).map(|kept| &kept.name).collect();
    let mut by_date = verified.clone();
    by_date.sort_by_key(|kept| std::cmp::Reverse(kept.taken_at));
    stay.extend(by_date.iter().take(last).map(|kept| &kept.name));
    let day = |kept: &Kept| i64::from(kept.taken_at.num_days_from_ce());
    // Monday is the first day of a week, as for the calendar in France; day 1 was a Monday.
    let week = |kept: &Kept| (i64::from(kept.taken_at.num_days_from_ce()) - 1).div_euclid(7);
    let month =
        |kept: &Kept| i64::from(kept.taken_at.year()) * 12 + i64::from(kept.taken_at.month());
    stay.extend(last_of_each(&verified, tiers.daily, day));
    stay.extend(last_of_each(&verified, tiers.weekly, week));
    stay.extend(last_of_each(&verified, tiers.monthly, month));
    // One that failed stays until enough good ones came after it: somebody may want to look at it.
    let failed = newest_first.iter().filter(|kept| !kept.verified);
    let recent = failed.filter(|kept| kept.sequence >= last_good.sequence);
    stay.extend(recent.map(|kept| &kept.name));
    let leaving = newest_first
        .iter()
        .rev()
        .filter(|kept| !stay.contains(&kept.name));
    leaving.map(|kept| kept.name.clone()).collect()
}

/// The newest of each period, for as many periods as are kept.
fn last_of_each<'k>(
    newest_first: &[&'k Kept],
    periods: usize,
    period: impl Fn(&Kept) -> i64,
) -> Vec<&'k Name> {
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    for kept in newest_first {
        if seen.len() < periods && seen.insert(period(kept)) {
            names.push(&kept.name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    const TIERS: Tiers = Tiers {
        daily: 10,
        weekly: 4,
        monthly: 3,
        last: 3,
    };

    fn kept(sequence: u64, time: &str, verified: bool) -> Kept {
        let taken_at: DateTime<Utc> = time.parse().unwrap();
        Kept {
            name: Name::at(taken_at),
            sequence,
            taken_at,
            verified,
        }
    }

    fn nightly(count: u64) -> Vec<Kept> {
        let start: DateTime<Utc> = "2026-01-01T02:00:00Z".parse().unwrap();
        let night = |n: u64| {
            let taken_at = start + TimeDelta::days(n as i64);
            kept(n + 1, &taken_at.to_rfc3339(), true)
        };
        (0..count).map(night).collect()
    }

    fn staying(backups: &[Kept], tiers: &Tiers) -> Vec<Kept> {
        let gone = surplus(backups, tiers);
        backups
            .iter()
            .filter(|kept| !gone.contains(&kept.name))
            .cloned()
            .collect()
    }

    #[test]
    fn a_year_of_nights_leaves_days_weeks_and_months() {
        let stay = staying(&nightly(365), &TIERS);
        let dates: Vec<String> = stay
            .iter()
            .map(|kept| kept.taken_at.format("%m-%d").to_string())
            .collect();
        let days = [
            "12-22", "12-23", "12-24", "12-25", "12-26", "12-27", "12-28", "12-29", "12-30",
            "12-31",
        ];
        let older = ["10-31", "11-30", "12-13", "12-20"];
        assert_eq!(dates, [&older[..], &days[..]].concat());
    }

    #[test]
    fn a_clock_that_went_back_costs_no_backup() {
        let mut backups = nightly(30);
        // Two years back, three nights long.
        for n in 0..3 {
            backups.push(kept(31 + n, &format!("2024-01-0{}T02:00:00Z", n + 1), true));
        }
        let stay = staying(&backups, &TIERS);
        let sequences: Vec<u64> = stay.iter().map(|kept| kept.sequence).collect();
        for needed in [28, 29, 30, 31, 32, 33] {
            assert!(sequences.contains(&needed), "{needed} of {sequences:?}");
        }
    }

    #[test]
    fn a_clock_far_ahead_deletes_nothing_that_would_have_stayed() {
        let mut backups = nightly(10);
        let before = staying(&backups, &TIERS).len();
        backups.push(kept(11, "2099-01-01T02:00:00Z", true));
        assert_eq!(staying(&backups, &TIERS).len(), before);
    }

    #[test]
    fn nights_that_failed_never_push_a_good_one_out() {
        let mut backups = nightly(3);
        for n in 0..60 {
            let time =
                "2026-02-01T02:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(n);
            backups.push(kept(10 + n as u64, &time.to_rfc3339(), false));
        }
        assert_eq!(surplus(&backups, &TIERS), []);
    }

    fn lists() -> impl Strategy<Value = Vec<Kept>> {
        let one = (0_u64..60, 0_i64..800, any::<bool>());
        proptest::collection::vec(one, 0..60).prop_map(|list| {
            let make = |(n, (sequence, day, verified)): (usize, (u64, i64, bool))| {
                let start: DateTime<Utc> = "2025-01-01T00:00:00Z".parse().unwrap();
                // Seconds make the names differ.
                let time = start + TimeDelta::days(day) + TimeDelta::seconds(n as i64);
                kept(sequence, &time.to_rfc3339(), verified)
            };
            list.into_iter().enumerate().map(make).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn the_last_good_ones_stay_whatever_the_list(
            backups in lists(), daily in 0_usize..9, weekly in 0_usize..5, monthly in 0_usize..4, last in 0_usize..5,
        ) {
            let tiers = Tiers { daily, weekly, monthly, last };
            let gone = surplus(&backups, &tiers);
            let mut good: Vec<&Kept> = backups.iter().filter(|kept| kept.verified).collect();
            let last = last.max(1);
            if good.len() < last {
                prop_assert!(gone.is_empty());
            }
            good.sort_by_key(|kept| (kept.sequence, kept.taken_at));
            for kept in good.iter().rev().take(last) {
                prop_assert!(!gone.contains(&kept.name));
            }
            good.sort_by_key(|kept| kept.taken_at);
            for kept in good.iter().rev().take(last) {
                prop_assert!(!gone.contains(&kept.name));
            }
        }

        #[test]
        fn asked_again_about_what_stayed_there_is_nothing_more_to_do(backups in lists()) {
            let stay = staying(&backups, &TIERS);
            prop_assert_eq!(surplus(&stay, &TIERS), []);
        }

        #[test]
        fn what_stays_is_bounded_by_the_tiers(backups in lists()) {
            let good = backups.iter().filter(|kept| kept.verified).count();
            if good >= TIERS.last {
                let stay = staying(&backups, &TIERS).iter().filter(|kept| kept.verified).count();
                let most = TIERS.daily + TIERS.weekly + TIERS.monthly + 2 * TIERS.last;
                prop_assert!(stay <= most);
            }
        }
    }
}
