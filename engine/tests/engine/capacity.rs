//! Bounds: due jobs a claim, finished jobs kept.

use std::time::Duration;

use rouage::{Kept, NewJob, Retention, RunAt, State, WorkerOptions};
use serde_json::Value;

use crate::stage::running::another_answer;
use crate::stage::{Stage, counting, eventually, numbered, options, play};

#[tokio::test]
async fn guarantee_4_one_claim_lines_up_a_bounded_number_of_due_jobs() {
    let stage = Stage::new().await;
    let mut due: Vec<NewJob> = Vec::new();
    for job in numbered(0..3000) {
        due.push(NewJob {
            run_at: RunAt::After(Duration::from_millis(1)),
            ..NewJob::from_job(&job).unwrap()
        });
    }
    stage.client.enqueue_all(due).await.unwrap();
    let worker = stage.work_with(
        play(|_, cx| async move {
            cx.sleep(Duration::from_secs(60))
                .await
                .map(|()| Value::Null)
        }),
        WorkerOptions {
            grace: Duration::ZERO,
            ..options(1)
        },
    );
    stage.counts(State::Running, 1).await;
    let view = stage.client.queue_view("test").await.unwrap();
    assert_eq!((view.available, view.scheduled), (499, 2500));
    worker.drain().await;
}

#[tokio::test]
async fn guarantee_6_finished_jobs_leave_by_count_and_everything_of_theirs_with_them() {
    let stage = Stage::new().await;
    let keep = |count| Kept {
        age: Duration::from_secs(3600),
        count,
    };
    let (registry, _) = counting();
    let worker = stage.work_with(
        registry,
        WorkerOptions {
            retention: Retention {
                completed: keep(100),
                discarded: keep(100),
                cancelled: keep(100),
            },
            ..options(50)
        },
    );
    stage.client.enqueue_many(&numbered(0..2500)).await.unwrap();
    eventually("the surplus is gone", || async {
        let view = stage.client.queue_view("test").await.unwrap();
        (view.completed_total == 2500 && view.completed == 100).then_some(())
    })
    .await;
    worker.drain().await;
    assert_eq!(stage.redis::<u64>(&["HLEN", "test:{test}:job"]).await, 100);
    assert_eq!(stage.redis::<u64>(&["HLEN", "test:{test}:run"]).await, 100);
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_burst_that_an_idle_worker_ran_between_two_looks_leaves_too() {
    let stage = Stage::new().await;
    let kept = Kept {
        age: Duration::from_secs(3600),
        count: 10,
    };
    let (registry, _) = counting();
    let worker = stage.work_with(
        registry,
        WorkerOptions {
            retention: Retention {
                completed: kept,
                discarded: kept,
                cancelled: kept,
            },
            ..options(50)
        },
    );
    // Idle for longer than two looks: the next one that comes by itself is a minute away.
    for _ in 0..4 {
        another_answer(&worker.pulse).await;
    }
    stage.client.enqueue_many(&numbered(0..50)).await.unwrap();
    eventually("the surplus is gone", || async {
        let view = stage.client.queue_view("test").await.unwrap();
        (view.completed_total == 50 && view.completed == 10).then_some(())
    })
    .await;
    worker.drain().await;
}

#[tokio::test]
async fn finished_jobs_leave_by_age() {
    let stage = Stage::new().await;
    let brief = Kept {
        age: Duration::from_millis(50),
        count: 1000,
    };
    let (registry, _) = counting();
    let worker = stage.work_with(
        registry,
        WorkerOptions {
            retention: Retention {
                completed: brief,
                discarded: brief,
                cancelled: brief,
            },
            ..options(4)
        },
    );
    stage.client.enqueue_many(&numbered(0..10)).await.unwrap();
    eventually("all ran and left", || async {
        let view = stage.client.queue_view("test").await.unwrap();
        (view.completed_total == 10 && view.completed == 0).then_some(())
    })
    .await;
    worker.drain().await;
    assert_eq!(stage.redis::<u64>(&["EXISTS", "test:{test}:job"]).await, 0);
    stage.fsck_is_clean().await;
}
