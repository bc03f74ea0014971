//! Kills, cancellations, company: what is left, and what a retry makes of it.

use std::time::Duration;

use devkit::crm;
use rouage::{JobError, JobId, StopReason};
use sqlx::Connection;

use crate::world::{World, again, attempt, context, parse, people};

/// Enough rows to be met in the middle.
const MANY: i32 = 60_000;

async fn assert_one_whole_export(world: &World, job: &JobId) {
    assert_eq!(world.files(), [format!("{job}.csv")]);
    assert_eq!(world.count("SELECT count(*) FROM worker.exports").await, 1);
    assert_eq!(world.announcements().await, (1, 1));
    assert_eq!(world.record(job, "status").await.as_deref(), Some("ready"));
    let bytes = world.bytes(job);
    assert_eq!(
        world.record(job, "byte_count").await,
        Some(bytes.len().to_string())
    );
    let rows = parse(&bytes).len() - 1;
    assert_eq!(world.record(job, "row_count").await, Some(rows.to_string()));
    let hash: String = sqlx::query_scalar("SELECT encode(sha256($1), 'hex')")
        .bind(bytes)
        .fetch_one(world.pool())
        .await
        .unwrap();
    assert_eq!(world.record(job, "sha256").await, Some(hash));
}

#[tokio::test]
async fn a_kill_between_the_rename_and_the_record_leaves_one_of_everything_after_a_retry() {
    let world = World::small().await;
    let cx = context(1);
    // The lock holds the attempt after its rename, before its commit.
    let mut blocker = world.pool().acquire().await.unwrap();
    let mut lock = blocker.begin().await.unwrap();
    sqlx::query("LOCK TABLE notifications IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let killed = tokio::spawn(attempt(
        world.services.clone(),
        cx.clone(),
        people(crm::ADMIN_ID),
    ));
    until_renamed(&world, cx.id()).await;
    killed.abort();
    assert!(killed.await.unwrap_err().is_cancelled());
    lock.rollback().await.unwrap();
    drop(blocker);
    assert_eq!(
        world.record(cx.id(), "status").await.as_deref(),
        Some("running")
    );
    assert_eq!(world.announcements().await, (0, 0));

    world
        .attempt(&again(cx.id(), 2), people(crm::ADMIN_ID))
        .await
        .unwrap();
    assert_one_whole_export(&world, cx.id()).await;
}

async fn until_renamed(world: &World, job: &JobId) {
    crate::world::until("the file is renamed", async || world.path(job).exists()).await;
}

#[tokio::test]
async fn a_kill_while_rows_are_written_leaves_one_of_everything_after_a_retry() {
    let world = World::small().await;
    world.add_people(MANY).await;
    let cx = context(1);
    let killed = tokio::spawn(attempt(
        world.services.clone(),
        cx.clone(),
        people(crm::ADMIN_ID),
    ));
    until_some_rows(&cx).await;
    killed.abort();
    assert!(killed.await.unwrap_err().is_cancelled());
    // A real kill leaves the part file behind; an abort does not.
    let part = world
        .services
        .exports
        .dir
        .join(format!(".{}.aBcDeF.part", cx.id()));
    std::fs::write(part, "id,first_").unwrap();

    world
        .attempt(&again(cx.id(), 2), people(crm::ADMIN_ID))
        .await
        .unwrap();
    assert_one_whole_export(&world, cx.id()).await;
}

async fn until_some_rows(cx: &rouage::JobContext) {
    crate::world::until("rows are written", async || {
        cx.take_progress().is_some_and(|now| now.done > 0)
    })
    .await;
}

#[tokio::test]
async fn a_failed_record_leaves_one_of_everything_after_a_retry() {
    let world = World::small().await;
    world.execute("ALTER TABLE notifications ADD CONSTRAINT broken CHECK (type <> 'EXPORT_READY') NOT VALID").await;
    let cx = context(1);
    let error = world.attempt(&cx, people(crm::ADMIN_ID)).await.unwrap_err();
    assert!(matches!(error, JobError::Retry { .. }), "{error}");
    assert_eq!(world.announcements().await, (0, 0));
    world
        .execute("ALTER TABLE notifications DROP CONSTRAINT broken")
        .await;
    world
        .attempt(&again(cx.id(), 2), people(crm::ADMIN_ID))
        .await
        .unwrap();
    assert_one_whole_export(&world, cx.id()).await;
}

