//! What a scheduler does about missed and overlapping runs, changes by hand, and crashes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rouage::payloads::StoreFailure;
use rouage::schedule::{
    Entry, Mark, MemorySchedules, OnMissed, Overlap, Overrides, ScheduleStore, Stored, Timing,
};
use rouage::{Job, State};
use serde_json::Value;

use super::leading::{Schedulers, entry, every_second};
use crate::stage::running::eventually;
use crate::stage::{Act, Stage, options, play};

fn hourly(name: &str) -> Entry {
    entry(name, Timing::cron("0 * * * *", "UTC").unwrap())
}

/// A store in which the schedules were decided about until that many hours ago, in the middle of
/// an hour that is over: nothing is due in time.
async fn down_for(stage: &Stage, hours: u64, entries: &[Entry]) -> MemorySchedules {
    let store = MemorySchedules::default();
    let now = stage.now_ms().await;
    for entry in entries {
        store.put(Stored {
            name: entry.name.clone(),
            timing: entry.fingerprint(),
            considered: (now / 3_600_000 - hours) * 3_600_000,
            ..Stored::default()
        });
    }
    store
}

/// How many jobs a schedule has fired.
async fn fired(stage: &Stage, name: &str) -> usize {
    let listed = stage.client.list(Act::QUEUE, State::Available, 0, 1000);
    let tag = format!("schedule:{name}");
    let of_it = |job: &rouage::inspect::JobView| job.tags.contains(&tag);
    listed.await.unwrap().into_iter().filter(of_it).count()
}

/// Waits until a schedule was decided about.
async fn decided(store: &MemorySchedules, name: &str, since: u64) -> Stored {
    eventually("it was decided about", || async {
        store.state(name).filter(|state| state.considered > since)
    })
    .await
}

