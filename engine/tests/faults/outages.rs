//! N1, N2, N3, N6: Redis goes away and comes back.

use std::time::{Duration, Instant};

use devkit::Persistence;
use rouage::{NewJob, State, WorkerOptions};
use serde_json::Value;

use crate::scene::{SLOTS, Scene, entries};
use crate::stage::{Gate, Stage, act, eventually, numbered, options, play};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n1_a_restart_of_redis_under_load_loses_nothing_and_nobody_exits() {
    let mut stage = Stage::with(Persistence::Aof).await;
    let worker = stage.work_with(
        play(|_, cx| async move {
            cx.sleep(Duration::from_millis(5))
                .await
                .map(|()| Value::Null)
        }),
        options(20),
    );
    stage.client.enqueue_many(&numbered(0..3000)).await.unwrap();
    eventually("half of it ran", || async {
        (stage
            .client
            .queue_view("test")
            .await
            .unwrap()
            .completed_total
            > 500)
            .then_some(())
    })
    .await;
    stage.redis.stop_gracefully().unwrap();
    stage.redis.restart().unwrap();
    eventually("all ran", || async {
        let view = stage.client.queue_view("test").await.ok()?;
        (view.completed_total == 3000).then_some(())
    })
    .await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn n2_an_outcome_waits_for_redis_to_come_back() {
    let mut stage = Stage::with(Persistence::Aof).await;
    let gate = Gate::new();
    // A lease that outlasts any absence: what arrives late is still taken.
    let patient = WorkerOptions {
        lease: Duration::from_secs(600),
        ..options(4)
    };
    let worker = stage.work_with(gate.jobs(), patient);
    let id = stage
        .client
        .enqueue(&act("finishes while redis is away"))
        .await
        .unwrap();
    gate.arrived(1).await;
    stage.redis.stop_gracefully().unwrap();
    gate.open();
    eventually("the outcome fails to arrive", || async {
        // Nothing runs any more, so the slot is free and the loop asks again, in vain.
        (worker.pulse.late(Duration::ZERO).len() == 1).then_some(())
    })
    .await;
    stage.redis.restart().unwrap();
    let job = eventually("the outcome arrives", || async {
        let job = stage.client.job("test", &id).await.ok()??;
        (job.state == State::Completed).then_some(job)
    })
    .await;
    assert_eq!((job.attempt, job.lost), (1, 0));
    worker.drain().await;
}

#[tokio::test]
async fn n3_killed_connections_are_replaced_and_work_goes_on() {
    let stage = Stage::new().await;
    let worker = stage.work_with(
        play(|_, cx| async move {
            cx.sleep(Duration::from_millis(20))
                .await
                .map(|()| Value::Null)
        }),
        options(10),
    );
    let mut sent = 0;
    for kind in ["normal", "pubsub", "normal"] {
        stage.client.enqueue_many(&numbered(0..100)).await.unwrap();
        sent += 100;
        let _: u64 = stage
            .redis(&["CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"])
            .await;
        eventually("work goes on", || async {
            let view = stage.client.queue_view("test").await.ok()?;
            (view.completed_total == sent).then_some(())
        })
        .await;
    }
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn n6_forgotten_scripts_are_loaded_again() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    for _ in 0..3 {
        let () = stage.redis(&["SCRIPT", "FLUSH"]).await;
        let id = stage.client.enqueue(&act("after the flush")).await.unwrap();
        stage.reaches(&id, State::Completed).await;
    }
    worker.drain().await;
}

/// What a worker process may grow by while it waits: outcomes of its slots, buffers, noise.
const MOST_GROWTH_KB: u64 = 20 * 1024;

/// Producers keep what was not acknowledged and offer it again under the same ids; the worker
/// process keeps its outcomes, does not grow, and does not spin.
async fn redis_away_for(away: Duration) {
    let mut scene = Scene::with(Persistence::Aof).await;
    let worker = scene.worker();
    scene.enqueue(entries(SLOTS, 1_500)).await;
    scene.started(SLOTS).await;
    let port = scene.redis.port();
    scene.redis.stop_gracefully().unwrap();
    let before = (worker.resident_kb(), worker.cpu());
    let until = Instant::now() + away;
    let mut kept: Vec<NewJob> = Vec::new();
    while Instant::now() < until {
        kept.extend(entries(5, 0));
        scene.client.enqueue_all(kept.clone()).await.unwrap_err();
        tokio::time::sleep(Duration::from_millis(100)).await; // a steady load, not a flood
    }
    let grown = worker.resident_kb().saturating_sub(before.0);
    assert!(grown < MOST_GROWTH_KB, "grew by {grown} kB");
    let busy = worker.cpu().saturating_sub(before.1);
    assert!(busy < away / 4, "{busy:?} of work in {away:?} of waiting");
    scene.redis.restart().unwrap();
    assert_eq!(scene.redis.port(), port);
    let stored = eventually("what was kept is stored", || async {
        scene.client.enqueue_all(kept.clone()).await.ok()
    })
    .await;
    scene
        .acknowledged
        .extend(stored.into_iter().map(|job| job.id.to_string()));
    // Of those in flight, the leases ran out meanwhile.
    scene.judge(SLOTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n2_producers_and_workers_outlast_a_redis_that_is_away() {
    redis_away_for(Duration::from_secs(6)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: run by make faults"]
async fn n2_producers_and_workers_outlast_a_redis_that_is_away_for_minutes() {
    redis_away_for(Duration::from_mins(3)).await;
}

/// The contract's own measure is a kill of every connection every two seconds.
async fn connections_killed_every_two_seconds(times: u32) {
    let mut scene = Scene::new().await;
    let _worker = scene.worker();
    for _ in 0..times {
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until {
            scene.enqueue(entries(40, 100)).await;
            tokio::time::sleep(Duration::from_millis(100)).await; // a steady load, not a flood
        }
        for kind in ["normal", "pubsub"] {
            scene
                .redis
                .tell(&format!("CLIENT KILL TYPE {kind}"))
                .unwrap();
        }
        // The producer's own connection was killed too; what it asks next may be lost.
        eventually("the producer is back", || async {
            scene.client.queue_names().await.ok()
        })
        .await;
    }
    // A claim whose answer was cut off costs a lease of what it brought.
    scene.judge(times as usize * SLOTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n3_connections_killed_every_two_seconds_lose_nothing() {
    connections_killed_every_two_seconds(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: run by make faults"]
async fn n3_connections_killed_every_two_seconds_for_a_minute_lose_nothing() {
    connections_killed_every_two_seconds(30).await;
}
