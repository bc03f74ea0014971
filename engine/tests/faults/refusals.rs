//! N5, N6: a Redis that is there and answers with errors, for a while.
//!
//! Each test shows first that a client really gets the error, then that the worker outlives it.

use std::time::Duration;

use devkit::Persistence;
use rouage::State;
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::stage::{Running, Stage, act, eventually, numbered, options, play};

/// Some that can be enough to keep a worker busy through a short fault.
const JOBS: u64 = 300;

/// A worker in the middle of its jobs.
async fn busy(stage: &Stage) -> Running {
    let worker = stage.work_with(
        play(|_, cx| async move {
            cx.sleep(Duration::from_millis(50))
                .await
                .map(|()| Value::Null)
        }),
        options(10),
    );
    stage.client.enqueue_many(&numbered(0..JOBS)).await.unwrap();
    eventually("some ran", || async {
        (stage.completed().await > 10).then_some(())
    })
    .await;
    worker
}

/// A new job is refused with that word.
async fn refuses(stage: &Stage, word: &str) {
    eventually("jobs are refused", || async {
        let error = stage.client.enqueue(&act("now")).await.err()?;
        let message = error.to_string().to_lowercase();
        message.contains(word).then_some(())
    })
    .await;
}

/// All jobs end, each once, and new ones are taken.
async fn recovers(stage: &Stage, worker: Running) {
    eventually("all ran", || async {
        let view = stage.client.queue_view("test").await.ok()?;
        (view.completed_total >= JOBS && view.running + view.available == 0).then_some(())
    })
    .await;
    let next = stage.client.enqueue(&act("next")).await.unwrap();
    let job = stage.reaches(&next, State::Completed).await;
    assert_eq!((job.attempt, job.lost), (1, 0));
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n5_a_redis_that_became_a_replica_is_outlived() {
    let stage = Stage::new().await;
    let worker = busy(&stage).await;
    // Of nobody who answers: it keeps its data and refuses to write.
    let () = stage.redis(&["REPLICAOF", "127.0.0.1", "1"]).await;
    refuses(&stage, "readonly").await;
    tokio::time::sleep(Duration::from_millis(500)).await; // outcomes meet it too
    let () = stage.redis(&["REPLICAOF", "NO", "ONE"]).await;
    recovers(&stage, worker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n5_a_redis_that_is_busy_with_a_strangers_script_is_outlived() {
    let stage = Stage::new().await;
    let worker = busy(&stage).await;
    let () = stage
        .redis(&["CONFIG", "SET", "busy-reply-threshold", "20"])
        .await;
    let port = stage.redis.port();
    let stranger = spawn_blocking(move || endless_script(port));
    refuses(&stage, "busy").await;
    tokio::time::sleep(Duration::from_millis(500)).await; // outcomes meet it too
    assert!(stage.redis.tell("SCRIPT KILL").unwrap().contains("+OK"));
    stranger.await.unwrap().unwrap();
    recovers(&stage, worker).await;
}

/// Runs until it is killed from outside.
fn endless_script(port: u16) -> std::io::Result<()> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"EVAL \"while true do end\" 0\r\n")?;
    stream.read_exact(&mut [0])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n5_a_redis_that_loads_its_data_is_waited_for() {
    let mut stage = Stage::with(Persistence::Aof).await;
    let worker = busy(&stage).await;
    // A file of many gigabytes, in short: there are some commands, and each takes half a
    // millisecond more.
    let filler: Vec<String> = (0..8_000).map(|n| format!("SET filler:{n} 1")).collect();
    stage.redis.tell(&filler.join("\r\n")).unwrap();
    let () = stage
        .redis(&["CONFIG", "SET", "key-load-delay", "500"])
        .await;
    let () = stage
        .redis(&[
            "CONFIG",
            "SET",
            "loading-process-events-interval-bytes",
            "1024",
        ])
        .await;
    let () = stage.redis(&["CONFIG", "REWRITE"]).await;
    stage.redis.stop_gracefully().unwrap();
    let client = stage.client.clone();
    let refused = async {
        eventually("it answers that it loads", || async {
            let error = client.queue_view("test").await.err()?;
            error
                .to_string()
                .to_lowercase()
                .contains("loading")
                .then_some(())
        })
        .await;
    };
    let restart = spawn_blocking(move || {
        stage.redis.restart().unwrap();
        stage
    });
    let (stage, ()) = tokio::join!(restart, refused);
    recovers(&stage.unwrap(), worker).await;
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
    // What an operator looks at first.
    assert_eq!(stage.job(&id).await.state, State::Running);
    assert_eq!(stage.client.queue_view("test").await.unwrap().running, 1);
    let listed = stage.client.list("test", State::Running, 0, 10).await;
    assert_eq!(listed.unwrap().len(), 1);
    stage.fsck_is_clean().await;
    let job = stage.reaches(&id, State::Completed).await;
    assert_eq!(
        (job.attempt, job.lost),
        (1, 0),
        "its beats and its outcome went through"
    );
    worker.drain().await;
}