#[tokio::test]
async fn after_a_downtime_each_schedule_follows_its_rule_for_missed_runs() {
    let stage = Stage::new().await;
    // Spread over the rules; none is in time unless the hour has just begun.
    let rule = |name, on_missed| Entry {
        on_missed,
        overlap: Overlap::Allow,
        ..hourly(name)
    };
    let entries = [
        rule("skip", OnMissed::Skip),
        rule("latest", OnMissed::Latest),
        rule("all", OnMissed::All(3)),
    ];
    let store = down_for(&stage, 9, &entries).await;
    let mut schedulers = Schedulers::default();
    schedulers.start(&stage, Arc::new(store.clone()), &entries);
    let start = store.state("all").unwrap().considered;
    for entry in &entries {
        decided(&store, &entry.name, start).await;
    }
    schedulers.end().await;
    // In the first half minute of an hour its run is in time and comes besides.
    let in_time = usize::from(store.state("skip").unwrap().missed < 9);
    assert_eq!(fired(&stage, "skip").await, in_time);
    assert_eq!(fired(&stage, "latest").await, 1);
    assert_eq!(fired(&stage, "all").await, 3 + in_time);
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn overlapping_runs_are_allowed_left_out_or_wait_for_each_other() {
    let stage = Stage::new().await;
    let catching_up = |name, overlap| Entry {
        on_missed: OnMissed::All(3),
        overlap,
        ..hourly(name)
    };
    let entries = [
        catching_up("allow", Overlap::Allow),
        catching_up("skip", Overlap::Skip),
        catching_up("queue", Overlap::Queue),
    ];
    let store = down_for(&stage, 9, &entries).await;
    let start = store.state("skip").unwrap().considered;
    let mut schedulers = Schedulers::default();
    schedulers.start(&stage, Arc::new(store.clone()), &entries);
    for entry in &entries {
        decided(&store, &entry.name, start).await;
    }
    schedulers.end().await;
    assert!(fired(&stage, "allow").await >= 3);
    assert_eq!(fired(&stage, "skip").await, 1);
    let queued = fired(&stage, "queue").await as u64;
    assert!(queued >= 3);

    let (running, most, ended) = <(Arc<AtomicU64>, Arc<AtomicU64>, Arc<AtomicU64>)>::default();
    let (now, peak, over) = (running.clone(), most.clone(), ended.clone());
    let registry = play(move |job, cx| {
        let (now, peak, over) = (now.clone(), peak.clone(), over.clone());
        async move {
            if job.part == "queue" {
                peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                cx.sleep(Duration::from_millis(30)).await?;
                now.fetch_sub(1, Ordering::SeqCst);
                over.fetch_add(1, Ordering::SeqCst);
            }
            Ok(Value::Null)
        }
    });
    let worker = stage.work_with(registry, options(8));
    eventually("all that wait for each other ran", || async {
        (ended.load(Ordering::SeqCst) == queued).then_some(())
    })
    .await;
    assert_eq!(most.load(Ordering::SeqCst), 1);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn changes_by_hand_take_effect_while_it_runs_and_after_a_restart() {
    let stage = Stage::new().await;
    let entries = [every_second("seconds")];
    let store = MemorySchedules::default();
    let mut first = Schedulers::default();
    first.start(&stage, Arc::new(store.clone()), &entries);
    eventually("it fires", || async {
        (fired(&stage, "seconds").await > 0).then_some(())
    })
    .await;
    let paused = Overrides {
        enabled: Some(false),
        by: "test".to_owned(),
        ..Overrides::default()
    };
    store.change("seconds", paused);
    let off = |state: &Stored| state.timing == "off";
    eventually("it is paused", || async {
        store.state("seconds").filter(off)
    })
    .await;
    first.end().await;

    let count = fired(&stage, "seconds").await;
    let mut second = Schedulers::default();
    let both = [entries[0].clone(), every_second("other")];
    second.start(&stage, Arc::new(store.clone()), &both);
    eventually("another one fires", || async {
        (fired(&stage, "other").await > 0).then_some(())
    })
    .await;
    assert_eq!(fired(&stage, "seconds").await, count);
    second.end().await;
}

/// A store that cannot be written to at first.
#[derive(Debug, Default)]
struct Forgetful {
    inner: MemorySchedules,
    refused: AtomicU64,
}

impl ScheduleStore for Forgetful {
    fn load(&self) -> BoxFuture<'_, Result<Vec<Stored>, StoreFailure>> {
        self.inner.load()
    }

    fn write<'a>(&'a self, _: u64, _: &'a [Mark]) -> BoxFuture<'a, Result<bool, StoreFailure>> {
        self.refused.fetch_add(1, Ordering::SeqCst);
        async { Err("the disk is full".into()) }.boxed()
    }
}

#[tokio::test]
async fn a_crash_before_the_state_is_written_fires_nothing_twice() {
    let stage = Stage::new().await;
    let entries = [Entry {
        on_missed: OnMissed::All(5),
        overlap: Overlap::Allow,
        ..hourly("nightly")
    }];
    let store = down_for(&stage, 5, &entries).await;
    let forgetful = Arc::new(Forgetful {
        inner: store.clone(),
        ..Forgetful::default()
    });
    let mut first = Schedulers::default();
    let (_, task) = first.start(&stage, forgetful.clone(), &entries);
    eventually("it tried to write", || async {
        (forgetful.refused.load(Ordering::SeqCst) > 0).then_some(())
    })
    .await;
    let count = fired(&stage, "nightly").await;
    assert!(count >= 5);
    task.abort();

    let before = store.state("nightly").unwrap().considered;
    let mut second = Schedulers::default();
    second.start(&stage, Arc::new(store.clone()), &entries);
    decided(&store, "nightly", before).await;
    second.end().await;
    assert_eq!(fired(&stage, "nightly").await, count);
    first.end().await;
}

#[tokio::test]
async fn a_completed_job_is_the_schedules_latest_success() {
    let stage = Stage::new().await;
    let entries = [hourly("nightly")];
    let store = down_for(&stage, 3, &entries).await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    let mut schedulers = Schedulers::default();
    schedulers.start(&stage, Arc::new(store.clone()), &entries);
    let done = eventually("its success is known", || async {
        store
            .state("nightly")
            .filter(|state| state.last_success > 0)
    })
    .await;
    assert!(done.last_success >= done.last_fired);
    schedulers.end().await;
    worker.drain().await;
}

#[tokio::test]
async fn who_has_an_older_fence_writes_nothing() {
    let store = MemorySchedules::default();
    let mark = |considered| Mark {
        name: "nightly".to_owned(),
        timing: "0 2 * * * UTC".to_owned(),
        considered,
        ..Mark::default()
    };
    assert!(store.write(7, &[mark(2000)]).await.unwrap());
    assert!(!store.write(6, &[mark(1000)]).await.unwrap());
    assert_eq!(store.state("nightly").unwrap().considered, 2000);
}
