//! R3: a process that dies between two steps, at each point that the source names.
//!
//! Inside a script there is nothing between: "in the middle" of a batch of outcomes or of a
//! promotion means between two calls.

use rouage::faults::Point;
use rouage::{Client, NewJob, RunAt};

use crate::scene::{BRIEF_LEASE_MS, Scene, entries};
use crate::stage::eventually;

/// The signal of `abort`.
const ABORTED: i32 = 6;
/// More due jobs than three claims line up.
const DUE: usize = 1_800;
/// Long enough to store them all before.
const AHEAD_MS: u64 = 2_000;

/// Kills a worker at the point, late enough that it did some work before, and starts another.
async fn killed_at(point: Point, visit: &str) {
    let mut scene = Scene::new().await;
    let jobs = due_at_once(&scene.client).await;
    scene.enqueue(jobs).await;
    let mut victim = scene.worker_with(&[BRIEF_LEASE_MS, point.name(), visit]);
    let signal = eventually("it died", || std::future::ready(victim.ended_by_signal()));
    assert_eq!(signal.await, ABORTED);
    let before = scene.ledger();
    assert!(
        before.ends.len() < scene.acknowledged.len(),
        "something was left to do"
    );
    // What had started there and was not acknowledged: it runs again, and nothing else does.
    let view = scene.client.queue_view("ledger").await.unwrap();
    let cut_off = before.starts.len() - view.completed_total as usize;
    let _heir = scene.worker();
    scene.judge(cut_off).await;
}

/// Jobs that all become due in the same instant, however long it takes to store them.
async fn due_at_once(client: &Client) -> Vec<NewJob> {
    let time: (u64, u64) = client.link().command(&redis::cmd("TIME")).await.unwrap();
    let at = time.0 * 1000 + AHEAD_MS;
    let due = |job| NewJob {
        run_at: RunAt::At(at),
        ..job
    };
    entries(DUE, 5).into_iter().map(due).collect()
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
