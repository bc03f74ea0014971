//! R3: the worker and Redis disagree about what happened, because an answer was lost.
//!
//! Redis did what it was asked, the worker never heard of it: what a crash between two steps
//! leaves behind, made by a proxy that cuts the answer of exactly that call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use devkit::FaultProxy;
use rouage::{JobError, Registry, State};
use serde_json::json;

use crate::stage::{Stage, act, eventually, numbered, options, play};

/// The hash of one of the engine's scripts; Redis knows the script afterwards, so that the first
/// call of a worker is answered with what it asked for.
async fn known(stage: &Stage, script: &str) -> String {
    stage.redis(&["SCRIPT", "LOAD", script]).await
}

/// How often each job number ran.
type Runs = Arc<Mutex<HashMap<u64, u32>>>;

fn counted(end: fn(u32) -> Result<(), JobError>) -> (Registry, Runs) {
    let runs = Runs::default();
    let counter = Arc::clone(&runs);
    let registry = play(move |job, cx| {
        *counter.lock().unwrap().entry(job.number).or_default() += 1;
        let ended = end(cx.attempt());
        async move { ended.map(|()| json!("done")) }
    });
    (registry, runs)
}

async fn was_cut(proxy: &FaultProxy, times: u64) {
    eventually("the answer is cut", || async {
        (proxy.cuts() == times).then_some(())
    })
    .await;
}

/// Ten jobs are leased to a worker that does not get to know it.
async fn a_claim_whose_answer_is_cut(after: usize) {
    let stage = Stage::new().await;
    let claim = known(&stage, script!("groups" "claim")).await;
    let proxy = stage.proxy().await;
    let ids = stage.client.enqueue_many(&numbered(0..10)).await.unwrap();
    proxy.cut_reply(claim, after);
    let (registry, runs) = counted(|_| Ok(()));
    let worker = stage.work_through(&proxy, registry, options(10)).await;
    was_cut(&proxy, 1).await;
    stage.counts(State::Completed, 10).await;
    for job in &ids {
        let job = stage.job(&job.id).await;
        assert_eq!((job.attempt, job.lost), (2, 1), "leased, lost, run");
    }
    worker.drain().await;
    stage.fsck_is_clean().await;
    let runs = runs.lock().unwrap();
    assert!(runs.len() == 10 && runs.values().all(|runs| *runs == 1));
}

#[tokio::test]
async fn r3_a_claim_that_is_never_answered_gives_its_jobs_back_after_the_lease() {
    a_claim_whose_answer_is_cut(0).await;
}

#[tokio::test]
async fn r3_a_claim_whose_answer_ends_in_the_middle_gives_its_jobs_back_after_the_lease() {
    a_claim_whose_answer_is_cut(500).await;
}

/// The first batch of outcomes is applied, its answer lost, and sent again: every job must run as
/// often as it says itself.
async fn outcomes_whose_answer_is_cut(
    end: fn(u32) -> Result<(), JobError>,
    attempts: u32,
    end_state: State,
) {
    let stage = Stage::new().await;
    let ack = known(&stage, script!("groups" "ending" "reports" "ack")).await;
    let proxy = stage.proxy().await;
    let ids = stage.client.enqueue_many(&numbered(0..50)).await.unwrap();
    let (registry, runs) = counted(end);
    let patient = rouage::WorkerOptions {
        lease: Duration::from_secs(4),
        ..options(50)
    };
    proxy.cut_reply(ack, 3);
    let worker = stage.work_through(&proxy, registry, patient).await;
    was_cut(&proxy, 1).await;
    stage.counts(end_state, 50).await;
    worker.drain().await;
    for job in &ids {
        let job = stage.job(&job.id).await;
        // A claim on the same connection may lose its answer too: that is a lost lease, no run.
        assert_eq!(job.attempt - job.lost, attempts);
    }
    let view = stage.client.queue_view("test").await.unwrap();
    assert_eq!(view.completed_total + view.discarded_total, 50);
    assert!(runs.lock().unwrap().values().all(|runs| *runs == attempts));
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn r3_a_success_whose_answer_is_lost_counts_once() {
    outcomes_whose_answer_is_cut(|_| Ok(()), 1, State::Completed).await;
}

#[tokio::test]
async fn r3_a_failure_whose_answer_is_lost_costs_one_attempt() {
    let flaky = |attempt| match attempt {
        1 => Err(JobError::retry("once")),
        _ => Ok(()),
    };
    outcomes_whose_answer_is_cut(flaky, 2, State::Completed).await;
}

#[tokio::test]
async fn r3_a_discard_whose_answer_is_lost_counts_once() {
    outcomes_whose_answer_is_cut(|_| Err(JobError::discard("no")), 1, State::Discarded).await;
}

#[tokio::test]
async fn r3_an_enqueue_whose_answer_is_lost_may_be_repeated_with_its_id() {
    let stage = Stage::new().await;
    let enqueue = known(&stage, script!("groups" "enqueue")).await;
    let proxy = stage.proxy().await;
    let client = rouage::Client::connect(&proxy.redis_url(), stage.client.keyspace().clone())
        .await
        .unwrap();
    let id: rouage::JobId = "ordered-once".parse().unwrap();
    let order = || client.enqueue(&act("order")).id(id.clone());
    proxy.cut_reply(enqueue, 0);
    order().await.unwrap_err();
    eventually("the connection is back", || async { order().await.ok() }).await;
    assert_eq!(stage.count(State::Available).await, 1);
    stage.fsck_is_clean().await;
}
