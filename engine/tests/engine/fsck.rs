//! The checker finds what is broken, and only that, and repairs what needs no guess.

use std::time::Duration;

use rouage::{Group, JobError, JobId, NewJob, State, Unique};
use serde_json::Value;

use crate::stage::{Stage, act, eventually, numbered, options, play};

/// A key of the queue.
fn key(part: &str) -> String {
    format!("test:{{test}}:{part}")
}

/// One command on a key of the queue.
async fn at(stage: &Stage, name: &str, part: &str, words: &[&str]) {
    let key = key(part);
    let command: Vec<&str> = [name, &key]
        .into_iter()
        .chain(words.iter().copied())
        .collect();
    let _: redis::Value = stage.redis(&command).await;
}

/// What a check says, sorted: the invariant and the message.
async fn violations(stage: &Stage) -> Vec<String> {
    let report = stage.client.fsck().await.unwrap();
    let mut found: Vec<String> = report
        .violations
        .iter()
        .map(|violation| format!("{} {}", violation.invariant, violation.message))
        .collect();
    found.sort();
    found
}

/// Repairs; what was done first must be what is expected, and nothing may be left.
async fn is_repaired(stage: &Stage, expected: &str) {
    let mut done = Vec::new();
    let left = stage
        .client
        .repair(|repair| done.push(repair.done.clone()))
        .await
        .unwrap();
    assert!(left.is_clean(), "{:#?}", left.violations);
    assert_eq!(done.first().map(String::as_str), Some(expected), "{done:?}");
}

async fn one(stage: &Stage, part: &str) -> JobId {
    stage.client.enqueue(&act(part)).await.unwrap()
}

/// A job of a group that may run once at a time.
async fn grouped(stage: &Stage) -> JobId {
    let mut job = NewJob::from_job(&act("member")).unwrap();
    job.envelope.group = Some(Group::at_most(1, "narrow"));
    stage
        .client
        .enqueue_all(vec![job])
        .await
        .unwrap()
        .remove(0)
        .id
}

#[tokio::test]
async fn a_job_in_no_index_is_found_and_held() {
    let stage = Stage::new().await;
    stage.client.enqueue_many(&numbered(0..20)).await.unwrap();
    let id = one(&stage, "nowhere").await;
    stage.fsck_is_clean().await;
    at(&stage, "ZREM", "ready", &[id.as_str()]).await;
    let expected = format!("I1 job {id} is in no index");
    assert_eq!(violations(&stage).await, [expected]);
    is_repaired(&stage, "held").await;
    let job = stage.job(&id).await;
    assert_eq!((job.state, job.reason.as_str()), (State::Held, "fsck"));
}

#[tokio::test]
async fn a_job_that_waits_twice_is_found_and_held() {
    let stage = Stage::new().await;
    let id = one(&stage, "twice").await;
    at(&stage, "ZADD", "retrying", &["1", id.as_str()]).await;
    let expected = format!("I1 job {id} is in several indexes: available, retrying");
    assert_eq!(violations(&stage).await, [expected]);
    is_repaired(&stage, "held").await;
    assert_eq!(stage.job(&id).await.state, State::Held);
    assert_eq!(stage.count(State::Available).await, 0);
}

#[tokio::test]
async fn a_running_job_that_also_waits_goes_on_and_waits_no_more() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, cx| async move {
        cx.sleep(Duration::from_secs(1)).await.map(|()| Value::Null)
    }));
    let id = one(&stage, "running").await;
    stage.reaches(&id, State::Running).await;
    // Far behind the others, so that no claim takes it before it is found.
    let () = stage
        .client
        .pause("test", "me", "a test")
        .await
        .map(drop)
        .unwrap();
    at(&stage, "ZADD", "ready", &["9e15", id.as_str()]).await;
    let expected = format!("I1 job {id} is in several indexes: available, running");
    assert_eq!(violations(&stage).await, [expected]);
    is_repaired(&stage, "kept running").await;
    let job = stage.reaches(&id, State::Completed).await;
    assert_eq!((job.attempt, job.lost), (1, 0));
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn an_entry_without_a_job_is_found_and_removed() {
    let stage = Stage::new().await;
    one(&stage, "fine").await;
    for (part, member) in [
        ("retrying", "ghost"),
        ("completed", "ghost"),
        ("lease", "5:ghost"),
    ] {
        at(&stage, "ZADD", part, &["1", member]).await;
        let named = if part == "lease" { "running" } else { part };
        let expected = format!("I2 {named} holds \"ghost\", which does not belong there");
        assert_eq!(violations(&stage).await, [expected]);
        is_repaired(&stage, "removed").await;
    }
}

