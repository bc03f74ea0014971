//! The oracle judges what steps through time: ours must agree with it, the crates alone must not.

use std::str::FromStr;

use chrono::{DateTime, SecondsFormat};
use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rouage::schedule::Timing;

use super::expressions::{Spec, any_spec, daily};
use super::oracle::{DAY, changes, walk, year};

/// Zones that are always in the sample: an hour, half an hour, and a lost day.
const ALWAYS: [&str; 3] = ["Europe/Paris", "Australia/Lord_Howe", "Pacific/Apia"];
/// First years of the decades that are looked at; Apia lost its day in 2011.
const DECADES: [i32; 3] = [2006, 2016, 2026];
/// Denser ones are compared near changes of the clock only, in the long form.
const DENSE: usize = 24;

/// The first occurrence after an instant, as a crate has it.
type Stepping = Box<dyn Fn(i64) -> Option<i64>>;
/// The same, borrowed.
type Next<'n> = &'n dyn Fn(i64) -> Option<i64>;

fn list(next: Next<'_>, from: i64, until: i64) -> Vec<i64> {
    let mut found = Vec::new();
    let mut at = from - 1;
    while let Some(next) = next(at).filter(|next| *next < until) {
        assert!(next > at, "time stands still at {at}");
        found.push(next);
        at = next;
    }
    found
}

/// The first difference, for people.
fn difference(spec: &Spec, zone: Tz, expected: &[i64], found: &[i64]) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    let show = |at: Option<&i64>| {
        at.map_or("nothing".to_owned(), |at| {
            let at = DateTime::from_timestamp(*at, 0).unwrap();
            let local = at.with_timezone(&zone).to_rfc3339();
            format!(
                "{} ({local})",
                at.to_rfc3339_opts(SecondsFormat::Secs, true)
            )
        })
    };
    let most = expected.len().max(found.len());
    let first = (0..most).find(|n| expected.get(*n) != found.get(*n));
    let first = first.unwrap_or(most);
    Err(format!(
        "{:?} in {zone}: expected {}, found {}",
        spec.text,
        show(expected.get(first)),
        show(found.get(first))
    ))
}

/// Compares around one instant.
fn judge_near(spec: &Spec, zone: Tz, at: i64, days: i64, next: Next<'_>) -> Result<(), String> {
    let (from, until) = (at - days * DAY, at + days * DAY);
    // What came before and comes behind decides about holes.
    let walked = walk(
        std::slice::from_ref(spec),
        zone,
        from - 3 * DAY,
        until + 3 * DAY,
    );
    let expected: Vec<i64> = walked[0]
        .iter()
        .copied()
        .filter(|at| (from..until).contains(at))
        .collect();
    difference(spec, zone, &expected, &list(next, from, until))
}

fn ours(spec: &Spec, zone: Tz) -> Timing {
    Timing::cron(&spec.text, zone.name()).unwrap()
}

/// Ten years: around every change, and around a few other days.
fn judge_decade(spec: &Spec, zone: Tz, decade: i32, others: &[u32]) -> Result<(), String> {
    let timing = ours(spec, zone);
    let (from, until) = (year(decade), year(decade + 10));
    let days = (until - from) / DAY;
    let others = others.iter().map(|day| from + i64::from(*day) % days * DAY);
    for at in changes(zone, from, until).into_iter().chain(others) {
        judge_near(spec, zone, at, 1, &|after| timing.next(after))?;
    }
    Ok(())
}

/// Expressions that people write, with their times.
fn usual() -> Vec<Spec> {
    let every = |step: usize, below: u32| -> Vec<u32> { (0..below).step_by(step).collect() };
    vec![
        daily("0 2 * * *", &[0], &[2]),
        daily("30 2 * * *", &[30], &[2]),
        daily("0 0 * * *", &[0], &[0]),
        daily("0 2,14 * * *", &[0], &[2, 14]),
        daily("*/10 2 * * *", &every(10, 60), &[2]),
        daily("15 1-3 * * *", &[15], &[1, 2, 3]),
        daily("*/10 * * * *", &every(10, 60), &[]),
        daily("*/20 * * * *", &every(20, 60), &[]),
        daily("30 * * * *", &[30], &[]),
        daily("0 */2 * * *", &[0], &every(2, 24)),
        daily("45 */6 * * *", &[45], &every(6, 24)),
    ]
}