#[tokio::test]
async fn a_last_attempt_that_fails_leaves_no_file() {
    let world = World::small().await;
    world.execute("ALTER TABLE notifications ADD CONSTRAINT broken CHECK (type <> 'EXPORT_READY') NOT VALID").await;
    let cx = context(3);
    world.attempt(&cx, people(crm::ADMIN_ID)).await.unwrap_err();
    assert_eq!(
        world.record(cx.id(), "status").await.as_deref(),
        Some("failed")
    );
    assert_eq!(world.files(), Vec::<String>::new());
}

#[tokio::test]
async fn a_finished_job_that_runs_again_answers_the_same_without_doing_it_again() {
    let world = World::small().await;
    let cx = context(1);
    let first = world.attempt(&cx, people(crm::ADMIN_ID)).await.unwrap();
    world.add_people(1).await;
    let second = world
        .attempt(&again(cx.id(), 2), people(crm::ADMIN_ID))
        .await
        .unwrap();
    assert_eq!(first, second);
    assert_one_whole_export(&world, cx.id()).await;
}

#[tokio::test]
async fn a_file_that_was_lost_is_made_again_without_a_second_notification() {
    let world = World::small().await;
    let cx = context(1);
    let first = world.attempt(&cx, people(crm::ADMIN_ID)).await.unwrap();
    std::fs::remove_file(world.path(cx.id())).unwrap();
    let second = world
        .attempt(&again(cx.id(), 2), people(crm::ADMIN_ID))
        .await
        .unwrap();
    assert_eq!(first, second);
    assert_one_whole_export(&world, cx.id()).await;
}

#[tokio::test]
async fn a_cancellation_in_the_middle_leaves_no_file() {
    let world = World::small().await;
    world.add_people(MANY).await;
    let cx = context(1);
    let running = tokio::spawn(attempt(
        world.services.clone(),
        cx.clone(),
        people(crm::ADMIN_ID),
    ));
    until_some_rows(&cx).await;
    cx.stop(StopReason::Requested);
    assert!(matches!(running.await.unwrap(), Err(JobError::Cancelled)));
    assert_eq!(world.files(), Vec::<String>::new());
    assert_eq!(
        world.record(cx.id(), "status").await.as_deref(),
        Some("failed")
    );
    assert_eq!(
        world.record(cx.id(), "error").await.as_deref(),
        Some("cancelled on request")
    );
    assert_eq!(world.announcements().await, (0, 0));
}

