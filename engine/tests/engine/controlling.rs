//! Orders to running workers: quiet and resume, other slots, stop.

use std::time::Duration;

use devkit::{FaultProxy, Persistence};
use rouage::inspect::WorkerView;
use rouage::{Client, ClientError, State, WorkerOptions};
use serde_json::Value;

use crate::stage::running::another_answer;
use crate::stage::{Gate, Running, Stage, act, eventually, numbered, options, play};

/// Looks at its orders so rarely by itself that only a message explains what it does in time.
fn deaf_but_for_messages(slots: usize) -> WorkerOptions {
    WorkerOptions {
        lease: Duration::from_secs(1800),
        beat: Duration::from_secs(600),
        ..options(slots)
    }
}

/// The only worker, once it is as wanted.
async fn worker_that(
    client: &Client,
    what: &str,
    wanted: impl Fn(&WorkerView) -> bool,
) -> WorkerView {
    eventually(what, || async {
        let mut workers = client.workers().await.ok()?;
        let worker = workers.pop()?;
        (workers.is_empty() && wanted(&worker)).then_some(worker)
    })
    .await
}

async fn name_of_the_worker(stage: &Stage) -> String {
    let worker = worker_that(&stage.client, "the worker is listed", |_| true).await;
    worker.info.instance
}

fn slots_of(worker: &WorkerView) -> usize {
    worker.info.queues[0].1
}

/// Waits until the worker hears messages about its orders.
async fn listens(stage: &Stage, instance: &str) {
    let channel = format!("test:orders:{instance}");
    eventually("the worker listens", || async {
        let (_, listeners): (String, u64) = stage.redis(&["PUBSUB", "NUMSUB", &channel]).await;
        (listeners == 1).then_some(())
    })
    .await;
}

/// A worker that only messages can reach, and its name.
async fn reachable_by_message(stage: &Stage, gate: &Gate, slots: usize) -> (Running, String) {
    let worker = stage.work_with(gate.jobs(), deaf_but_for_messages(slots));
    let instance = name_of_the_worker(stage).await;
    listens(stage, &instance).await;
    (worker, instance)
}

#[tokio::test]
async fn a_quiet_worker_finishes_what_it_runs_and_claims_nothing_until_it_is_resumed() {
    let stage = Stage::new().await;
    let gate = Gate::new();
    let (worker, instance) = reachable_by_message(&stage, &gate, 4).await;
    let running = stage.client.enqueue(&act("running")).await.unwrap();
    gate.arrived(1).await;
    stage.client.quiet(&instance).await.unwrap();
    let quiet = worker_that(&stage.client, "it is quiet", |worker| worker.info.quiet).await;
    assert_eq!((quiet.info.running, quiet.info.draining), (1, false));

    // From the moment that it says so, others get everything.
    let other = stage.work_with(play(|_, _| async { Ok(Value::Null) }), options(1));
    stage.client.enqueue_many(&numbered(0..30)).await.unwrap();
    stage.counts(State::Completed, 30).await;
    let done = stage.client.list("test", State::Completed, 0, 30).await;
    assert!(done.unwrap().iter().all(|job| job.worker != instance));
    other.drain().await;

    let waiting = stage.client.enqueue(&act("waiting")).await.unwrap();
    gate.open();
    stage.reaches(&running, State::Completed).await;
    stage.client.resume_worker(&instance).await.unwrap();
    stage.reaches(&waiting, State::Completed).await;
    worker_that(&stage.client, "it is not quiet", |worker| {
        !worker.info.quiet
    })
    .await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_quiet_worker_is_not_late_however_long_it_is_quiet() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    let instance = name_of_the_worker(&stage).await;
    stage.client.quiet(&instance).await.unwrap();
    eventually("nothing is due", || async {
        worker.pulse.late(Duration::ZERO).is_empty().then_some(())
    })
    .await;
    // Meanwhile another one has looked again and again.
    let other = stage.work(play(|_, _| async { Ok(Value::Null) }));
    another_answer(&other.pulse).await;
    another_answer(&other.pulse).await;
    assert_eq!(worker.pulse.late(Duration::ZERO), []);
    other.drain().await;
    stage.client.resume_worker(&instance).await.unwrap();
    eventually("an answer is due again", || async {
        (worker.pulse.late(Duration::ZERO).len() == 1).then_some(())
    })
    .await;
    worker.drain().await;
}

