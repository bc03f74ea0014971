//! N4: the network between a worker and Redis fails in every way a proxy can make it fail.
//!
//! The producer's connection is direct. Each fault happens while jobs run; afterwards all of
//! them are completed, each counted once, and the worker runs new ones.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use devkit::{Direction, FaultProxy};
use rouage::{State, WorkerOptions};
use serde_json::Value;

use crate::stage::{Running, Stage, act, eventually, numbered, options, play};

const JOBS: u64 = 400;
const SLOTS: usize = 10;

/// Jobs that run through a proxy.
struct Line {
    stage: Stage,
    proxy: FaultProxy,
    worker: Running,
    runs: Arc<Mutex<HashMap<u64, u32>>>,
}

impl Line {
    /// Some of the jobs ran, the others wait or run.
    async fn busy() -> Self {
        Self::busy_with(options(SLOTS)).await
    }

    async fn busy_with(options: WorkerOptions) -> Self {
        let stage = Stage::new().await;
        let proxy = stage.proxy().await;
        let runs = Arc::<Mutex<HashMap<u64, u32>>>::default();
        let counter = Arc::clone(&runs);
        let registry = play(move |job, cx| {
            *counter.lock().unwrap().entry(job.number).or_default() += 1;
            async move {
                cx.sleep(Duration::from_millis(20))
                    .await
                    .map(|()| Value::Null)
            }
        });
        let worker = stage.work_through(&proxy, registry, options).await;
        stage.client.enqueue_many(&numbered(0..JOBS)).await.unwrap();
        let line = Self {
            stage,
            proxy,
            worker,
            runs,
        };
        line.has_completed(1).await;
        line
    }

    /// So many of the jobs ran, or all of them.
    async fn has_completed(&self, jobs: u64) {
        eventually("work goes on", || async {
            (self.stage.completed().await >= jobs.min(JOBS)).then_some(())
        })
        .await;
    }

    /// The oracle: nothing lost, nothing counted twice, at most `repeated` jobs run again, and
    /// the worker lives.
    async fn judge(self, repeated: usize) {
        self.has_completed(JOBS).await;
        let next = self.stage.client.enqueue(&act("next")).await.unwrap();
        self.stage.reaches(&next, State::Completed).await;
        self.worker.drain().await;
        assert_eq!(self.stage.completed().await, JOBS + 1);
        self.stage.fsck_is_clean().await;
        let runs = self.runs.lock().unwrap();
        assert_eq!(runs.len() as u64, JOBS, "the next one has number 0");
        let again = runs
            .iter()
            .filter(|(number, runs)| **runs > 1 + u32::from(**number == 0))
            .count();
        assert!(again <= repeated, "{again} jobs ran again");
    }
}

/// Leases that outlast the faults also on a busy machine; any that is lost is lost for good here.
fn patient() -> WorkerOptions {
    WorkerOptions {
        lease: Duration::from_secs(10),
        ..options(SLOTS)
    }
}

#[tokio::test]
async fn n4_a_black_hole_longer_than_the_lease_loses_nothing() {
    let line = Line::busy().await;
    line.proxy.stall(Duration::from_secs(2)).await; // the lease is 1.5 s
    line.judge(SLOTS).await;
}

#[tokio::test]
async fn n4_half_open_connections_lose_nothing() {
    let line = Line::busy_with(patient()).await;
    for direction in [Direction::ToServer, Direction::ToClient] {
        let before = line.stage.completed().await;
        line.proxy.hold(direction);
        tokio::time::sleep(Duration::from_millis(600)).await; // the fault
        line.proxy.pass();
        line.has_completed(before + 20).await;
    }
    line.judge(0).await;
}

#[tokio::test]
async fn n4_stalls_of_half_a_second_cost_no_lease() {
    let line = Line::busy_with(patient()).await;
    for _ in 0..3 {
        let before = line.stage.completed().await;
        line.proxy.stall(Duration::from_millis(500)).await;
        line.has_completed(before + 20).await;
    }
    line.judge(0).await;
}

#[tokio::test]
async fn n4_replies_cut_in_the_middle_lose_nothing() {
    let line = Line::busy().await;
    let cuts = [0, 1, 3, 40, 1000];
    for (n, after) in cuts.into_iter().enumerate() {
        line.proxy.cut_reply("EVALSHA", after);
        eventually("a reply is cut", || async {
            (line.proxy.cuts() > n as u64).then_some(())
        })
        .await;
    }
    // Whatever was claimed by a call that was cut, and nothing else, was lost for a lease.
    line.judge(cuts.len() * SLOTS).await;
}

#[tokio::test]
async fn n4_resets_and_refusals_lose_nothing() {
    let line = Line::busy().await;
    for _ in 0..3 {
        let before = line.stage.completed().await;
        line.proxy.refuse();
        line.proxy.reset();
        tokio::time::sleep(Duration::from_millis(200)).await; // the fault
        line.proxy.pass();
        line.has_completed(before + 20).await;
    }
    line.judge(3 * SLOTS).await;
}

#[tokio::test]
async fn n4_latency_both_ways_costs_no_lease() {
    let line = Line::busy_with(patient()).await;
    for direction in [Direction::ToServer, Direction::ToClient] {
        line.proxy.delay(direction, Duration::from_millis(15));
    }
    line.judge(0).await;
}

#[tokio::test]
async fn n4_connections_that_are_silent_for_good_are_replaced() {
    // Long leases: only the calls' own deadlines can notice it.
    let line = Line::busy_with(WorkerOptions {
        lease: Duration::from_secs(4),
        ..options(SLOTS)
    })
    .await;
    line.proxy.forget();
    line.judge(JOBS as usize).await;
}
