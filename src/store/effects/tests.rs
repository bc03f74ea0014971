use std::time::Duration;

use rouage::effects::{EffectEnd, EffectLedger, EffectState, Reservation};

use super::{Decided, Decision, Effects};
use crate::store::test_database;

const KEY: &str = "mail:send:42";

fn reservation(call: &str, lasts: Duration) -> Reservation {
    Reservation {
        key: KEY.to_owned(),
        call: call.to_owned(),
        job: "job".parse().unwrap(),
        kind: "mail.send".to_owned(),
        attempt: 1,
        fence: 7,
        lasts,
    }
}

fn minute(call: &str) -> Reservation {
    reservation(call, Duration::from_mins(1))
}

async fn ledger() -> Effects {
    Effects::new(test_database::pool().await)
}

#[tokio::test]
async fn a_key_is_reserved_once_and_shows_who_has_it() {
    let ledger = ledger().await;
    assert_eq!(ledger.reserve(&minute("one")).await.unwrap(), None);
    let found = ledger.reserve(&minute("two")).await.unwrap().unwrap();
    assert_eq!(
        (found.state, found.call.as_str(), found.fence),
        (EffectState::Reserved, "one", 7)
    );
    assert_eq!(found.job.as_str(), "job");
    let left = found.left.as_secs();
    assert!((1..=60).contains(&left), "{left} s");
}

#[tokio::test]
async fn of_many_reservations_at_once_one_succeeds() {
    let ledger = ledger().await;
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..20 {
        let ledger = ledger.clone();
        calls.spawn(async move { ledger.reserve(&minute(&n.to_string())).await.unwrap() });
    }
    let granted = calls.join_all().await;
    assert_eq!(granted.iter().filter(|found| found.is_none()).count(), 1);
}

#[tokio::test]
async fn an_answer_comes_back_as_it_was_given_and_stays() {
    let ledger = ledger().await;
    ledger.reserve(&minute("one")).await.unwrap();
    let answer = r#"{"b":1, "a":[1.50,"é"]}"#.to_owned();
    let happened = EffectEnd::Confirmed(answer.clone());
    assert!(ledger.end(KEY, "one", &happened).await.unwrap());
    // A repeated confirmation is no failure; nothing else changes what is confirmed.
    assert!(ledger.end(KEY, "one", &happened).await.unwrap());
    assert!(!ledger.end(KEY, "one", &EffectEnd::Released).await.unwrap());
    assert!(!ledger.end(KEY, "one", &EffectEnd::Unknown).await.unwrap());
    assert!(!ledger.take_over(&minute("two"), "one").await.unwrap());
    let found = ledger.reserve(&minute("two")).await.unwrap().unwrap();
    assert_eq!(
        (found.state, found.answer),
        (EffectState::Confirmed, Some(answer))
    );
}

#[tokio::test]
async fn only_the_call_that_was_seen_is_taken_over() {
    let ledger = ledger().await;
    ledger.reserve(&minute("one")).await.unwrap();
    assert!(ledger.end(KEY, "one", &EffectEnd::Released).await.unwrap());
    assert!(ledger.take_over(&minute("two"), "one").await.unwrap());
    assert!(!ledger.take_over(&minute("three"), "one").await.unwrap());
    // A question that is repeated because its answer was lost is answered the same.
    assert!(ledger.take_over(&minute("two"), "one").await.unwrap());
    // Whoever had it before has no say any more.
    let late = EffectEnd::Confirmed("1".to_owned());
    assert!(!ledger.end(KEY, "one", &late).await.unwrap());
}

#[tokio::test]
async fn a_late_truth_replaces_not_knowing() {
    let ledger = ledger().await;
    ledger.reserve(&minute("one")).await.unwrap();
    assert!(ledger.end(KEY, "one", &EffectEnd::Unknown).await.unwrap());
    let truth = EffectEnd::Confirmed("1".to_owned());
    assert!(ledger.end(KEY, "one", &truth).await.unwrap());
    let found = ledger.reserve(&minute("two")).await.unwrap().unwrap();
    assert_eq!(found.state, EffectState::Confirmed);
}

#[tokio::test]
async fn open_effects_are_listed_and_decided_and_others_are_not() {
    let ledger = ledger().await;
    ledger.reserve(&minute("one")).await.unwrap();
    // Its call may still run: it is nobody's business yet.
    assert_eq!(ledger.open(10).await.unwrap(), []);
    let decided = ledger
        .decide(KEY, &Decision::DidNotHappen, "no trace")
        .await;
    assert_eq!(decided.unwrap(), Decided::Is("reserved".to_owned()));

    ledger.end(KEY, "one", &EffectEnd::Unknown).await.unwrap();
    let open = ledger.open(10).await.unwrap();
    assert_eq!(
        (open[0].key.as_str(), open[0].job_id.as_str()),
        (KEY, "job")
    );
    let decided = ledger
        .decide(KEY, &Decision::DidNotHappen, "no trace")
        .await;
    assert_eq!(
        decided.unwrap(),
        Decided::By {
            job_id: "job".to_owned()
        }
    );
    // A person may be wrong, and say so.
    let happened = Decision::Happened("3".to_owned());
    let again = ledger.decide(KEY, &happened, "found it").await.unwrap();
    assert!(matches!(again, Decided::By { .. }), "{again:?}");
    let found = ledger.reserve(&minute("two")).await.unwrap().unwrap();
    assert_eq!(found.answer.as_deref(), Some("3"));
    let stranger = ledger.decide("other", &happened, "").await.unwrap();
    assert_eq!(stranger, Decided::NoSuchKey);
}

#[tokio::test]
async fn a_call_that_wrote_nothing_is_open_when_its_time_is_over() {
    let ledger = ledger().await;
    ledger
        .reserve(&reservation("one", Duration::ZERO))
        .await
        .unwrap();
    let open = ledger.open(10).await.unwrap();
    assert_eq!((open.len(), open[0].state.as_str()), (1, "reserved"));
    let found = ledger.reserve(&minute("two")).await.unwrap().unwrap();
    assert_eq!(found.left, Duration::ZERO);
}

#[tokio::test]
async fn old_certainties_are_forgotten_and_open_questions_never() {
    let ledger = ledger().await;
    for (key, end) in [
        ("sent", Some(EffectEnd::Confirmed("1".to_owned()))),
        ("not sent", Some(EffectEnd::Released)),
        ("unknown", Some(EffectEnd::Unknown)),
        ("died", None),
    ] {
        let call = Reservation {
            key: key.to_owned(),
            ..reservation("one", Duration::ZERO)
        };
        ledger.reserve(&call).await.unwrap();
        if let Some(end) = end {
            ledger.end(key, "one", &end).await.unwrap();
        }
    }
    assert_eq!(ledger.forget(Duration::from_hours(1)).await.unwrap(), 0);
    assert_eq!(ledger.forget(Duration::ZERO).await.unwrap(), 2);
    let left: Vec<String> = ledger
        .open(10)
        .await
        .unwrap()
        .into_iter()
        .map(|open| open.key)
        .collect();
    assert_eq!(left, ["unknown", "died"]);
}