#[tokio::test]
async fn an_order_whose_message_is_lost_is_seen_with_the_next_beat() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    let instance = name_of_the_worker(&stage).await;
    // What `quiet` leaves, and no message.
    let key = format!("test:orders:{instance}");
    let _: u64 = stage.redis(&["HSET", &key, "quiet", "1"]).await;
    worker_that(&stage.client, "it is quiet", |worker| worker.info.quiet).await;
    worker.drain().await;
    assert_eq!(stage.redis::<u64>(&["EXISTS", &key]).await, 0);
    stage.fsck_is_clean().await;
}

/// A worker behind a proxy, its name, and the proxy.
async fn behind_a_proxy(stage: &Stage) -> (Running, String, FaultProxy) {
    let proxy = stage.proxy().await;
    let registry = play(|_, _| async { Ok(Value::Null) });
    let worker = stage.work_through(&proxy, registry, options(2)).await;
    let instance = name_of_the_worker(stage).await;
    (worker, instance, proxy)
}

#[tokio::test]
async fn an_order_given_while_the_worker_cannot_reach_redis_is_carried_out_when_it_can() {
    let stage = Stage::new().await;
    let (worker, instance, proxy) = behind_a_proxy(&stage).await;
    proxy.refuse();
    proxy.reset();
    stage.client.quiet(&instance).await.unwrap();
    stage.client.set_slots("test", None, 7).await.unwrap();
    proxy.pass();
    let seen = worker_that(&stage.client, "it is quiet", |worker| worker.info.quiet).await;
    assert_eq!(slots_of(&seen), 7);
    worker.drain().await;
}

#[tokio::test]
async fn a_quiet_worker_stays_quiet_over_a_restart_of_redis_that_loses_everything() {
    let mut stage = Stage::with(Persistence::None).await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    let instance = name_of_the_worker(&stage).await;
    stage.client.quiet(&instance).await.unwrap();
    worker_that(&stage.client, "it is quiet", |worker| worker.info.quiet).await;
    stage.redis.kill().unwrap();
    stage.redis.restart().unwrap();
    worker_that(&stage.client, "it is quiet again", |worker| {
        worker.info.quiet
    })
    .await;
    let waiting = stage.client.enqueue(&act("waiting")).await.unwrap();
    stage.client.resume_worker(&instance).await.unwrap();
    stage.reaches(&waiting, State::Completed).await;
    worker.drain().await;
}

