//! L1, L2, N6: too much work, everything failing at once, and an emptied Redis.

use std::time::Duration;

use rouage::{Client, Job, JobError, Registry, RetryPolicy, State, startup::Severity};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::stage::running::in_the_long_run;
use crate::stage::{Stage, act, eventually, numbered, options, play};

/// A job that fails and whose retries are far away.
#[derive(Serialize, Deserialize)]
struct Doomed;

/// Upper bound of the first retry: a day, so that hardly any comes due while others still fail.
const FIRST_RETRY: Duration = Duration::from_hours(24);

impl Job for Doomed {
    type Output = Value;
    const KIND: &'static str = "test.doomed";
    const QUEUE: &'static str = "test";
    const RETRY: RetryPolicy = RetryPolicy::attempts(3).delays(FIRST_RETRY, FIRST_RETRY);
}

async fn failures_come_back_spread(failures: u64) {
    let stage = Stage::new().await;
    let jobs: Vec<Doomed> = (0..failures).map(|_| Doomed).collect();
    stage.client.enqueue_many(&jobs).await.unwrap();
    let failing = |_: Doomed, _| async { Err::<Value, _>(JobError::retry("all of us")) };
    let worker = stage.work_with(Registry::new().function(failing), options(500));
    in_the_long_run("all failed", || async {
        (stage.count(State::Retrying).await == failures).then_some(())
    })
    .await;
    worker.drain().await;
    let scored: Vec<(String, f64)> = stage
        .redis(&["ZRANGE", "test:{test}:retrying", "0", "-1", "WITHSCORES"])
        .await;
    let due: Vec<u64> = scored.iter().map(|(_, score)| *score as u64 / 10).collect();
    let tenth = FIRST_RETRY.as_millis() as u64 / 10;
    let mut tenths = [0_u64; 10];
    for at in &due {
        tenths[usize::try_from((at - due[0]) / tenth).unwrap().min(9)] += 1;
    }
    // A tenth of them each on average; of 5,000 that is 500 with a standard deviation of 21.
    let fair = failures / 10;
    assert!(
        tenths
            .iter()
            .all(|jobs| (fair * 7 / 10..fair * 13 / 10).contains(jobs)),
        "retries a tenth of the interval: {tenths:?}"
    );
    stage.fsck_is_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l2_five_thousand_failures_at_once_come_back_spread_over_the_interval() {
    failures_come_back_spread(5_000).await;
}

/// The contract's own measure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: run by make faults"]
async fn l2_a_hundred_thousand_failures_at_once_come_back_spread_over_the_interval() {
    failures_come_back_spread(100_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l1_an_overload_of_one_and_a_half_does_not_collapse_and_drains() {
    let stage = Stage::new().await;
    let worker = stage.work_with(
        play(|_, cx| async move {
            cx.sleep(Duration::from_millis(50))
                .await
                .map(|()| Value::Null)
        }),
        options(10),
    );
    // For every 20 jobs that end, 30 arrive, however fast this machine is.
    let mut sent = 0;
    for round in 0..30 {
        stage.client.enqueue_many(&numbered(0..30)).await.unwrap();
        sent += 30;
        eventually("jobs go on ending", || async {
            (stage.completed().await >= round * 20).then_some(())
        })
        .await;
    }
    eventually("the queue is empty", || async {
        (stage.completed().await == sent).then_some(())
    })
    .await;
    assert_eq!(
        stage
            .client
            .queue_view("test")
            .await
            .unwrap()
            .lease_lost_total,
        0
    );
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn n6_flushall_under_load_leaves_a_worker_that_runs_new_jobs() {
    let stage = Stage::new().await;
    let worker = stage.work_with(
        play(|_, cx| async move {
            cx.sleep(Duration::from_millis(30))
                .await
                .map(|()| Value::Null)
        }),
        options(10),
    );
    stage.client.enqueue_many(&numbered(0..500)).await.unwrap();
    eventually("it is under way", || async {
        (stage.completed().await > 0).then_some(())
    })
    .await;
    let () = stage.redis(&["FLUSHALL"]).await;
    // A producer that starts now; one that ran before is the next test's matter.
    let producer = Client::connect(&stage.redis.url(), stage.client.keyspace().clone())
        .await
        .unwrap();
    let ids = producer.enqueue_many(&numbered(0..20)).await.unwrap();
    for job in &ids {
        let job = stage.reaches(&job.id, State::Completed).await;
        assert_eq!((job.attempt, job.lost), (1, 0));
    }
    worker.drain().await;
    assert_eq!(
        stage.completed().await,
        20,
        "what was flushed does not come back"
    );
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn n6_flushall_does_not_hide_a_queue_from_operators() {
    let stage = Stage::new().await;
    stage.client.enqueue(&act("before")).await.unwrap();
    let () = stage.redis(&["FLUSHALL"]).await;
    let id = stage.client.enqueue(&act("after")).await.unwrap();
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    stage.reaches(&id, State::Completed).await;
    eventually("a worker announces its queue again", || async {
        (stage.client.queue_names().await.unwrap() == ["test"]).then_some(())
    })
    .await;
    worker.drain().await;
}

#[tokio::test]
async fn n6_an_eviction_policy_that_was_changed_is_found() {
    let stage = Stage::new().await;
    let eviction = || async {
        let findings = stage.client.check_redis().await.unwrap();
        let found = findings
            .into_iter()
            .find(|finding| finding.name == "eviction");
        found.unwrap()
    };
    assert_eq!(eviction().await.severity, Severity::Ok);
    let () = stage
        .redis(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"])
        .await;
    let found = eviction().await;
    assert_eq!(found.severity, Severity::Error);
    assert!(found.message.contains("allkeys-lru") && found.hint.contains("noeviction"));
}
