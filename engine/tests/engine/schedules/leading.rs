//! Several schedulers: one leads, another takes over, and every occurrence comes once.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Datelike, Timelike};
use rouage::schedule::{
    Entry, MemorySchedules, Overlap, ScheduleStore, Scheduler, SchedulerOptions, Timing, leader,
};
use rouage::{Job, NewJob, State};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::stage::running::eventually;
use crate::stage::{Act, Stage, act};

/// An entry whose job does what [`Act`] does.
pub(crate) fn entry(name: &str, timing: Timing) -> Entry {
    let job = NewJob::from_job(&act(name)).unwrap();
    Entry::new(name, job, timing).unwrap()
}

/// An entry that comes every second, whatever became of the one before.
pub(crate) fn every_second(name: &str) -> Entry {
    Entry {
        overlap: Overlap::Allow,
        ..entry(name, Timing::every("1s", "UTC").unwrap())
    }
}

/// Schedulers of one test; each is a task that can be killed.
#[derive(Default)]
pub(crate) struct Schedulers {
    tasks: JoinSet<()>,
    pub(crate) stop: CancellationToken,
}

impl Schedulers {
    /// Starts one and answers its name and how to kill it.
    pub(crate) fn start(
        &mut self,
        stage: &Stage,
        store: Arc<dyn ScheduleStore>,
        entries: &[Entry],
    ) -> (String, tokio::task::AbortHandle) {
        let options = SchedulerOptions::default();
        let scheduler = Scheduler::new(stage.client.clone(), store, entries.to_vec(), &options);
        let name = scheduler.instance().to_owned();
        (name, self.tasks.spawn(scheduler.run(self.stop.clone())))
    }

    /// Stops all and waits for them.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Stage {
    /// Redis' time in ms since 1970.
    pub(crate) async fn now_ms(&self) -> u64 {
        let (seconds, micros): (u64, u64) = self.redis(&["TIME"]).await;
        seconds * 1000 + micros / 1000
    }

    async fn leading(&self) -> String {
        eventually("somebody leads", || async {
            leader(&self.client)
                .await
                .unwrap()
                .map(|leader| leader.instance)
        })
        .await
    }
}

/// An expression that comes true at that second and not again for a year.
fn once_at(second: u64) -> String {
    let at = DateTime::from_timestamp(second as i64, 0).unwrap();
    let (s, m, h) = (at.second(), at.minute(), at.hour());
    format!("{s} {m} {h} {} {} *", at.day(), at.month())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_schedules_come_once_each_although_the_leader_dies_a_second_before() {
    const SCHEDULES: usize = 1000;
    let stage = Stage::new().await;
    let tick = stage.now_ms().await / 1000 + 6;
    let due = Timing::cron(&once_at(tick), "UTC").unwrap();
    let entries: Vec<Entry> = (0..SCHEDULES)
        .map(|n| entry(&format!("many-{n}"), due.clone()))
        .collect();
    let store = MemorySchedules::default();
    let mut schedulers = Schedulers::default();
    let processes: Vec<_> = (0..3)
        .map(|_| schedulers.start(&stage, Arc::new(store.clone()), &entries))
        .collect();
    let leading = stage.leading().await;
    let known = "the leader has written down all of them";
    eventually(known, || async {
        let last = store.state(&format!("many-{}", SCHEDULES - 1));
        last.filter(|state| !state.timing.is_empty())
    })
    .await;
    let before = (tick - 1) * 1000;
    eventually("it is the second before", || async {
        (stage.now_ms().await >= before).then_some(())
    })
    .await;
    let (_, leader) = processes.iter().find(|(name, _)| *name == leading).unwrap();
    leader.abort();
    let killed = stage.now_ms().await;

    stage.counts(State::Available, SCHEDULES as u64).await;
    let heir = stage.leading().await;
    assert_ne!(heir, leading);
    eventually("all of it is written down", || async {
        let written = |n| {
            store
                .state(&format!("many-{n}"))
                .is_some_and(|state| state.last_fired > 0)
        };
        (0..SCHEDULES).all(written).then_some(())
    })
    .await;
    for n in [0, SCHEDULES - 1] {
        let found = store.state(&format!("many-{n}")).unwrap();
        assert_eq!((found.last_occurrence, found.missed), (tick * 1000, 0));
        assert!(
            found.last_fired <= killed + 10_000,
            "{} ms",
            found.last_fired - killed
        );
    }
    schedulers.end().await;
    let queue = stage.client.queue_view(Act::QUEUE).await.unwrap();
    assert_eq!(queue.enqueued_total, SCHEDULES as u64);
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_leader_that_is_stopped_hands_the_lead_over_at_once() {
    let stage = Stage::new().await;
    let store = MemorySchedules::default();
    let entries = [entry("hourly", Timing::cron("0 * * * *", "UTC").unwrap())];
    let (mut first, mut second) = (Schedulers::default(), Schedulers::default());
    let (one, _) = first.start(&stage, Arc::new(store.clone()), &entries);
    assert_eq!(stage.leading().await, one);
    first.end().await;
    let (other, _) = second.start(&stage, Arc::new(store), &entries);
    assert_eq!(stage.leading().await, other);
    second.end().await;
    assert_eq!(leader(&stage.client).await.unwrap(), None);
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_scheduler_goes_on_when_redis_is_back() {
    let stage = Stage::new().await;
    let proxy = stage.proxy().await;
    let url = proxy.redis_url();
    let client = rouage::Client::connect(&url, stage.client.keyspace().clone());
    let entries = vec![every_second("seconds")];
    let store = Arc::new(MemorySchedules::default());
    let options = SchedulerOptions::default();
    let scheduler = Scheduler::new(client.await.unwrap(), store.clone(), entries, &options);
    let heartbeat = scheduler.heartbeat();
    let end = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(scheduler.run(end.clone()));
    let fired = || async {
        let found = store.state("seconds");
        found.map(|found| found.last_fired).filter(|at| *at > 0)
    };
    let first = eventually("it fires", fired).await;
    proxy.black_hole();
    eventually("it says what is in its way", || async {
        heartbeat.look().1
    })
    .await;
    proxy.pass();
    eventually("it fires again", || async {
        fired().await.filter(|again| *again > first + 1000)
    })
    .await;
    eventually("nothing is in its way", || async {
        heartbeat.look().1.is_none().then_some(())
    })
    .await;
    end.cancel();
    tokio::time::timeout(Duration::from_secs(30), tasks.join_next())
        .await
        .unwrap();
}
