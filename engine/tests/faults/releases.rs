//! U1: the previous release and this one at work on one Redis, as while an installation is upgraded.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rouage::{Group, JobId, NewJob, RunAt, State, WorkerOptions};
use serde_json::Value;

use crate::previous::Previous;
use crate::stage::{Stage, act, eventually, numbered, options, play};

/// Both produce and both work: each job is completed once, by either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn u1_two_releases_share_a_queue_under_load() {
    let stage = Stage::new().await;
    let previous = Previous::new(&stage.client);
    let ran = Arc::<Mutex<Vec<String>>>::default();
    let noted = Arc::clone(&ran);
    let worker = stage.work_with(
        play(move |_, cx| {
            let noted = Arc::clone(&noted);
            async move {
                cx.sleep(Duration::from_millis(5)).await?;
                noted.lock().unwrap().push(cx.id().to_string());
                Ok(Value::Null)
            }
        }),
        options(10),
    );
    let old_worker = previous.work();
    let mut sent = 0;
    for round in 0..40 {
        let ids: Vec<String> = (0..10).map(|n| format!("old-{round}-{n}")).collect();
        previous
            .enqueue(&ids, if round % 2 == 0 { "0" } else { "+150" })
            .await;
        stage.client.enqueue_many(&numbered(0..10)).await.unwrap();
        let later = NewJob {
            run_at: RunAt::After(Duration::from_millis(150)),
            ..NewJob::from_job(&act("later")).unwrap()
        };
        stage.client.enqueue_all(vec![later]).await.unwrap();
        sent += 21;
        tokio::time::sleep(Duration::from_millis(20)).await; // a steady load, not a flood
    }
    eventually("all are completed", || async {
        (stage.completed().await == sent).then_some(())
    })
    .await;
    let theirs = old_worker.completed().await;
    worker.drain().await;
    let ours: HashSet<String> = ran.lock().unwrap().iter().cloned().collect();
    assert_eq!(ours.len(), ran.lock().unwrap().len(), "completed twice");
    assert_eq!((ours.len() + theirs.len()) as u64, sent);
    assert!(ours.is_disjoint(&theirs));
    assert!(ours.len() > 20 && theirs.len() > 20, "both worked");
    stage.fsck_is_clean().await;
}

async fn grouped(stage: &Stage, run_at: RunAt) -> JobId {
    let mut job = NewJob::from_job(&act("member")).unwrap();
    job.envelope.group = Some(Group::at_most(1, "narrow"));
    job.run_at = run_at;
    stage
        .client
        .enqueue_all(vec![job])
        .await
        .unwrap()
        .remove(0)
        .id
}

#[tokio::test]
async fn u1_a_job_that_needs_this_release_is_held_by_the_previous_one_and_runs_after_a_retry() {
    let stage = Stage::new().await;
    let previous = Previous::new(&stage.client);
    let old_worker = previous.work();
    // The previous release lines up what is due, and so gets at a job of a group.
    let id = grouped(&stage, RunAt::After(Duration::from_millis(50))).await;
    let job = stage.reaches(&id, State::Held).await;
    assert_eq!(job.reason, "undecodable");
    let waiting = grouped(&stage, RunAt::Now).await;
    assert!(old_worker.completed().await.is_empty());
    assert_eq!(
        stage.job(&waiting).await.state,
        State::Available,
        "it does not see lines"
    );
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    stage.client.retry("test", &id).await.unwrap();
    stage.reaches(&id, State::Completed).await;
    stage.reaches(&waiting, State::Completed).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

/// The previous release does not know that groups are counted: what it sweeps stays counted until
/// `fsck --repair`, as the guide to upgrades says.
#[tokio::test]
async fn u1_a_group_whose_job_the_previous_release_took_back_goes_on_after_a_repair() {
    let stage = Stage::new().await;
    let previous = Previous::new(&stage.client);
    let id = grouped(&stage, RunAt::Now).await;
    let endless = stage.work_with(
        play(|_, _| async { std::future::pending().await }),
        WorkerOptions {
            grace: Duration::ZERO,
            ..options(1)
        },
    );
    stage.reaches(&id, State::Running).await;
    // Its lease runs out, and the previous release is the first to see it.
    let lease: Vec<String> = stage
        .redis(&["ZRANGE", "test:{test}:lease", "0", "0"])
        .await;
    let () = stage
        .redis(&["ZADD", "test:{test}:lease", "1", &lease[0]])
        .await;
    assert_eq!(previous.sweep().await, 1);
    endless.drain().await;
    let report = stage.client.fsck().await.unwrap();
    assert_eq!(report.violations.len(), 1, "{:#?}", report.violations);
    assert_eq!(report.violations[0].invariant, "I5");
    assert!(stage.client.repair(|_| ()).await.unwrap().is_clean());
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    stage.reaches(&id, State::Completed).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}
