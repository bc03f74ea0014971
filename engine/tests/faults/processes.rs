//! R4, R6, T1: processes that stop, end in the middle of a job, or have a wrong clock.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rouage::{JobError, State, WorkerOptions};
use tokio::sync::Semaphore;

use crate::process::{LedgerWorker, ledger_worker};
use crate::scene::{BRIEF_LEASE_MS, Scene, entries, entry};
use crate::stage::{Stage, act, eventually, options, play};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_a_process_stopped_past_its_lease_changes_nothing_when_it_goes_on() {
    let mut scene = Scene::new().await;
    let sleeper = scene.worker();
    // Far longer than it takes to notice the starts, even on a busy machine.
    scene.enqueue(entries(20, 4_000)).await;
    scene.started(20).await;
    sleeper.signal("STOP");
    let heir = scene.worker();
    scene.completed(20).await;
    drop(heir);
    sleeper.signal("CONT");
    // Outcomes are written in order: once these are, the late ones have been refused.
    scene.enqueue(entries(20, 0)).await;
    scene.judge(20).await;
    for id in &scene.acknowledged[..20] {
        let job = scene.client.job("ledger", &id.parse().unwrap()).await;
        let job = job.unwrap().unwrap();
        assert_eq!((job.attempt, job.lost), (2, 1), "the heir's outcome stands");
    }
}

#[tokio::test]
async fn r4_late_failures_under_an_old_fence_change_nothing() {
    let stage = Stage::new().await;
    let (running, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (announce, wait) = (Arc::clone(&running), Arc::clone(&gate));
    let registry = play(move |job, _| {
        let (announce, wait) = (Arc::clone(&announce), Arc::clone(&wait));
        async move {
            announce.add_permits(1);
            wait.acquire().await.unwrap().forget();
            match job.part.as_str() {
                "retry" => Err(JobError::retry("late")),
                "discard" => Err(JobError::discard("late")),
                _ => Err(JobError::snooze(Duration::from_millis(1))),
            }
        }
    });
    // No beat before the end: the worker does not know that it lost anything.
    let unaware = WorkerOptions {
        lease: Duration::from_secs(300),
        beat: Duration::from_secs(100),
        ..options(3)
    };
    let worker = stage.work_with(registry, unaware);
    let mut ids = Vec::new();
    for part in ["retry", "discard", "snooze"] {
        ids.push(stage.client.enqueue(&act(part)).await.unwrap());
    }
    running.acquire_many(3).await.unwrap().forget();
    let () = stage.redis(&["DEL", "test:{test}:lease"]).await;
    for (n, id) in ids.iter().enumerate() {
        let fence = 70 + n;
        let member = format!("{fence}:{id}");
        let record = format!("2 0 {fence} 0 1 0 other -");
        let () = stage
            .redis(&["ZADD", "test:{test}:lease", "9999999999999", &member])
            .await;
        let () = stage
            .redis(&["HSET", "test:{test}:run", id.as_str(), &record])
            .await;
    }
    gate.add_permits(3);
    worker.drain().await;
    for id in &ids {
        let job = stage.job(id).await;
        assert_eq!((job.state, job.worker.as_str()), (State::Running, "other"));
    }
    stage.fsck_is_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_a_process_that_exits_in_a_job_takes_only_its_own_attempts_with_it() {
    let mut scene = Scene::new().await;
    let mut workers = [scene.worker(), scene.worker()];
    scene.enqueue(entries(300, 100)).await;
    let killer = vec![entry(r#"{"ms":0,"exits":1}"#)];
    scene.enqueue(killer).await;
    // What ran there, and what had ended there and was not acknowledged yet.
    scene.judge(201).await;
    let mut ends: Vec<_> = workers.iter_mut().map(LedgerWorker::exit_code).collect();
    ends.sort_unstable();
    assert_eq!(ends, [None, Some(7)], "one process ended, the other lives");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_a_job_that_always_ends_its_process_does_not_take_its_neighbours_along() {
    let mut scene = Scene::new().await;
    let killer = entry(r#"{"ms":0,"exits":100}"#);
    let id = killer.id.clone();
    scene.client.enqueue_all(vec![killer]).await.unwrap();
    scene.enqueue(entries(20, 400)).await;
    for _ in 0..3 {
        let mut worker = scene.worker();
        eventually("the process ended", || {
            std::future::ready(worker.exit_code())
        })
        .await;
    }
    let _last = scene.worker();
    let held = eventually("the killer is held", || async {
        let job = scene.client.job("ledger", &id).await.unwrap()?;
        (job.state == State::Held).then_some(job)
    })
    .await;
    assert_eq!((held.reason.as_str(), held.lost), ("crash_loop", 3));
    let view = scene.client.queue_view("ledger").await.unwrap();
    assert_eq!(view.held, 1, "its neighbours are not held with it");
    scene.judge(60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t1_a_worker_whose_clock_is_wrong_runs_jobs_on_time_and_keeps_its_leases() {
    if Command::new("faketime").arg("--version").output().is_err() {
        println!("skipped: faketime is not installed");
        return;
    }
    let mut scene = Scene::new().await;
    for shift in ["+5m", "-5m"] {
        let mut command = Command::new("faketime");
        command.args(["-f", shift]).arg(ledger_worker());
        let _wrong = LedgerWorker::launch(scene.run_with(&mut command).arg(BRIEF_LEASE_MS));
        // Longer than the lease: its beats must extend it.
        scene.enqueue(entries(5, 2_000)).await;
        let late = entries(5, 0).into_iter().map(|job| rouage::NewJob {
            run_at: rouage::RunAt::After(Duration::from_secs(1)),
            ..job
        });
        scene.enqueue(late.collect()).await;
        scene.judge(0).await;
    }
    for id in &scene.acknowledged {
        let job = scene.client.job("ledger", &id.parse().unwrap()).await;
        let job = job.unwrap().unwrap();
        assert_eq!((job.attempt, job.lost), (1, 0));
        let age = job.finished.abs_diff(job.enqueued_at);
        assert!(age < 60_000, "its record shows {age} ms from start to end");
    }
}
