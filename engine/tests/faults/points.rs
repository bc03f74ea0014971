//! R3: a process that dies between two steps, at each point that the source names.
//!
//! Inside a script there is nothing between: "in the middle" of a batch of outcomes or of a
//! promotion means between two calls.

use std::time::Duration;

use rouage::faults::Point;
use rouage::{NewJob, RunAt};

use crate::scene::{BRIEF_LEASE_MS, SLOTS, Scene, entries};
use crate::stage::eventually;

/// The signal of `abort`.
const ABORTED: i32 = 6;
/// More due jobs than three claims line up.
const DUE: usize = 1_800;
/// How long they are scheduled.
const DELAY: Duration = Duration::from_millis(100);

/// Kills a worker at the point, late enough that it did some work before, and starts another.
async fn killed_at(point: Point, visit: &str) {
    let mut scene = Scene::new().await;
    scene.enqueue(due_at_once()).await;
    all_are_due(&scene).await;
    let mut victim = scene.worker_with(&[BRIEF_LEASE_MS, point.name(), visit]);
    let signal = eventually("it died", || std::future::ready(victim.ended_by_signal()));
    assert_eq!(signal.await, ABORTED);
    let before = scene.ledger();
    assert!(
        before.ends.len() < scene.acknowledged.len(),
        "something was left to do"
    );
    let _heir = scene.worker();
    // What ran there, and what had ended there and was not acknowledged yet.
    scene.judge(2 * SLOTS).await;
}

fn due_at_once() -> Vec<NewJob> {
    let due = |job| NewJob {
        run_at: RunAt::After(DELAY),
        ..job
    };
    entries(DUE, 5).into_iter().map(due).collect()
}

/// Waits until the last one is due: whoever looks first finds more than one call promotes.
async fn all_are_due(scene: &Scene) {
    let now = async || {
        let time: (u64, u64) = scene
            .client
            .link()
            .command(&redis::cmd("TIME"))
            .await
            .unwrap();
        Duration::from_secs(time.0) + Duration::from_micros(time.1)
    };
    let due = now().await + DELAY;
    eventually("the last one is due", || async {
        (now().await > due).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_a_death_after_a_claim_loses_nothing() {
    killed_at(Point::AfterClaim, "3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_a_death_before_an_effect_loses_nothing() {
    killed_at(Point::BeforeEffect, "250").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_a_death_after_an_effect_repeats_only_what_was_in_flight() {
    killed_at(Point::AfterEffect, "250").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_a_death_before_an_acknowledgement_loses_nothing() {
    killed_at(Point::BeforeAck, "3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_a_death_between_two_batches_of_outcomes_counts_the_first_once() {
    killed_at(Point::BetweenAcks, "2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_a_death_in_the_middle_of_a_promotion_loses_nothing() {
    killed_at(Point::BetweenPromotions, "2").await;
}
