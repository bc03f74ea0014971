//! D1: very many jobs due at once, waiting, and finished.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rouage::{Kept, NewJob, Priority, Retention, RunAt, State, WorkerOptions};
use serde_json::Value;

use crate::stage::running::in_the_long_run;
use crate::stage::{Stage, act, counting, numbered, options, play};

/// Waits until that many jobs have ever completed.
async fn completed(stage: &Stage, jobs: u64) {
    in_the_long_run("all ran", || async {
        (stage.completed().await == jobs).then_some(())
    })
    .await;
}

async fn all_due_at_once_run(jobs: u64) {
    let stage = Stage::new().await;
    let due: Vec<NewJob> = numbered(0..jobs)
        .iter()
        .map(|job| NewJob {
            run_at: RunAt::After(Duration::from_millis(800)),
            ..NewJob::from_job(job).unwrap()
        })
        .collect();
    stage.client.enqueue_all(due).await.unwrap();
    let (registry, ran) = counting();
    let worker = stage.work_with(registry, options(500));
    completed(&stage, jobs).await;
    assert_eq!(ran.load(Ordering::Relaxed), jobs, "each exactly once");
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_nine_thousand_jobs_due_at_once_all_run() {
    all_due_at_once_run(9_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_a_hundred_thousand_jobs_due_at_once_all_run() {
    all_due_at_once_run(100_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: run by make faults"]
async fn d1_a_million_jobs_due_at_once_all_run() {
    all_due_at_once_run(1_000_000).await;
}

/// An urgent job overtakes all that wait, and a cancelled one of them leaves at once.
async fn waiting_jobs_stand_in_nobodys_way(jobs: u64) {
    let stage = Stage::new().await;
    let waiting: Vec<NewJob> = numbered(0..jobs)
        .iter()
        .map(|job| NewJob::from_job(job).unwrap())
        .collect();
    let last = waiting.last().unwrap().id.clone();
    stage.client.enqueue_all(waiting).await.unwrap();
    let worker = stage.work_with(
        play(|job, cx| async move {
            if job.part == "urgent" {
                return Ok(Value::Null);
            }
            cx.sleep(Duration::from_millis(20))
                .await
                .map(|()| Value::Null)
        }),
        options(2),
    );
    stage.counts(State::Running, 2).await;
    let urgent = stage
        .client
        .enqueue(&act("urgent"))
        .priority(Priority::new(0).unwrap())
        .await
        .unwrap();
    stage.reaches(&urgent, State::Completed).await;
    stage.client.cancel("test", &last).await.unwrap();
    stage.reaches(&last, State::Cancelled).await;
    assert!(
        stage.count(State::Available).await > jobs / 2,
        "the others wait"
    );
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_fifty_thousand_waiting_jobs_stand_in_nobodys_way() {
    waiting_jobs_stand_in_nobodys_way(50_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: run by make faults"]
async fn d1_a_million_waiting_jobs_stand_in_nobodys_way() {
    waiting_jobs_stand_in_nobodys_way(1_000_000).await;
}

/// The process' own memory in use, in kB.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

/// The one bound of time that is part of the contract, and what it may cost in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: run by make faults"]
async fn d1_a_million_jobs_are_checked_in_ten_seconds() {
    let stage = Stage::new().await;
    for thousands in 0..1_000 {
        let jobs = numbered(1_000 * thousands..1_000 * (thousands + 1));
        stage.client.enqueue_many(&jobs).await.unwrap();
    }
    let (before, start) = (resident_kb(), Instant::now());
    let report = stage.client.fsck().await.unwrap();
    let (took, grown) = (start.elapsed(), resident_kb().saturating_sub(before));
    println!("1,000,000 jobs in {took:?}, {grown} kB more memory");
    assert!(report.is_clean() && report.jobs == 1_000_000);
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(grown < 150_000, "{grown} kB");
}

fn keeping(count: u32) -> WorkerOptions {
    let kept = Kept {
        age: Duration::from_hours(1),
        count,
    };
    WorkerOptions {
        retention: Retention {
            completed: kept,
            discarded: kept,
            cancelled: kept,
        },
        ..options(500)
    }
}

/// They are kept as long as they may be; once they may not, they leave while others run.
async fn finished_jobs_leave_beside_running_ones(jobs: u32) {
    let stage = Stage::new().await;
    let all = u64::from(jobs);
    let (registry, _) = counting();
    let generous = stage.work_with(registry, keeping(jobs));
    stage.client.enqueue_many(&numbered(0..all)).await.unwrap();
    completed(&stage, all).await;
    generous.drain().await;
    assert_eq!(stage.count(State::Completed).await, all);
    let (registry, _) = counting();
    let thrifty = stage.work_with(registry, keeping(1_000));
    stage.client.enqueue_many(&numbered(0..500)).await.unwrap();
    completed(&stage, all + 500).await;
    in_the_long_run("the surplus left", || async {
        (stage.count(State::Completed).await == 1_000).then_some(())
    })
    .await;
    thrifty.drain().await;
    for part in ["job", "run"] {
        let key = format!("test:{{test}}:{part}");
        assert_eq!(stage.redis::<u64>(&["HLEN", &key]).await, 1_000, "{part}");
    }
    stage.fsck_is_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_twenty_thousand_finished_jobs_leave_beside_running_ones() {
    finished_jobs_leave_beside_running_ones(20_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: run by make faults"]
async fn d1_a_million_finished_jobs_leave_beside_running_ones() {
    finished_jobs_leave_beside_running_ones(1_000_000).await;
}
