//! R1, R2, R7: worker processes that are killed under load, or told to end.

use std::time::{Duration, Instant};

use rouage::State;

use crate::scene::{BRIEF_LEASE_MS, SLOTS, Scene, entries};
use crate::stage::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_the_jobs_of_a_killed_worker_run_again_within_twenty_seconds() {
    let mut scene = Scene::new().await;
    let victim = scene.worker_with(&[]);
    scene.enqueue(entries(SLOTS, 2_000)).await;
    scene.started(SLOTS).await;
    victim.kill();
    let killed = Instant::now();
    let _heir = scene.worker_with(&[]);
    scene.started(SLOTS + 1).await;
    // The one bound of time that is part of the contract: lease 15 s, found at its end.
    assert!(
        killed.elapsed() <= Duration::from_secs(20),
        "after {:?}",
        killed.elapsed()
    );
    scene.judge(SLOTS).await;
}

/// Kills a worker every 3 s while jobs keep coming.
async fn killed_every_three_seconds(rounds: usize) {
    let mut scene = Scene::new().await;
    for _ in 0..rounds {
        let victim = scene.worker_with(&[]);
        let until = Instant::now() + Duration::from_secs(3);
        while Instant::now() < until {
            scene.enqueue(entries(40, 150)).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        victim.kill();
    }
    let _heir = scene.worker_with(&[]);
    scene.judge(rounds * SLOTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_workers_killed_again_and_again_lose_nothing() {
    killed_every_three_seconds(3).await;
}

/// The contract's own measure; a minute and a half.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: run by make faults"]
async fn r2_workers_killed_every_three_seconds_for_a_minute_lose_nothing() {
    killed_every_three_seconds(20).await;
}

/// Short jobs may finish, long ones go back with their attempt, and the process ends by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r7_sigterm_lets_short_jobs_finish_and_hands_long_ones_back() {
    let mut scene = Scene::new().await;
    let mut worker = scene.worker_with(&[BRIEF_LEASE_MS]);
    scene.enqueue(entries(50, 600)).await;
    let long = entries(50, 600_000);
    let ids: Vec<_> = long.iter().map(|job| job.id.clone()).collect();
    scene.client.enqueue_all(long).await.unwrap();
    scene.started(SLOTS).await;
    worker.signal("TERM");
    let code = eventually("the process ended", || {
        std::future::ready(worker.exit_code())
    });
    assert_eq!(code.await, 0);
    for id in &ids {
        let job = scene.client.job("ledger", id).await.unwrap().unwrap();
        assert_eq!((job.state, job.attempt, job.lost), (State::Available, 0, 0));
        scene.client.cancel("ledger", id).await.unwrap();
    }
    scene.judge(0).await;
}
