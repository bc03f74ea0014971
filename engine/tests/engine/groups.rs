//! Groups: fair turns, limits of their own, and what frees a place.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rouage::{
    Cancelled, Client, Group, Job, JobError, JobId, NewJob, Registry, Retried, RunAt, State,
};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::stage::{Act, Stage, act, eventually, options, play};

/// Jobs of a group, one after the other in its line.
fn members(group: &Group, jobs: usize) -> Vec<NewJob> {
    let member = |_| {
        let mut job = NewJob::from_job(&act(&group.key)).unwrap();
        job.envelope.group = Some(group.clone());
        job
    };
    (0..jobs).map(member).collect()
}

async fn enqueue(client: &Client, jobs: Vec<NewJob>) -> Vec<JobId> {
    let stored = client.enqueue_all(jobs).await.unwrap();
    stored.into_iter().map(|job| job.id).collect()
}

/// Handlers that write down their group when they start and end when a permit allows it.
#[derive(Clone)]
struct Gate {
    started: Arc<Mutex<Vec<String>>>,
    permits: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        Self {
            started: Arc::default(),
            permits: Arc::new(Semaphore::new(0)),
        }
    }

    fn registry(&self) -> Registry {
        let gate = self.clone();
        play(move |job, _| {
            let gate = gate.clone();
            async move {
                gate.started.lock().unwrap().push(job.part);
                gate.permits.acquire().await?.forget();
                Ok(json!(null))
            }
        })
    }

    fn starts(&self) -> Vec<String> {
        self.started.lock().unwrap().clone()
    }

    async fn have_started(&self, jobs: usize) -> Vec<String> {
        eventually("so many jobs started", || async {
            let starts = self.starts();
            (starts.len() >= jobs).then_some(starts)
        })
        .await
    }
}

