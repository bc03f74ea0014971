//! `testing::drain`: whole queues, until nothing is left in them.

use std::time::Duration;

use rouage::testing::{DrainError, Drained, drain};
use rouage::{JobError, State};
use serde_json::Value;

use crate::stage::{Act, Stage, act, play};

#[tokio::test]
async fn a_drain_runs_children_retries_and_what_is_due_next_year() {
    let stage = Stage::new().await;
    let year = Duration::from_secs(365 * 86_400);
    stage
        .client
        .enqueue(&act("parent"))
        .delay(year)
        .await
        .unwrap();
    stage.client.enqueue(&act("bad")).await.unwrap();
    stage.client.enqueue(&act("hurt")).await.unwrap();
    let registry = play(|job: Act, cx| async move {
        match job.part.as_str() {
            "parent" => {
                cx.enqueue(&act("child")).await?;
            }
            "bad" => return Err(JobError::discard("no")),
            "hurt" if cx.attempt() == 1 => {
                let wish = Duration::from_secs(3600);
                return Err(JobError::retry_after(anyhow::anyhow!("429"), wish));
            }
            _ => {}
        }
        Ok(Value::Null)
    });
    let drained = drain(&stage.client, registry.clone()).await.unwrap();
    assert_eq!(
        drained,
        Drained {
            completed: 3,
            discarded: 1,
            ..Drained::default()
        }
    );
    let again = drain(&stage.client, registry).await.unwrap();
    assert_eq!(again, Drained::default());
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_drain_that_never_ends_says_which_job_is_left_and_why() {
    let stage = Stage::new().await;
    let id = stage.client.enqueue(&act("hangs")).await.unwrap();
    let registry = play(|_, cx| async move {
        cx.sleep(Duration::from_secs(3600)).await?;
        Ok(Value::Null)
    });
    let error = drain(&stage.client, registry)
        .within(Duration::from_millis(300))
        .await
        .unwrap_err();
    let DrainError::TimeOver { left: 1, first, .. } = &error else {
        panic!("{error}")
    };
    assert!(
        first.starts_with(&format!("test.act {id} of queue test ")),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("hint: a job that enqueues itself"),
        "{error}"
    );
    // Handed back, not lost.
    assert_eq!(stage.job(&id).await.state, State::Available);
}

#[tokio::test]
async fn held_jobs_are_counted_and_left_alone() {
    let stage = Stage::new().await;
    let payload = serde_json::value::to_raw_value(&serde_json::json!({ "part": 7 })).unwrap();
    let job = rouage::NewJob::from_parts("test", "test.act", payload, rouage::Priority::NORMAL);
    stage.client.enqueue_all(vec![job.unwrap()]).await.unwrap();
    let registry = play(|_, _| async { Ok(Value::Null) });
    let drained = drain(&stage.client, registry).await.unwrap();
    assert_eq!((drained.held, drained.completed), (1, 0));
}
