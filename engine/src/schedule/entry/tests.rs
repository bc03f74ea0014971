use serde_json::value::RawValue;

use super::*;
use crate::policy::Priority;

/// An entry with a job that says nothing.
pub(crate) fn entry(name: &str, timing: Timing) -> Entry {
    let payload = RawValue::from_string("{}".to_owned()).unwrap();
    let job = NewJob::from_parts("test", "test.act", payload, Priority::NORMAL).unwrap();
    Entry::new(name, job, timing).unwrap()
}

fn nightly() -> Entry {
    entry(
        "nightly",
        Timing::cron("0 2 * * *", "Europe/Paris").unwrap(),
    )
}

#[test]
fn an_occurrence_names_its_job_and_its_delay() {
    let spread = Entry {
        jitter: Duration::from_secs(600),
        expires: Some(Duration::from_secs(60)),
        ..nightly()
    };
    let (one, same) = (
        spread.at(1_772_326_800, 5).unwrap(),
        spread.at(1_772_326_800, 9).unwrap(),
    );
    assert_eq!(one.id.as_str(), "nightly.20260301T010000Z");
    assert_eq!(one.run_at, same.run_at);
    let RunAt::At(at) = one.run_at else {
        panic!("{:?}", one.run_at)
    };
    assert!((0..600_000).contains(&(at - 1_772_326_800_000)));
    assert_eq!(one.envelope.expires_at, Some(at + 60_000));
    assert_eq!(one.envelope.tags, ["schedule:nightly"]);
    assert_ne!(
        spread.at(1_772_413_200, 5).unwrap().run_at,
        RunAt::At(at + 86_400_000)
    );
}

#[test]
fn overlap_is_a_unique_key_or_a_group_and_the_kinds_own_are_kept() {
    let job = |overlap| {
        Entry {
            overlap,
            ..nightly()
        }
        .by_hand(0)
    };
    assert_eq!(job(Overlap::Allow).unique, None);
    assert_eq!(
        job(Overlap::Skip).unique,
        Some(Unique::while_live("schedule:nightly"))
    );
    assert_eq!(
        job(Overlap::Queue).envelope.group,
        Some(Group::at_most(1, "schedule:nightly"))
    );
    let mut own = nightly();
    own.job.unique = Some(Unique::while_live("mailbox:7"));
    assert_eq!(own.by_hand(0).unique, Some(Unique::while_live("mailbox:7")));
}

#[test]
fn names_and_words_that_cannot_be_are_refused_with_those_that_can() {
    let job = nightly().job;
    let long = "x".repeat(48);
    for name in ["", "Nightly", "a b", "a:b", long.as_str()] {
        assert!(
            Entry::new(name, job.clone(), nightly().timing).is_err(),
            "{name}"
        );
    }
    assert!("all 0".parse::<OnMissed>().is_err());
    assert_eq!("all 5".parse(), Ok(OnMissed::All(5)));
    assert_eq!(
        "skipp".parse::<Overlap>().unwrap_err().hint,
        "did you mean skip?"
    );
}

#[test]
fn changes_by_hand_replace_what_the_file_says_and_nothing_else() {
    let changed = nightly().with(&Overrides {
        cron: Some("30 4 * * *".to_owned()),
        overlap: Some("queue".to_owned()),
        expires: Some("2h".to_owned()),
        ..Overrides::default()
    });
    let changed = changed.unwrap();
    assert_eq!(changed.timing.to_string(), "30 4 * * * Europe/Paris");
    assert_eq!(
        (changed.overlap, changed.on_missed),
        (Overlap::Queue, OnMissed::Latest)
    );
    assert_eq!(changed.expires, Some(Duration::from_secs(7200)));
    let zone = Overrides {
        zone: Some("UTC".to_owned()),
        ..Overrides::default()
    };
    assert_eq!(
        nightly().with(&zone).unwrap().fingerprint(),
        "0 2 * * * UTC"
    );
    let paused = Overrides {
        enabled: Some(false),
        ..Overrides::default()
    };
    assert_eq!(nightly().with(&paused).unwrap().fingerprint(), "off");
}
