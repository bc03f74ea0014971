//! Why a job waits: the facts are found, and the sentence follows them as they change.

use std::sync::Arc;
use std::time::Duration;

use rouage::inspect::{Cause, Waiting};
use rouage::{ClientError, Group, JobError, JobId, State, Unique};
use serde_json::Value;
use tokio::sync::Notify;

use crate::stage::{Stage, act, eventually, options, play};

async fn why(stage: &Stage, id: &JobId) -> Waiting {
    stage.client.why("test", id).await.unwrap()
}

/// Waits until the job waits for that.
async fn becomes(stage: &Stage, id: &JobId, cause: Cause) -> Waiting {
    eventually(&format!("the job waits for {cause:?}"), || async {
        let waiting = why(stage, id).await;
        (waiting.code == cause).then_some(waiting)
    })
    .await
}

#[tokio::test]
async fn a_job_nobody_runs_says_what_is_in_its_way_one_after_the_other() {
    let stage = Stage::new().await;
    let first = stage.client.enqueue(&act("first")).await.unwrap();
    let id = stage.client.enqueue(&act("second")).await.unwrap();
    assert_eq!(
        why(&stage, &id).await.sentence,
        "waits: no worker serves queue test"
    );
    stage
        .client
        .pause("test", "anne", "provider is down")
        .await
        .unwrap();
    let paused = why(&stage, &id).await;
    assert_eq!(paused.code, Cause::QueuePaused);
    assert!(
        paused
            .sentence
            .starts_with("waits: anne paused queue test ")
            && paused.sentence.ends_with(" ago (provider is down)"),
        "{paused}"
    );
    let worker = stage.work_with(play(|_, _| async { Ok(Value::Null) }), options(1));
    stage.client.resume("test").await.unwrap();
    becomes(&stage, &first, Cause::Completed).await;
    let done = becomes(&stage, &id, Cause::Completed).await;
    assert!(done.sentence.starts_with("completed "), "{done}");
    worker.drain().await;
}

#[tokio::test]
async fn a_job_behind_a_busy_slot_says_how_many_are_before_it() {
    let stage = Stage::new().await;
    let go = Arc::new(Notify::new());
    let gate = Arc::clone(&go);
    let worker = stage.work_with(
        play(move |job, _| {
            let gate = Arc::clone(&gate);
            async move {
                if job.part == "holds" {
                    gate.notified().await;
                }
                Ok(Value::Null)
            }
        }),
        options(1),
    );
    let holder = stage.client.enqueue(&act("holds")).await.unwrap();
    let running = becomes(&stage, &holder, Cause::Running).await;
    assert!(running.sentence.starts_with("runs on "), "{running}");
    let mut last = None;
    for _ in 0..3 {
        last = Some(stage.client.enqueue(&act("waits")).await.unwrap());
    }
    let last = last.unwrap();
    let waiting = becomes(&stage, &last, Cause::SlotsBusy).await;
    assert_eq!(
        waiting.sentence,
        "waits: 1 job runs on the 1 slot of queue test, 2 jobs are ahead of it"
    );
    go.notify_one();
    becomes(&stage, &last, Cause::Completed).await;
    worker.drain().await;
}

#[tokio::test]
async fn a_failed_job_says_what_failed_and_which_attempt_follows() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, _| async {
        Err(JobError::retry_after(
            anyhow::anyhow!("mailbox of anne@example.com is locked"),
            Duration::from_secs(600),
        ))
    }));
    let id = stage
        .client
        .enqueue(&act("fails"))
        .max_attempts(4)
        .await
        .unwrap();
    let waiting = becomes(&stage, &id, Cause::Retrying).await;
    worker.drain().await;
    assert!(
        waiting.sentence.starts_with("attempt 2 of 4 runs in ")
            && waiting.sentence.contains("; attempt 1 failed ")
            && waiting
                .sentence
                .contains(" ago (error: mailbox of [address] is locked)"),
        "{waiting}"
    );
    assert_eq!(waiting.until, Some(stage.job(&id).await.since));
}

#[tokio::test]
async fn a_job_that_is_asked_to_stop_says_so_until_it_does() {
    let stage = Stage::new().await;
    let go = Arc::new(Notify::new());
    let gate = Arc::clone(&go);
    let worker = stage.work(play(move |_, _| {
        let gate = Arc::clone(&gate);
        async move {
            gate.notified().await;
            Err(JobError::Cancelled)
        }
    }));
    let id = stage.client.enqueue(&act("stubborn")).await.unwrap();
    becomes(&stage, &id, Cause::Running).await;
    stage.client.cancel("test", &id).await.unwrap();
    let stopping = becomes(&stage, &id, Cause::Stopping).await;
    assert!(
        stopping.sentence.starts_with("was asked to stop"),
        "{stopping}"
    );
    go.notify_one();
    becomes(&stage, &id, Cause::Cancelled).await;
    worker.drain().await;
}

#[tokio::test]
async fn a_job_that_is_over_says_who_has_its_key_now() {
    let stage = Stage::new().await;
    let key = || Unique::while_live("mailbox:7");
    let first = stage.client.enqueue(&act("a")).unique(key()).await.unwrap();
    stage.client.cancel("test", &first).await.unwrap();
    assert!(!why(&stage, &first).await.sentence.contains("unique key"));
    let second = stage.client.enqueue(&act("b")).unique(key()).await.unwrap();
    let waiting = why(&stage, &first).await;
    assert!(
        waiting
            .sentence
            .contains(&format!("job {second} has its unique key now")),
        "{waiting}"
    );
    assert!(!why(&stage, &second).await.sentence.contains("unique key"));
    assert_eq!(stage.job(&second).await.state, State::Available);
}

#[tokio::test]
async fn a_member_of_a_full_group_names_who_runs_and_a_paused_kind_names_who_paused_it() {
    let stage = Stage::new().await;
    let go = Arc::new(Notify::new());
    let gate = Arc::clone(&go);
    let worker = stage.work(play(move |job, _| {
        let gate = Arc::clone(&gate);
        async move {
            if job.part == "holds" {
                gate.notified().await;
            }
            Ok(Value::Null)
        }
    }));
    let enqueue = async |part: &str| {
        let job = act(part);
        let group = Group::at_most(1, "mailbox:7");
        stage.client.enqueue(&job).group(group).await.unwrap()
    };
    let holder = enqueue("holds").await;
    becomes(&stage, &holder, Cause::Running).await;
    enqueue("waits").await;
    let last = enqueue("waits").await;
    let waiting = becomes(&stage, &last, Cause::GroupFull).await;
    assert_eq!(
        waiting.sentence,
        format!(
            "waits: group mailbox:7 has its 1 job running ({holder}), 1 job of the group is ahead of it"
        )
    );
    stage
        .client
        .pause_kind("test", "test.act", "anne", "bad release")
        .await
        .unwrap();
    let paused = becomes(&stage, &last, Cause::KindPaused).await;
    assert!(
        paused
            .sentence
            .starts_with("waits: anne paused kind test.act "),
        "{paused}"
    );
    stage.client.resume_kind("test", "test.act").await.unwrap();
    go.notify_one();
    becomes(&stage, &last, Cause::Completed).await;
    worker.drain().await;
}

#[tokio::test]
async fn an_unknown_job_has_no_reason() {
    let stage = Stage::new().await;
    let error = stage
        .client
        .why("test", &"nobody".parse().unwrap())
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::UnknownJob { .. }), "{error}");
}