#[tokio::test]
async fn a_lease_under_an_old_fence_is_found_and_its_job_held() {
    let stage = Stage::new().await;
    let id = one(&stage, "old").await;
    at(&stage, "ZREM", "ready", &[id.as_str()]).await;
    at(&stage, "HSET", "run", &[id.as_str(), "1 0 9 0 1 0 w -"]).await;
    let lease = format!("8:{id}");
    at(&stage, "ZADD", "lease", &["9999999999999", &lease]).await;
    let found = violations(&stage).await;
    assert_eq!(found[0], format!("I1 job {id} is in no index"));
    let expected = format!("I3 lease \"{lease}\" has an old fence; the job's record says 9");
    assert_eq!(found[1], expected);
    is_repaired(&stage, "held").await;
    let job = stage.job(&id).await;
    assert_eq!(
        (job.state, job.attempt),
        (State::Held, 1),
        "its record stays"
    );
}

#[tokio::test]
async fn unique_keys_of_the_dead_are_found_and_freed() {
    let stage = Stage::new().await;
    one(&stage, "fine").await;
    at(&stage, "HSET", "unique", &["mailbox:7", "gone"]).await;
    let expected = "I4 unique key \"mailbox:7\" belongs to gone, which does not have it";
    assert_eq!(violations(&stage).await, [expected]);
    is_repaired(&stage, "freed").await;
    let id = stage
        .client
        .enqueue(&act("dead"))
        .unique(Unique::while_live("mailbox:8"))
        .await
        .unwrap();
    stage.client.cancel("test", &id).await.unwrap();
    at(&stage, "HSET", "unique_key", &[id.as_str(), "mailbox:8"]).await;
    at(&stage, "HSET", "unique", &["mailbox:8", id.as_str()]).await;
    let expected = format!("I4 unique_key has an entry of \"{id}\", which is over or gone");
    assert_eq!(violations(&stage).await, [expected]);
    is_repaired(&stage, "removed").await;
    let next = stage
        .client
        .enqueue(&act("next"))
        .unique(Unique::while_live("mailbox:8"))
        .await
        .unwrap();
    assert_ne!(next, id, "the key is free");
}

#[tokio::test]
async fn a_unique_key_that_lost_its_owner_is_given_back() {
    let stage = Stage::new().await;
    let id = stage
        .client
        .enqueue(&act("first"))
        .unique(Unique::while_live("mailbox:9"))
        .await
        .unwrap();
    at(&stage, "HDEL", "unique", &["mailbox:9"]).await;
    assert_eq!(violations(&stage).await.len(), 1);
    is_repaired(&stage, "given back").await;
    let again = stage
        .client
        .enqueue(&act("second"))
        .unique(Unique::while_live("mailbox:9"))
        .await
        .unwrap();
    assert_eq!(again, id);
}