#[tokio::test]
async fn every_single_job_starts_within_two_slot_times_of_a_group_of_thousands() {
    let (stage, gate) = (Stage::new().await, Gate::new());
    enqueue(&stage.client, members(&Group::fair("large"), 3000)).await;
    let worker = stage.work_with(gate.registry(), options(60));
    gate.have_started(60).await;
    let singles = (0..50).flat_map(|n| members(&Group::fair(format!("single-{n}")), 1));
    enqueue(&stage.client, singles.collect()).await;
    // One slot time: everything that ran ends, and as many start.
    gate.permits.add_permits(60);
    let starts = gate.have_started(120).await;
    let singles = starts[60..120]
        .iter()
        .filter(|group| *group != "large")
        .count();
    assert_eq!(
        singles, 50,
        "all of the single jobs are in the next slot time"
    );
    gate.permits.add_permits(100_000);
    stage.counts(State::Available, 0).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_job_without_a_group_waits_for_one_turn_of_a_group_at_most() {
    let (stage, gate) = (Stage::new().await, Gate::new());
    enqueue(&stage.client, members(&Group::fair("large"), 50)).await;
    let worker = stage.work_with(gate.registry(), options(2));
    gate.have_started(2).await;
    stage.client.enqueue(&act("alone")).await.unwrap();
    // The group lined up again when it was served, before the job came.
    gate.permits.add_permits(2);
    assert!(gate.have_started(4).await[2..4].contains(&"alone".to_owned()));
    gate.permits.add_permits(1000);
    stage.counts(State::Completed, 51).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_group_never_runs_more_jobs_at_once_than_its_limit() {
    let stage = Stage::new().await;
    let running: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let most = Arc::new(AtomicUsize::new(0));
    let registry = || {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        play(move |job, _| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            async move {
                let now = {
                    let mut running = running.lock().unwrap();
                    let now = running.entry(job.part.clone()).or_default();
                    *now += 1;
                    *now
                };
                most.fetch_max(now, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(2)).await;
                *running.lock().unwrap().get_mut(&job.part).unwrap() -= 1;
                Ok(json!(null))
            }
        })
    };
    for group in ["one", "two", "three"] {
        enqueue(&stage.client, members(&Group::at_most(2, group), 40)).await;
    }
    let workers = [
        stage.work_with(registry(), options(8)),
        stage.work_with(registry(), options(8)),
    ];
    stage.counts(State::Completed, 120).await;
    assert_eq!(most.load(Ordering::Relaxed), 2);
    for worker in workers {
        worker.drain().await;
    }
    let left: Vec<String> = stage.redis(&["KEYS", "test:{test}:group*"]).await;
    assert!(left.is_empty(), "nothing of the groups is left: {left:?}");
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn whatever_ends_an_attempt_frees_its_place_in_the_group() {
    let stage = Stage::new().await;
    let group = Group::at_most(1, "narrow");
    let registry = play(|job, cx| async move {
        match (job.number, cx.attempt()) {
            (0, 1) => Err(JobError::retry("once more")),
            (1, _) => Err(JobError::discard("never")),
            (2, 1) if cx.checkpoint::<bool>().is_none() => {
                cx.set_checkpoint(&true)?;
                Err(JobError::snooze(Duration::from_millis(20)))
            }
            (3, _) => {
                cx.stop(rouage::StopReason::Requested);
                Err(JobError::Cancelled)
            }
            (4, _) => panic!("handled"),
            _ => Ok(json!(null)),
        }
    });
    let jobs = (0..7).map(|number| {
        let mut job = NewJob::from_job(&Act {
            part: "narrow".to_owned(),
            number,
        })
        .unwrap();
        job.envelope.group = Some(group.clone());
        job.envelope.max_attempts = Some(2);
        job
    });
    enqueue(&stage.client, jobs.collect()).await;
    let worker = stage.work(registry);
    stage.counts(State::Completed, 4).await;
    stage.counts(State::Discarded, 2).await;
    stage.counts(State::Cancelled, 1).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn the_place_of_a_dead_worker_is_free_again_after_its_lease() {
    let (stage, gate) = (Stage::new().await, Gate::new());
    let ids = enqueue(&stage.client, members(&Group::at_most(1, "narrow"), 2)).await;
    stage.claim_and_die(50).await;
    let view = &stage.client.groups(Act::QUEUE).await.unwrap()[0];
    assert_eq!((view.running, view.waiting, view.limit), (1, 1, Some(1)));
    gate.permits.add_permits(2);
    let worker = stage.work(gate.registry());
    stage.reaches(&ids[1], State::Completed).await;
    assert_eq!(stage.reaches(&ids[0], State::Completed).await.lost, 1);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn jobs_that_wait_in_a_group_are_listed_cancelled_and_lined_up_again() {
    let (stage, gate) = (Stage::new().await, Gate::new());
    let group = Group::at_most(1, "narrow");
    let ids = enqueue(&stage.client, members(&group, 3)).await;
    let mut later = members(&group, 1);
    later[0].run_at = RunAt::After(Duration::from_secs(3600));
    let later = enqueue(&stage.client, later).await.remove(0);
    assert_eq!(stage.count(State::Available).await, 3);
    let listed = stage
        .client
        .list(Act::QUEUE, State::Available, 1, 10)
        .await
        .unwrap();
    let listed: Vec<&JobId> = listed.iter().map(|job| &job.id).collect();
    assert_eq!(listed, [&ids[1], &ids[2]]);
    assert_eq!(stage.job(&ids[2]).await.group, Some(group));
    assert_eq!(
        stage.client.cancel(Act::QUEUE, &ids[1]).await.unwrap(),
        Cancelled::Now
    );
    let again = stage.client.retry(Act::QUEUE, &ids[1]).await.unwrap();
    assert_eq!(again, Retried::From(State::Cancelled));
    stage.client.retry(Act::QUEUE, &later).await.unwrap();
    stage.fsck_is_clean().await;
    let worker = stage.work_with(gate.registry(), options(10));
    gate.have_started(1).await;
    assert_eq!(stage.count(State::Running).await, 1, "the limit is kept");
    gate.permits.add_permits(4);
    stage.counts(State::Completed, 4).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_limit_set_by_hand_wins_over_what_the_jobs_say() {
    let (stage, gate) = (Stage::new().await, Gate::new());
    enqueue(&stage.client, members(&Group::at_most(1, "narrow"), 6)).await;
    let worker = stage.work_with(gate.registry(), options(10));
    gate.have_started(1).await;
    let set = |limit| stage.client.set_group_limit(Act::QUEUE, "narrow", limit);
    set(NonZeroU32::new(3)).await.unwrap();
    gate.have_started(3).await;
    set(None).await.unwrap();
    gate.permits.add_permits(3);
    gate.have_started(4).await;
    stage.counts(State::Running, 1).await;
    gate.permits.add_permits(3);
    stage.counts(State::Completed, 6).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn jobs_of_a_group_that_an_older_release_lined_up_alone_join_their_group() {
    let (stage, gate) = (Stage::new().await, Gate::new());
    let ids = enqueue(&stage.client, members(&Group::at_most(1, "narrow"), 2)).await;
    // What an older release does when it takes such a job back.
    for id in &ids {
        let _: i64 = stage
            .redis(&["ZREM", "test:{test}:line:narrow", id.as_str()])
            .await;
        let _: i64 = stage
            .redis(&["ZADD", "test:{test}:ready", "1", id.as_str()])
            .await;
    }
    let _: i64 = stage
        .redis(&["DEL", "test:{test}:turns", "test:{test}:groups"])
        .await;
    let _: i64 = stage
        .redis(&["HDEL", "test:{test}:count", "elsewhere"])
        .await;
    let worker = stage.work_with(gate.registry(), options(10));
    gate.have_started(1).await;
    stage.counts(State::Available, 1).await;
    gate.permits.add_permits(2);
    stage.counts(State::Completed, 2).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_paused_kind_waits_aside_while_the_others_go_on() {
    let stage = Stage::new().await;
    let registry = play(|_, _| async { Ok(json!(null)) })
        .function(|_: Other, _| async { Ok::<(), JobError>(()) });
    let group = Group::at_most(1, "narrow");
    let pause = |kind| {
        stage
            .client
            .pause_kind(Act::QUEUE, kind, "an operator", "provider is down")
    };
    let waiting = enqueue(&stage.client, members(&group, 2)).await;
    let alone = stage.client.enqueue(&act("alone")).await.unwrap();
    assert!(pause("test.act").await.unwrap());
    assert!(!pause("test.act").await.unwrap(), "it is paused already");
    // One slot: what is put aside must not keep it.
    let worker = stage.work_with(registry, options(1));
    let other = stage.client.enqueue(&Other).await.unwrap();
    stage.reaches(&other, State::Completed).await;
    eventually("all of the kind is aside", || async {
        let aside: u64 = stage.redis(&["ZCARD", "test:{test}:aside:test.act"]).await;
        (aside == 3).then_some(())
    })
    .await;
    let view = stage.client.queue_view(Act::QUEUE).await.unwrap();
    assert_eq!(view.available, 3);
    assert_eq!(view.paused_kinds["test.act"].by, "an operator");
    assert_eq!(stage.job(&alone).await.state, State::Available);
    assert_eq!(
        stage.client.cancel(Act::QUEUE, &waiting[1]).await.unwrap(),
        Cancelled::Now
    );
    stage.fsck_is_clean().await;
    assert!(
        stage
            .client
            .resume_kind(Act::QUEUE, "test.act")
            .await
            .unwrap()
    );
    stage.reaches(&alone, State::Completed).await;
    stage.reaches(&waiting[0], State::Completed).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

/// A job of another kind in the same queue.
#[derive(serde::Serialize, serde::Deserialize)]
struct Other;

impl Job for Other {
    type Output = ();
    const KIND: &'static str = "test.other";
    const QUEUE: &'static str = "test";
}
