//! What handlers log is kept with their jobs: fenced, bounded, and gone with the job.

use std::sync::{Arc, Once};

use rouage::inspect::{JobLog, MAX_LOG_BYTES, MAX_LOG_LINES};
use rouage::{JobError, JobId, JobLogLayer, Kept, Retention, State, WorkerOptions};
use serde_json::Value;
use tokio::sync::Notify;
use tracing::Instrument;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};

use crate::stage::{Act, Stage, act, eventually, options, play};

/// A process has one subscriber; all tests of this process may share it.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let layer = JobLogLayer::default().with_filter(LevelFilter::INFO);
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

async fn log(stage: &Stage, id: &JobId) -> JobLog {
    stage.client.log("test", id).await.unwrap()
}

fn texts(log: &JobLog) -> Vec<&str> {
    log.lines.iter().map(|line| line.text.as_str()).collect()
}

#[tokio::test]
async fn lines_of_all_attempts_and_of_tasks_inside_the_span_are_kept_in_order() {
    listen();
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, cx| async move {
        tracing::info!(attempt = cx.attempt(), "started");
        tracing::debug!("not kept");
        #[expect(clippy::disallowed_methods, reason = "a task of the handler's own")]
        let task = tokio::spawn(async { tracing::warn!("from a task") }.in_current_span());
        task.await?;
        if cx.attempt() == 1 {
            return Err(JobError::retry("cut off"));
        }
        tracing::error!(to = "anne@example.com", "refused");
        Ok(Value::Null)
    }));
    let id = stage.client.enqueue(&act("logs")).await.unwrap();
    let job = stage.reaches(&id, State::Completed).await;
    let log = log(&stage, &id).await;
    assert_eq!(
        texts(&log),
        [
            "started attempt=1",
            "from a task",
            "started attempt=2",
            "from a task",
            "refused to=[address]"
        ]
    );
    let last = &log.lines[4];
    assert_eq!((last.attempt, last.level.as_str()), (2, "error"));
    assert!(last.at >= job.started && last.at <= job.finished.max(job.started) + 60_000);
    assert_eq!(log.dropped, 0);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn lines_are_there_while_the_job_runs() {
    listen();
    let stage = Stage::new().await;
    let go = Arc::new(Notify::new());
    let gate = Arc::clone(&go);
    let worker = stage.work(play(move |_, _| {
        let gate = Arc::clone(&gate);
        async move {
            tracing::info!("half way");
            gate.notified().await;
            tracing::info!("done");
            Ok(Value::Null)
        }
    }));
    let id = stage.client.enqueue(&act("logs")).await.unwrap();
    eventually("the first line is stored", || async {
        (texts(&log(&stage, &id).await) == ["half way"]).then_some(())
    })
    .await;
    assert_eq!(stage.job(&id).await.state, State::Running);
    go.notify_one();
    stage.reaches(&id, State::Completed).await;
    assert_eq!(texts(&log(&stage, &id).await), ["half way", "done"]);
    worker.drain().await;
}

#[tokio::test]
async fn of_many_and_long_lines_the_newest_are_kept_and_the_others_counted() {
    listen();
    let stage = Stage::new().await;
    let worker = stage.work(play(|job: Act, cx| async move {
        let text = "é".repeat(if job.part == "long" { 1000 } else { 1 });
        for number in 0..150 {
            tracing::info!(number, "{text}");
        }
        if cx.attempt() < 2 {
            return Err(JobError::retry("again"));
        }
        Ok(Value::Null)
    }));
    let many = stage.client.enqueue(&act("many")).await.unwrap();
    let wide = stage.client.enqueue(&act("long")).await.unwrap();
    for id in [&many, &wide] {
        stage.reaches(id, State::Completed).await;
        let log = log(&stage, id).await;
        assert!(log.lines.len() <= MAX_LOG_LINES);
        assert_eq!(log.dropped + log.lines.len() as u64, 300);
        let stored: String = stage.redis(&["HGET", "test:{test}:log", id.as_str()]).await;
        assert!(stored.len() <= MAX_LOG_BYTES + 10, "{} bytes", stored.len());
        assert!(log.lines.iter().all(|line| line.text.len() <= 500));
    }
    let kept = log(&stage, &many).await;
    assert_eq!((kept.lines.len(), kept.dropped), (200, 100));
    assert_eq!(kept.lines[0].text, "é number=100");
    let cut = log(&stage, &wide).await;
    assert!(cut.lines[0].text.ends_with('…'), "{}", cut.lines[0].text);
    worker.drain().await;
}

#[tokio::test]
async fn who_lost_its_lease_writes_no_line() {
    listen();
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, cx| async move {
        tracing::info!("mine");
        cx.token().cancelled().await;
        tracing::info!("not mine any more");
        Ok(Value::Null)
    }));
    let id = stage.client.enqueue(&act("logs")).await.unwrap();
    eventually("the first line is stored", || async {
        (!log(&stage, &id).await.lines.is_empty()).then_some(())
    })
    .await;
    // Somebody took the job back and holds it.
    let () = stage
        .redis(&["ZADD", "test:{test}:held", "1", id.as_str()])
        .await;
    let () = stage.redis(&["DEL", "test:{test}:lease"]).await;
    worker.drain().await;
    assert_eq!(texts(&log(&stage, &id).await), ["mine"]);
}

#[tokio::test]
async fn a_log_leaves_with_its_job_and_a_silent_job_has_none() {
    listen();
    let stage = Stage::new().await;
    let none = Kept {
        count: 0,
        ..Retention::default().completed
    };
    let options = WorkerOptions {
        retention: Retention {
            completed: none,
            ..Retention::default()
        },
        ..options(2)
    };
    let registry = play(|job: Act, _| async move {
        if job.part == "logs" {
            tracing::info!("heard");
            return Err(JobError::discard("keeps it for a month"));
        }
        Ok(Value::Null)
    });
    let worker = stage.work_with(registry, options);
    let loud = stage.client.enqueue(&act("logs")).await.unwrap();
    stage.client.enqueue(&act("silent")).await.unwrap();
    stage.reaches(&loud, State::Discarded).await;
    let logs: u64 = stage.redis(&["HLEN", "test:{test}:log"]).await;
    assert_eq!(logs, 1);
    worker.drain().await;

    let all = Retention {
        discarded: none,
        ..Retention::default()
    };
    let worker = stage.work_with(
        play(|_, _| async { Ok(Value::Null) }),
        WorkerOptions {
            retention: all,
            ..self::options(1)
        },
    );
    eventually("the job is pruned with its log", || async {
        let logs: u64 = stage.redis(&["HLEN", "test:{test}:log"]).await;
        (logs == 0).then_some(())
    })
    .await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}