#[tokio::test]
async fn counters_of_groups_are_checked_and_counted_anew() {
    let stage = Stage::new().await;
    let id = grouped(&stage).await;
    stage.fsck_is_clean().await;
    // As if it ran: nothing of the group could start any more.
    at(&stage, "HSET", "group_running", &["narrow", "1"]).await;
    at(&stage, "ZREM", "turns", &["narrow"]).await;
    let expected = "I5 group \"narrow\" counts 1 running jobs and has 0";
    assert_eq!(violations(&stage).await, [expected]);
    is_repaired(&stage, "counted anew").await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    stage.reaches(&id, State::Completed).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn lines_that_are_miscounted_or_without_a_turn_are_found_and_line_up_anew() {
    let stage = Stage::new().await;
    let id = grouped(&stage).await;
    at(&stage, "ZADD", "groups", &["5", "narrow"]).await;
    let found = violations(&stage).await;
    assert_eq!(found.len(), 2, "the line and the sum: {found:?}");
    is_repaired(&stage, "counted anew").await;
    at(&stage, "DEL", "groups", &[]).await;
    assert!(
        violations(&stage)
            .await
            .contains(&"I5 the line of group \"narrow\" is miscounted".to_owned())
    );
    is_repaired(&stage, "counted anew").await;
    at(&stage, "DEL", "turns", &[]).await;
    let expected = "I5 group \"narrow\" has a turn and may not start, or the reverse";
    assert_eq!(violations(&stage).await, [expected]);
    is_repaired(&stage, "lined up anew").await;
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    stage.reaches(&id, State::Completed).await;
    worker.drain().await;
}

#[tokio::test]
async fn what_belonged_to_jobs_that_are_gone_is_found_and_removed() {
    let stage = Stage::new().await;
    one(&stage, "fine").await;
    for part in [
        "run",
        "result",
        "error",
        "progress",
        "checkpoint",
        "group_of",
        "follow",
    ] {
        at(&stage, "HSET", part, &["ghost", "x"]).await;
        let expected = format!("I7 {part} has an entry of \"ghost\", which is over or gone");
        assert_eq!(violations(&stage).await, [expected]);
        is_repaired(&stage, "removed").await;
    }
    at(&stage, "SADD", "cancelling", &["ghost"]).await;
    assert_eq!(violations(&stage).await.len(), 1);
    is_repaired(&stage, "removed").await;
}

#[tokio::test]
async fn the_number_of_jobs_ever_stored_is_checked_and_counted_anew() {
    let stage = Stage::new().await;
    one(&stage, "fine").await;
    at(&stage, "HINCRBY", "count", &["enqueued", "3"]).await;
    let expected = "I8 4 jobs were stored, but 1 are here or were pruned";
    assert_eq!(violations(&stage).await, [expected]);
    is_repaired(&stage, "counted anew").await;
}

#[tokio::test]
async fn keys_that_nobody_knows_are_reported_and_left_alone() {
    let stage = Stage::new().await;
    one(&stage, "fine").await;
    at(&stage, "SET", "surprise", &["1"]).await;
    let () = stage.redis(&["SET", "test:worker:immortal", "{}"]).await;
    let found = violations(&stage).await;
    let expected = [
        "I7 key test:worker:immortal never expires and should",
        "I7 key test:{test}:surprise belongs to nothing",
    ];
    assert_eq!(found, expected);
    let left = stage
        .client
        .repair(|repair| panic!("{repair:?}"))
        .await
        .unwrap();
    assert_eq!(left.violations.len(), 2);
    at(&stage, "DEL", "surprise", &[]).await;
    let () = stage.redis(&["DEL", "test:worker:immortal"]).await;
    at(&stage, "DEL", "retrying", &[]).await;
    at(&stage, "SET", "retrying", &["1"]).await;
    let expected = "I7 key test:{test}:retrying is a string and should be a zset";
    assert_eq!(violations(&stage).await, [expected]);
}

#[tokio::test]
async fn it_is_clean_beside_a_worker_that_moves_everything() {
    let stage = Stage::new().await;
    let worker = stage.work_with(
        play(|_, cx| async move {
            if cx.attempt() == 1 {
                Err(JobError::retry("once more"))
            } else {
                Ok(Value::Null)
            }
        }),
        options(20),
    );
    for _ in 0..20 {
        grouped(&stage).await;
    }
    stage.client.enqueue_many(&numbered(0..800)).await.unwrap();
    for _ in 0..5 {
        stage.fsck_is_clean().await;
    }
    eventually("all ran", || async {
        (stage.completed().await == 820).then_some(())
    })
    .await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}
