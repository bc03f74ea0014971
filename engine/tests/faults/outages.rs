//! Redis goes away and comes back.

use std::time::Duration;

use devkit::Persistence;
use rouage::{State, WorkerOptions};
use serde_json::Value;

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

#[tokio::test]
async fn n6_a_full_redis_refuses_new_jobs_and_lets_running_ones_end() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, cx| async move {
        cx.sleep(Duration::from_millis(3500))
            .await
            .map(|()| Value::Null)
    }));
    let id = stage.client.enqueue(&act("in time")).await.unwrap();
    stage.reaches(&id, State::Running).await;
    let () = stage.redis(&["CONFIG", "SET", "maxmemory", "1mb"]).await;
    let refused = stage.client.enqueue(&act("too late")).await.unwrap_err();
    assert!(refused.to_string().contains("OOM"), "{refused}");
    let job = stage.reaches(&id, State::Completed).await;
    assert_eq!(
        (job.attempt, job.lost),
        (1, 0),
        "its beats and its outcome went through"
    );
    worker.drain().await;
}
