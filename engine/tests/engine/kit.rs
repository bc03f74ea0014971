//! The kit for people who write jobs: one attempt without Redis.

use std::sync::Arc;
use std::time::Duration;

use rouage::effects::MemoryLedger;
use rouage::testing::{Outcome, Performed, Recorder, function, perform};
use rouage::{
    ClientError, Handler, Job, JobContext, JobError, JobId, Producer, RunAt, StopReason, Timeout,
    Unique, assert_enqueued, assert_not_enqueued,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::stage::{Act, act};

/// Performs an attempt of a handler that is a closure over the context.
async fn playing<F, Fut>(play: F) -> Performed<Value>
where
    F: Fn(JobContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Value, JobError>> + Send + 'static,
{
    perform(&handler(play), act("any")).await
}

fn handler<F, Fut>(play: F) -> impl Handler<Job = Act>
where
    F: Fn(JobContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Value, JobError>> + Send + 'static,
{
    function(move |_: Act, cx| play(cx))
}

#[tokio::test]
async fn a_success_has_its_output_progress_and_checkpoint() {
    let done = playing(|cx| async move {
        cx.progress(1, Some(2), "halves");
        cx.progress(2, Some(2), "halves");
        cx.set_checkpoint(&json!({ "at": 2 }))?;
        Ok(json!("answer"))
    })
    .await;
    assert_eq!(done.outcome, Outcome::Completed);
    assert_eq!(done.output, Some(json!("answer")));
    assert_eq!(done.progress.map(|progress| progress.done), Some(2));
    assert_eq!(done.checkpoint, Some(json!({ "at": 2 })));
}

#[tokio::test]
async fn failures_become_what_a_worker_would_make_of_them() {
    let later = playing(|_| async move {
        Err(JobError::retry_after(
            anyhow::anyhow!("429 for anne@example.com"),
            Duration::from_secs(90),
        ))
    });
    assert_eq!(
        later.await.outcome,
        Outcome::Retrying {
            not_before: Duration::from_secs(90),
            kind: "error",
            error: "429 for [address]".to_owned()
        }
    );
    let never = playing(|_| async move { Err(JobError::discard("no such user")) }).await;
    assert!(matches!(
        never.outcome,
        Outcome::Discarded { kind: "error", .. }
    ));
    assert_eq!(never.output, None);
    let panicked = playing(|_| async move { panic!("index 3 of 2") }).await;
    let Outcome::Retrying { kind, error, .. } = panicked.outcome else {
        panic!("{:?}", panicked.outcome)
    };
    assert_eq!((kind, error.as_str()), ("panic", "index 3 of 2"));
    let snoozed = playing(|_| async move { Err(JobError::snooze(Duration::from_secs(5))) }).await;
    assert_eq!(
        snoozed.outcome,
        Outcome::Snoozed {
            delay: Duration::from_secs(5),
            reason: String::new()
        }
    );
}

#[tokio::test]
async fn the_last_attempt_fails_for_good() {
    let handler = handler(|cx| async move {
        Err(JobError::retry(format!(
            "{} of {}",
            cx.attempt(),
            cx.max_attempts()
        )))
    });
    let before = perform(&handler, act("any"))
        .attempt(4)
        .max_attempts(5)
        .await;
    assert!(matches!(before.outcome, Outcome::Retrying { .. }));
    let last = perform(&handler, act("any"))
        .attempt(5)
        .max_attempts(5)
        .await;
    assert_eq!(
        last.outcome,
        Outcome::Discarded {
            kind: "error",
            error: "5 of 5".to_owned()
        }
    );
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_makes_timeouts_and_stops_take_no_time() {
    let obeys = handler(|cx| async move {
        cx.sleep(Duration::from_secs(3600)).await?;
        Ok(Value::Null)
    });
    let timeout = Timeout::after(Duration::from_secs(60)).tidy(Duration::from_secs(10));
    let late = perform(&obeys, act("any")).timeout(timeout).await;
    assert!(matches!(
        late.outcome,
        Outcome::Retrying {
            kind: "timeout",
            ..
        }
    ));
    assert_eq!(late.elapsed, Duration::from_secs(60));

    let stopped = perform(&obeys, act("any"))
        .stopped_after(Duration::from_secs(7), StopReason::Requested)
        .await;
    assert_eq!(
        stopped.outcome,
        Outcome::Cancelled {
            reason: "requested"
        }
    );
    assert_eq!(stopped.elapsed, Duration::from_secs(7));

    let deaf = handler(|_| async move {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        Ok(Value::Null)
    });
    let dropped = perform(&deaf, act("any")).timeout(timeout).await;
    assert!(matches!(
        dropped.outcome,
        Outcome::Retrying {
            kind: "timeout",
            ..
        }
    ));
    assert_eq!(dropped.elapsed, Duration::from_secs(70));
}

#[tokio::test]
async fn a_second_attempt_starts_where_the_first_one_stopped() {
    let handler = handler(|cx| async move {
        let from: u64 = cx.checkpoint().unwrap_or(0);
        cx.set_checkpoint(&(from + 10))?;
        Err(JobError::retry("cut off"))
    });
    let first = perform(&handler, act("any")).await;
    let second = perform(&handler, act("any"))
        .attempt(2)
        .checkpoint(&first.checkpoint)
        .await;
    assert_eq!(second.checkpoint, Some(json!(20)));
    let silent = function(|_: Act, _| async { Err::<Value, _>(JobError::retry("cut off")) });
    let third = perform(&silent, act("any")).checkpoint(&20).await;
    assert_eq!(third.checkpoint, Some(json!(20)));
}

/// A payload that does not come back as it went.
#[derive(Debug, Serialize, Deserialize)]
struct Lopsided {
    #[serde(rename(serialize = "written", deserialize = "read"))]
    field: u8,
}

impl Job for Lopsided {
    type Output = ();
    const KIND: &'static str = "test.lopsided";
    const QUEUE: &'static str = "test";
}

#[tokio::test]
async fn a_payload_that_a_worker_could_not_read_is_held() {
    let handler = function(|_: Lopsided, _| async { Ok(()) });
    let done = perform(&handler, Lopsided { field: 1 }).await;
    let Outcome::Held { reason, error } = done.outcome else {
        panic!("{:?}", done.outcome)
    };
    assert_eq!(reason, "undecodable");
    assert!(error.contains("missing field `read`"), "{error}");
}

#[tokio::test]
async fn effects_of_attempts_that_share_a_ledger_happen_once() {
    let handler = handler(|cx| async move {
        let answer = cx
            .effect("mail:send:1")
            .run(async || Ok::<u32, JobError>(cx.attempt()))
            .await?;
        Ok(json!(answer))
    });
    let ledger = Arc::new(MemoryLedger::default());
    for attempt in [1, 2] {
        let done = perform(&handler, act("any"))
            .attempt(attempt)
            .effects(ledger.clone())
            .await;
        assert_eq!(done.output, Some(json!(1)), "attempt {attempt}");
    }
}

#[tokio::test]
async fn what_a_handler_logs_is_heard_without_addresses_and_without_debug_lines() {
    let done = playing(|_| async move {
        tracing::debug!("not kept");
        tracing::info!(rows = 5, to = "anne@example.com", "written\ntwice");
        tracing::warn!("slow");
        Ok(Value::Null)
    })
    .await;
    let lines: Vec<(&str, &str)> = done
        .logs
        .iter()
        .map(|line| (line.level.as_str(), line.text.as_str()))
        .collect();
    let expected = [
        ("info", "written twice rows=5 to=[address]"),
        ("warn", "slow"),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn what_a_handler_enqueues_is_recorded_with_its_wishes() {
    let parent = handler(|cx| async move {
        let first = Act {
            part: "child".to_owned(),
            number: 1,
        };
        cx.enqueue(&first)
            .delay(Duration::from_secs(9))
            .tag("team:3")
            .await?;
        cx.enqueue(&Act { number: 2, ..first }).await?;
        Ok(Value::Null)
    });
    let done = perform(&parent, act("any")).await;
    assert_eq!(done.enqueued.len(), 2);
    assert_enqueued!(done.enqueued, Act, part: "child", number: 2);
    assert_not_enqueued!(done.enqueued, Act, number: 3);
    let first = &done.enqueued[0];
    assert_eq!(first.run_at, RunAt::After(Duration::from_secs(9)));
    assert_eq!(
        (first.envelope.tags.as_slice(), first.envelope.dry_run),
        (&["team:3".to_owned()][..], false)
    );

    let rehearsed = perform(&parent, act("any")).dry_run().await;
    assert!(rehearsed.enqueued.iter().all(|job| job.envelope.dry_run));
}

#[tokio::test]
async fn a_recorder_answers_as_redis_would() {
    let recorder = Recorder::default();
    let producer: &dyn Producer = &recorder;
    let key = || Unique::while_live("mailbox:7");
    let first = producer.enqueue(&act("a")).unique(key()).await.unwrap();
    assert_eq!(
        producer.enqueue(&act("b")).unique(key()).await.unwrap(),
        first
    );
    let id: JobId = "once".parse().unwrap();
    for _ in 0..2 {
        assert_eq!(
            producer.enqueue(&act("c")).id(id.clone()).await.unwrap(),
            id
        );
    }
    let refused = producer.enqueue(&act("d")).tag("two\nlines").await;
    assert!(matches!(refused, Err(ClientError::InvalidLabel { .. })));
    assert_eq!(recorder.jobs().len(), 2);
}

#[tokio::test]
async fn a_context_made_by_hand_refuses_to_enqueue_with_a_hint() {
    let cx = JobContext::new(JobId::generate(), Act::KIND, Act::QUEUE, 1, 1);
    let error = cx.enqueue(&act("child")).await.unwrap_err();
    assert!(error.to_string().contains("testing::perform"), "{error}");
}

/// The message of a panic.
fn message(run: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(run).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[tokio::test]
async fn a_failed_assertion_shows_the_nearest_job_and_all_others() {
    let recorder = Recorder::default();
    let producer: &dyn Producer = &recorder;
    for number in [1, 2] {
        let job = Act {
            part: "child".to_owned(),
            number,
        };
        producer.enqueue(&job).await.unwrap();
    }
    let jobs = recorder.jobs();
    let said = message(|| assert_enqueued!(jobs, Act, part: "child", number: 3));
    assert_eq!(
        said,
        "not enqueued: test.act with part: \"child\", number: 3\n  \
         nearest: number is 1, not 3\n  \
         enqueued were 2:\n    \
         test.act {\"part\":\"child\",\"number\":1}\n    \
         test.act {\"part\":\"child\",\"number\":2}"
    );
    let said = message(|| assert_enqueued!(jobs, Lopsided, other: 1));
    assert!(
        said.starts_with("not enqueued: test.lopsided with other: 1\n  no job of this kind\n"),
        "{said}"
    );
    let said = message(|| assert_not_enqueued!(jobs, Act, number: 2));
    assert_eq!(
        said,
        "enqueued, and must not be: test.act with number: 2\n  found test.act {\"part\":\"child\",\"number\":2}"
    );
}
