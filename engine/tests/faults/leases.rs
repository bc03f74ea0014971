//! R1, R5: what becomes of a lease whose worker is gone.

use std::sync::Arc;
use std::time::Duration;

use rouage::{JobError, State};
use serde_json::Value;

use crate::stage::{Stage, act, eventually, options, play};

#[tokio::test]
async fn r1_a_job_whose_worker_died_runs_again_in_its_old_place() {
    let stage = Stage::new().await;
    let id = stage.client.enqueue(&act("orphan")).await.unwrap();
    let younger = stage.client.enqueue(&act("younger")).await.unwrap();
    stage.claim_and_die(200).await;
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&order);
    let lost = eventually("the lease is over", || async {
        let now: (u64, u64) = stage.redis(&["TIME"]).await;
        let first: Vec<(String, f64)> = stage
            .redis(&["ZRANGE", "test:{test}:lease", "0", "0", "WITHSCORES"])
            .await;
        (first[0].1 < (now.0 * 1000 + now.1 / 1000) as f64).then_some(())
    });
    lost.await;
    let worker = stage.work_with(
        play(move |job, _| {
            noted.lock().unwrap().push(job.part);
            async { Ok(Value::Null) }
        }),
        options(1),
    );
    let job = stage.reaches(&id, State::Completed).await;
    stage.reaches(&younger, State::Completed).await;
    assert_eq!((job.attempt, job.lost), (2, 1));
    assert_eq!(job.errors[0].kind, "lease_lost");
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn r5_a_job_that_kills_its_worker_three_times_is_held_and_its_neighbour_finishes() {
    let stage = Stage::new().await;
    let killer = stage.client.enqueue(&act("killer")).await.unwrap();
    for _ in 0..3 {
        stage.claim_and_die(1).await;
        let sweeper = stage.work(play(|_, _| async {
            Err(JobError::snooze(Duration::from_secs(3600)))
        }));
        eventually("the sweep has seen it", || async {
            (stage.job(&killer).await.state != State::Running).then_some(())
        })
        .await;
        sweeper.drain().await;
        if stage.job(&killer).await.state == State::Scheduled {
            stage.client.retry("test", &killer).await.unwrap();
        }
    }
    let job = stage.job(&killer).await;
    assert_eq!(
        (job.state, job.reason.as_str(), job.lost),
        (State::Held, "crash_loop", 3)
    );
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    let neighbour = stage.client.enqueue(&act("neighbour")).await.unwrap();
    stage.reaches(&neighbour, State::Completed).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}