#[test]
fn usual_expressions_agree_with_the_oracle_where_clocks_change() {
    for zone in ALWAYS {
        for spec in usual() {
            for decade in DECADES {
                let judged = judge_decade(&spec, zone.parse().unwrap(), decade, &[]);
                assert_eq!(judged, Ok(()));
            }
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 40, ..Config::default() })]

    #[test]
    fn random_expressions_in_random_zones_agree_with_the_oracle(
        spec in any_spec(),
        zone in proptest::sample::select(TZ_VARIANTS.to_vec()),
        always in 0..ALWAYS.len(),
        decade in proptest::sample::select(DECADES.to_vec()),
        others in proptest::collection::vec(any::<u32>(), 3),
    ) {
        for zone in [zone, ALWAYS[always].parse().unwrap()] {
            prop_assert_eq!(judge_decade(&spec, zone, decade, &others), Ok(()));
        }
    }
}

#[test]
#[ignore = "long: run by make faults"]
fn ten_years_in_all_zones_agree_with_the_oracle_minute_by_minute() {
    let seed: [u8; 32] = std::array::from_fn(|n| n as u8);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for (number, zone) in TZ_VARIANTS.into_iter().enumerate() {
        let decade = DECADES[number % DECADES.len()];
        let (from, until) = (year(decade), year(decade + 10));
        let specs: Vec<Spec> = (0..8)
            .map(|_| any_spec().new_tree(&mut runner).unwrap().current())
            .collect();
        let walked = walk(&specs, zone, from - 3 * DAY, until + 3 * DAY);
        for (spec, walked) in specs.iter().zip(walked) {
            let timing = ours(spec, zone);
            if spec.a_day() > DENSE {
                assert_eq!(judge_decade(spec, zone, decade, &[]), Ok(()));
                continue;
            }
            let inside = walked.iter().copied();
            let expected: Vec<i64> = inside.filter(|at| (from..until).contains(at)).collect();
            let found = list(&|after| timing.next(after), from, until);
            assert_eq!(difference(spec, zone, &expected, &found), Ok(()));
        }
    }
}

/// What the `cron` crate makes of an expression in croner's place; it wants a second in front.
fn by_cron(spec: &Spec, zone: Tz) -> Stepping {
    let schedule = cron::Schedule::from_str(&format!("0 {}", spec.text)).unwrap();
    Box::new(move |after| {
        let after = DateTime::from_timestamp(after, 0)?.with_timezone(&zone);
        schedule.after(&after).next().map(|at| at.timestamp())
    })
}

/// What croner makes of it by its own rules for zones.
fn by_croner(spec: &Spec, zone: Tz) -> Stepping {
    let cron = croner::Cron::from_str(&spec.text).unwrap();
    Box::new(move |after| {
        let after = DateTime::from_timestamp(after, 0)?.with_timezone(&zone);
        let next = cron.find_next_occurrence(&after, false).ok()?;
        Some(next.timestamp())
    })
}

/// Which of the usual expressions a crate gets wrong around the changes of Paris in 2026.
fn wrong(judged: fn(&Spec, Tz) -> Stepping) -> Vec<String> {
    let zone: Tz = "Europe/Paris".parse().unwrap();
    let changes = changes(zone, year(2026), year(2027));
    let is_wrong = |spec: &Spec| {
        let next = judged(spec, zone);
        let mut near = changes
            .iter()
            .map(|at| judge_near(spec, zone, *at, 1, &next));
        near.any(|judged| judged.is_err())
    };
    let wrong = usual().into_iter().filter(is_wrong);
    wrong.map(|spec| spec.text).collect()
}

#[test]
fn the_oracle_catches_the_cron_crate_in_croners_place() {
    let wrong = wrong(by_cron);
    for text in ["0 2 * * *", "30 2 * * *", "*/10 * * * *"] {
        assert!(wrong.iter().any(|wrong| wrong == text), "{text}: {wrong:?}");
    }
    assert!(
        cron::Schedule::from_str("0 2 * * *").is_err(),
        "five fields"
    );
}

#[test]
fn the_oracle_catches_croners_own_rules_for_zones() {
    let wrong = wrong(by_croner);
    for text in ["0 2,14 * * *", "*/10 2 * * *", "15 1-3 * * *"] {
        assert!(wrong.iter().any(|wrong| wrong == text), "{text}: {wrong:?}");
    }
    for text in ["0 2 * * *", "30 2 * * *", "*/10 * * * *"] {
        assert!(wrong.iter().all(|wrong| wrong != text), "{text}: {wrong:?}");
    }
}
