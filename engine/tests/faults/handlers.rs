//! R6: handlers that panic or block their thread.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use rouage::{State, WorkerOptions};
use serde_json::Value;

use crate::stage::{Stage, act, options, play};

#[tokio::test]
async fn r6_a_panic_fails_its_job_and_nothing_else() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|job, _| async move {
        assert_ne!(job.part, "bad", "a bad part");
        Ok(Value::Null)
    }));
    let bad = stage
        .client
        .enqueue(&act("bad"))
        .max_attempts(1)
        .await
        .unwrap();
    let good = stage.client.enqueue(&act("good")).await.unwrap();
    let job = stage.reaches(&bad, State::Discarded).await;
    assert_eq!(job.reason, "panic");
    assert!(job.last_message().contains("a bad part"));
    stage.reaches(&good, State::Completed).await;
    worker.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn r6_a_blocking_handler_does_not_stop_the_beats() {
    let stage = Stage::new().await;
    // The lease is 1.5 s; the handler blocks its thread for twice as long.
    let worker = stage.work(play(|_, _| async {
        std::thread::sleep(Duration::from_secs(3));
        Ok(Value::Null)
    }));
    let id = stage.client.enqueue(&act("blocking")).await.unwrap();
    let job = stage.reaches(&id, State::Completed).await;
    assert_eq!((job.attempt, job.lost), (1, 0));
    worker.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn r6_a_handler_that_blocks_its_thread_does_not_hold_up_the_end() {
    let stage = Stage::new().await;
    let impatient = WorkerOptions {
        grace: Duration::from_millis(50),
        ..options(4)
    };
    let (release, blocked) = mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let worker = stage.work_with(
        play(move |_, _| {
            // Blocks the thread until the test drops the other end.
            let _ = blocked.lock().unwrap().recv();
            async { Ok(Value::Null) }
        }),
        impatient,
    );
    let id = stage
        .client
        .enqueue(&act("deaf and blocking"))
        .await
        .unwrap();
    stage.reaches(&id, State::Running).await;
    worker.drain().await;
    assert_eq!(
        stage.job(&id).await.state,
        State::Running,
        "it was not waited for"
    );
    drop(release);
}