#[tokio::test]
async fn a_cancellation_is_heard_while_the_database_is_still_thinking() {
    let world = World::small().await;
    let mut blocker = world.pool().acquire().await.unwrap();
    let mut lock = blocker.begin().await.unwrap();
    sqlx::query("LOCK TABLE people IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let cx = context(1);
    let running = tokio::spawn(attempt(
        world.services.clone(),
        cx.clone(),
        people(crm::ADMIN_ID),
    ));
    until_blocked(&world).await;
    cx.stop(StopReason::Shutdown);
    let result = tokio::time::timeout(Duration::from_secs(5), running)
        .await
        .expect("in time")
        .unwrap();
    assert!(matches!(result, Err(JobError::Cancelled)));
    assert_eq!(
        world.record(cx.id(), "status").await.as_deref(),
        Some("running"),
        "another worker takes it up"
    );
}

async fn until_blocked(world: &World) {
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = \
                   (SELECT oid FROM pg_database WHERE datname = current_database())";
    crate::world::until("a query waits for a lock", async || {
        world.count(waiting).await > 0
    })
    .await;
}

#[tokio::test]
async fn rows_that_arrive_after_the_snapshot_do_not_appear() {
    let world = World::small().await;
    let before = world.count("SELECT count(*) FROM people").await;
    let mut blocker = world.pool().acquire().await.unwrap();
    let mut lock = blocker.begin().await.unwrap();
    sqlx::query("LOCK TABLE people IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let cx = context(1);
    let running = tokio::spawn(attempt(
        world.services.clone(),
        cx.clone(),
        people(crm::ADMIN_ID),
    ));
    // The user was read, so the snapshot is taken; the count waits.
    until_blocked(&world).await;
    sqlx::query(
        "INSERT INTO people (nom, email_unsubscribed, is_anonymized) VALUES ('Late', false, false)",
    )
    .execute(&mut *lock)
    .await
    .unwrap();
    lock.commit().await.unwrap();
    let file = running.await.unwrap().unwrap();
    assert_eq!(file.rows, before as u64);
    assert!(
        !String::from_utf8(world.bytes(cx.id()))
            .unwrap()
            .contains("Late")
    );
}

#[tokio::test]
async fn progress_never_goes_back_and_ends_at_the_total() {
    let world = World::small().await;
    world.add_people(MANY).await;
    let cx = context(1);
    let running = tokio::spawn(attempt(
        world.services.clone(),
        cx.clone(),
        people(crm::ADMIN_ID),
    ));
    let mut seen = Vec::new();
    while !running.is_finished() {
        seen.extend(cx.take_progress());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    seen.extend(cx.take_progress());
    let total = running.await.unwrap().unwrap().rows;
    assert!(
        seen.len() > 5 && seen.is_sorted_by_key(|progress| progress.done),
        "{seen:?}"
    );
    assert!(seen.iter().all(|progress| progress.total == Some(total)));
    assert_eq!(seen.last().unwrap().done, total);
}

#[tokio::test]
async fn two_exports_at_once_do_not_disturb_each_other() {
    let world = World::small().await;
    world.add_people(5_000).await;
    let (one, two) = (context(1), context(1));
    let (first, second) = tokio::join!(
        world.attempt(&one, people(crm::ADMIN_ID)),
        world.attempt(&two, people(crm::MANAGER_PARIS_ID))
    );
    assert_eq!(first.unwrap().rows, 5_200);
    assert!(second.unwrap().rows < 200);
    assert_eq!(world.files().len(), 2);
    assert_eq!(world.announcements().await, (2, 2));
    let alone = context(1);
    world.attempt(&alone, people(crm::ADMIN_ID)).await.unwrap();
    assert!(
        world.bytes(alone.id()) == world.bytes(one.id()),
        "the same rows alone and in company"
    );
}

#[tokio::test]
async fn two_attempts_of_one_job_at_once_make_one_of_everything() {
    let world = World::small().await;
    world.add_people(5_000).await;
    let cx = context(1);
    let taken_over = again(cx.id(), 2);
    let (first, second) = tokio::join!(
        world.attempt(&cx, people(crm::ADMIN_ID)),
        world.attempt(&taken_over, people(crm::ADMIN_ID))
    );
    // An attempt whose part file the other one swept away is tried again.
    let done: Vec<_> = [first, second].into_iter().filter_map(Result::ok).collect();
    assert!(!done.is_empty() && done.iter().all(|file| file == &done[0]));
    assert_one_whole_export(&world, cx.id()).await;
}

#[tokio::test]
async fn an_attempt_that_was_overtaken_answers_with_the_other_one_s_file() {
    let world = World::small().await;
    let cx = context(1);
    let mut blocker = world.pool().acquire().await.unwrap();
    let mut lock = blocker.begin().await.unwrap();
    sqlx::query("LOCK TABLE people IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let running = tokio::spawn(attempt(
        world.services.clone(),
        cx.clone(),
        people(crm::ADMIN_ID),
    ));
    until_blocked(&world).await;
    // What the other attempt does meanwhile.
    std::fs::write(world.path(cx.id()), "theirs").unwrap();
    world
        .execute(
            "UPDATE worker.exports SET status = 'ready', row_count = 1, byte_count = 6, sha256 = repeat('0', 64), \
             file_path = '-', finished_at = now(), expires_at = now()",
        )
        .await;
    lock.rollback().await.unwrap();
    let file = running.await.unwrap().unwrap();
    assert_eq!((file.rows, file.bytes, file.sha256), (1, 6, "0".repeat(64)));
    assert_eq!(world.bytes(cx.id()), b"theirs");
    assert_eq!(world.files(), [format!("{}.csv", cx.id())]);
    assert_eq!(world.announcements().await, (0, 0));
}