#[tokio::test]
async fn more_slots_are_used_at_once() {
    let stage = Stage::new().await;
    let gate = Gate::new();
    let (worker, instance) = reachable_by_message(&stage, &gate, 1).await;
    stage.client.enqueue_many(&numbered(0..900)).await.unwrap();
    gate.arrived(1).await;
    let one = Some(instance.as_str());
    stage.client.set_slots("test", one, 800).await.unwrap();
    gate.arrived(799).await;
    let seen = worker_that(&stage.client, "it has the slots", |worker| {
        slots_of(worker) == 800
    })
    .await;
    assert!(seen.info.running >= 1, "{seen:?}");
    assert_eq!(stage.count(State::Available).await, 100);
    gate.open();
    stage.counts(State::Completed, 900).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn fewer_slots_interrupt_nothing_and_hold_as_jobs_end() {
    let stage = Stage::new().await;
    let gates = [Gate::new(), Gate::new()];
    let [early, late] = gates.clone();
    let registry = play(move |job, _| {
        let gate = gates[usize::from(job.number > 3)].clone();
        async move {
            gate.pass().await;
            Ok(Value::Null)
        }
    });
    let worker = stage.work_with(registry, deaf_but_for_messages(4));
    let instance = name_of_the_worker(&stage).await;
    listens(&stage, &instance).await;
    stage.client.enqueue_many(&numbered(0..10)).await.unwrap();
    early.arrived(4).await;
    stage.client.set_slots("test", None, 1).await.unwrap();
    let seen = worker_that(&stage.client, "it has one slot", |worker| {
        slots_of(worker) == 1
    })
    .await;
    assert_eq!(seen.info.running, 4, "what runs goes on");
    // The four end at once; only one of the others starts.
    early.open();
    late.arrived(1).await;
    stage.counts(State::Completed, 4).await;
    assert_eq!(
        (
            stage.count(State::Running).await,
            stage.count(State::Available).await
        ),
        (1, 5)
    );
    late.open();
    stage.counts(State::Completed, 10).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn slots_set_for_all_workers_survive_their_restart_until_they_are_cleared() {
    let stage = Stage::new().await;
    stage.client.enqueue_many(&numbered(0..8)).await.unwrap();
    stage.client.set_slots("test", None, 2).await.unwrap();
    let gate = Gate::new();
    let worker = stage.work_with(gate.jobs(), options(4));
    gate.arrived(2).await;
    let seen = worker_that(&stage.client, "it is listed", |_| true).await;
    assert_eq!(slots_of(&seen), 2);
    assert_eq!(stage.count(State::Running).await, 2);
    assert_eq!(
        stage.client.standing_slots().await.unwrap(),
        [("test".to_owned(), 2)].into()
    );
    stage.client.clear_slots("test", None).await.unwrap();
    gate.arrived(2).await;
    worker_that(&stage.client, "it has its own slots again", |worker| {
        slots_of(worker) == 4
    })
    .await;
    gate.open();
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn slots_set_for_one_worker_go_before_those_of_all() {
    let stage = Stage::new().await;
    let worker = stage.work_with(play(|_, _| async { Ok(Value::Null) }), options(4));
    let instance = name_of_the_worker(&stage).await;
    let one = Some(instance.as_str());
    // To whom, how many (0 to clear), and what it then has.
    for (whom, slots, has) in [
        (None, 3, 3),
        (one, 2, 2),
        (None, 9, 2),
        (one, 0, 9),
        (None, 0, 4),
    ] {
        let changed = match slots {
            0 => stage.client.clear_slots("test", whom).await,
            _ => stage.client.set_slots("test", whom, slots).await,
        };
        changed.unwrap();
        worker_that(&stage.client, &format!("it has {has} slots"), |worker| {
            slots_of(worker) == has
        })
        .await;
    }
    worker.drain().await;
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_drains_and_ends() {
    let stage = Stage::new().await;
    let gate = Gate::new();
    let (worker, instance) = reachable_by_message(&stage, &gate, 1).await;
    stage.client.enqueue_many(&numbered(0..3)).await.unwrap();
    gate.arrived(1).await;
    stage.client.stop_worker(&instance).await.unwrap();
    worker_that(&stage.client, "it drains", |worker| worker.info.draining).await;
    gate.open();
    worker.ended().await;
    assert_eq!(
        (
            stage.count(State::Completed).await,
            stage.count(State::Available).await
        ),
        (1, 2)
    );
    assert!(stage.client.workers().await.unwrap().is_empty());
    let refused = stage.client.stop_worker(&instance).await.unwrap_err();
    assert!(
        matches!(refused, ClientError::UnknownWorker(_)),
        "{refused}"
    );
    let orders: u64 = stage
        .redis(&["EXISTS", &format!("test:orders:{instance}")])
        .await;
    assert_eq!(orders, 0, "its orders went with it");
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_worker_tells_what_it_runs_and_how_large_it_is() {
    let stage = Stage::new().await;
    let gate = Gate::new();
    let worker = stage.work_with(gate.jobs(), options(80));
    stage.client.enqueue_many(&numbered(0..70)).await.unwrap();
    gate.arrived(70).await;
    let instance = name_of_the_worker(&stage).await;
    // A change of what was ordered is told at once, and everything else with it.
    stage.client.quiet(&instance).await.unwrap();
    let view = worker_that(&stage.client, "it says so", |worker| worker.info.quiet).await;
    assert_eq!((view.info.running, view.info.jobs.len()), (70, 50));
    let first = &view.info.jobs[0];
    let job = stage.job(&first.id).await;
    assert_eq!((job.state, job.started), (State::Running, first.since));
    assert_eq!(
        (first.kind.as_str(), first.queue.as_str()),
        ("test.act", "test")
    );
    assert!(view.info.rss_bytes > 1024 * 1024, "{view:?}");
    gate.open();
    worker.drain().await;
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused_by_name() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    let instance = name_of_the_worker(&stage).await;
    let one = Some(instance.as_str());
    stage.client.enqueue(&act("known")).await.unwrap();
    let client = &stage.client;
    for (refused, words) in [
        (
            client.quiet("nobody").await,
            "no worker \"nobody\" is alive",
        ),
        (
            client.set_slots("test", None, 0).await,
            "\"test\" cannot have 0 slots",
        ),
        (
            client.set_slots("test", one, 10_001).await,
            "cannot have 10001 slots",
        ),
        (client.set_slots("tset", None, 1).await, "no queue \"tset\""),
        (
            client.set_slots("tset", one, 1).await,
            "does not serve queue \"tset\"",
        ),
    ] {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    worker.drain().await;
    stage.fsck_is_clean().await;
}
