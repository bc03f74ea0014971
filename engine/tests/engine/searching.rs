//! Finding jobs with a filter: what is found, what it costs, and that pages fit together.

use std::collections::BTreeSet;
use std::time::Duration;

use rouage::filter::Filter;
use rouage::inspect::{Cursor, JobView, MAX_LOOKED_AT, Page};
use rouage::{JobError, JobId, NewJob, RunAt, State};
use serde_json::Value;

use crate::stage::{self, Stage, act, numbered, play};

fn filter(text: &str) -> Filter {
    text.parse().unwrap()
}

impl Stage {
    async fn page(&self, text: &str, cursor: Option<&Cursor>, limit: usize) -> Page {
        let found = self.client.search(&filter(text), cursor, limit).await;
        found.unwrap()
    }

    async fn found(&self, text: &str) -> BTreeSet<JobId> {
        let page = self.page(text, None, 1000).await;
        assert!(page.complete && page.cursor.is_none());
        page.jobs.into_iter().map(|job| job.id).collect()
    }
}

fn ids<const N: usize>(ids: [&JobId; N]) -> BTreeSet<JobId> {
    ids.into_iter().cloned().collect()
}

#[tokio::test]
async fn a_filter_finds_jobs_in_every_state_by_what_lists_show() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|job, cx| async move {
        match job.part.as_str() {
            "fail" => Err(JobError::discard("no route to host")),
            "sleep" => cx
                .sleep(Duration::from_secs(600))
                .await
                .map(|()| Value::Null),
            _ => Ok(Value::Null),
        }
    }));
    let client = &stage.client;
    let failed = client.enqueue(&act("fail")).tag("team:3").await.unwrap();
    let done = client.enqueue(&act("done")).tag("team:4").await.unwrap();
    let running = client.enqueue(&act("sleep")).await.unwrap();
    let hour = Duration::from_secs(3600);
    let later = client
        .enqueue(&act("x"))
        .delay(hour)
        .tag("team:3")
        .await
        .unwrap();
    stage.reaches(&failed, State::Discarded).await;
    stage.reaches(&done, State::Completed).await;
    stage.reaches(&running, State::Running).await;

    assert_eq!(
        stage.found("").await,
        ids([&failed, &done, &running, &later])
    );
    assert_eq!(stage.found("tag:team:3").await, ids([&failed, &later]));
    assert_eq!(stage.found("error:\"no route\"").await, ids([&failed]));
    assert_eq!(
        stage.found("state:running kind:test.*").await,
        ids([&running])
    );
    assert_eq!(stage.found("-state:running -tag:team:*").await, ids([]));
    assert_eq!(
        stage.found("since:1h").await,
        ids([&failed, &done, &running, &later])
    );
    assert_eq!(stage.found("until:0s state:scheduled").await, ids([]));
    assert_eq!(stage.found("queue:other").await, ids([]));
    let job = &stage.page(&format!("id:{failed}"), None, 1).await.jobs[0];
    assert_eq!(
        (job.attempt, job.last_message()),
        (1, "no route to host".to_owned())
    );
    client.cancel("test", &running).await.unwrap();
    worker.drain().await;
}

#[tokio::test]
async fn pages_join_to_the_whole_although_jobs_come_and_go_and_share_a_due_time() {
    let stage = Stage::new().await;
    let due = |number: usize| NewJob {
        id: format!("job-{number:04}").parse().unwrap(),
        run_at: RunAt::At(4_000_000_000_000),
        ..NewJob::from_job(&act("x")).unwrap()
    };
    stage
        .client
        .enqueue_all((0..1000).map(due).collect())
        .await
        .unwrap();
    let mut seen: Vec<JobId> = Vec::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let page = stage.page("state:scheduled", cursor.as_ref(), 37).await;
        seen.extend(page.jobs.iter().map(|job| job.id.clone()));
        // The job at the cursor goes, and others come before and behind it.
        if let Some(last) = page.jobs.last() {
            stage.client.cancel("test", &last.id).await.unwrap();
        }
        let come = |prefix: &str| NewJob {
            id: format!("{prefix}-{}", seen.len()).parse().unwrap(),
            ..due(0)
        };
        stage.client.enqueue_all(vec![come("a")]).await.unwrap();
        cursor = page
            .cursor
            .map(|cursor| cursor.to_string().parse().unwrap());
        if cursor.is_none() {
            break;
        }
    }
    let expected: Vec<JobId> = (0..1000).map(|number| due(number).id).collect();
    let stayed: Vec<JobId> = seen
        .into_iter()
        .filter(|id| id.as_str().starts_with("job"))
        .collect();
    assert_eq!(stayed, expected);
}

#[tokio::test]
async fn finished_jobs_are_paged_newest_first_and_each_once() {
    let stage = Stage::new().await;
    let jobs = stage.client.enqueue_many(&numbered(0..300)).await.unwrap();
    for (n, job) in jobs.iter().enumerate() {
        stage.client.cancel("test", &job.id).await.unwrap();
        // Three at a time share an instant.
        let score = (1_767_600_000_000 + n as u64 / 3).to_string();
        let index = "test:{test}:cancelled";
        stage
            .redis::<u64>(&["ZADD", index, &score, job.id.as_str()])
            .await;
    }
    let mut seen: Vec<JobView> = Vec::new();
    let mut cursor = None;
    loop {
        let page = stage.page("state:cancelled", cursor.as_ref(), 7).await;
        seen.extend(page.jobs);
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert!(seen.is_sorted_by(|a, b| (a.since, &a.id) > (b.since, &b.id)));
    assert_eq!(seen.len(), 300);
}

#[tokio::test]
async fn one_call_looks_at_a_bounded_number_of_jobs() {
    let stage = Stage::new().await;
    stage
        .client
        .enqueue_many(&numbered(0..10_500))
        .await
        .unwrap();
    let page = stage.page("tag:none", None, 10).await;
    assert_eq!((page.jobs.len(), page.looked_at), (0, MAX_LOOKED_AT));
    assert!(!page.complete);
    let rest = stage.page("tag:none", page.cursor.as_ref(), 10).await;
    assert_eq!(
        (rest.jobs.len(), rest.looked_at, rest.complete),
        (0, 500, true)
    );
}

#[tokio::test]
async fn states_queues_ids_and_times_narrow_what_is_looked_at() {
    let stage = Stage::new().await;
    let jobs = stage.client.enqueue_many(&numbered(0..200)).await.unwrap();
    for (n, job) in jobs[..100].iter().enumerate() {
        stage.client.cancel("test", &job.id).await.unwrap();
        let score = (1_767_600_000_000 + n as u64 * 1000).to_string();
        stage
            .redis::<u64>(&["ZADD", "test:{test}:cancelled", &score, job.id.as_str()])
            .await;
    }
    let id = format!("id:{}", jobs[0].id);
    for (text, looked_at, found) in [
        ("state:held", 0, 0),
        ("queue:other", 0, 0),
        ("state:available", 100, 100),
        (&id, 1, 1),
        ("state:cancelled since:2026-01-05T08:01:30Z", 10, 10),
        ("state:cancelled until:2026-01-05T08:00:09Z", 10, 10),
    ] {
        let page = stage.page(text, None, 1000).await;
        assert_eq!(
            (page.looked_at, page.jobs.len()),
            (looked_at, found),
            "{text}"
        );
    }
}

#[tokio::test]
async fn payloads_of_jobs_stay_in_redis() {
    let stage = Stage::new().await;
    let large = act(&"x".repeat(1024 * 1024));
    for _ in 0..20 {
        stage
            .client
            .enqueue(&large)
            .tag(",\"payload\":")
            .await
            .unwrap();
    }
    let sent = || async {
        let stats: String = stage.redis(&["INFO", "stats"]).await;
        let line = stats
            .lines()
            .find(|line| line.starts_with("total_net_output_bytes:"));
        line.unwrap()
            .split(':')
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let before = sent().await;
    let page = stage.page("kind:test.act", None, 100).await;
    assert!(sent().await - before < 100_000);
    assert_eq!(page.jobs.len(), 20);
    let whole = stage.job(&page.jobs[0].id).await;
    assert_eq!(page.jobs[0].payload_bytes, whole.payload_bytes);
    assert_eq!(
        (&page.jobs[0].tags, page.jobs[0].payload.is_none()),
        (&whole.tags, true)
    );
}

#[tokio::test]
async fn envelopes_of_another_shape_are_listed_too() {
    let stage = Stage::new().await;
    let id = stage.client.enqueue(&act("odd")).await.unwrap();
    for envelope in [
        r#"{"payload":{"a":1},"v":1,"kind":"hand.made","enqueued_at":1}"#,
        "no envelope",
        "",
    ] {
        stage
            .redis::<u64>(&["HSET", "test:{test}:job", id.as_str(), envelope])
            .await;
        let page = stage.page("", None, 10).await;
        let kind = if envelope.starts_with('{') {
            "hand.made"
        } else {
            ""
        };
        assert_eq!(page.jobs[0].kind, kind);
    }
}

#[tokio::test]
async fn available_jobs_are_found_wherever_they_wait() {
    let stage = Stage::new().await;
    let client = &stage.client;
    let alone = client.enqueue(&act("a")).await.unwrap();
    client
        .pause_kind("test", "test.act", "ops", "")
        .await
        .unwrap();
    // Nobody claims it from the line, but its kind is looked at.
    let mut lined = Vec::new();
    for group in ["team:1", "team:2"] {
        let group = rouage::Group::at_most(1, group);
        lined.push(client.enqueue(&act("g")).group(group).await.unwrap());
    }
    let worker = stage.work(play(|_, _| async { Ok(Value::Null) }));
    stage::eventually("jobs are set aside", || async {
        let asides: u64 = stage.redis(&["ZCARD", "test:{test}:aside:test.act"]).await;
        (asides > 0).then_some(())
    })
    .await;
    let found = stage.found("state:available").await;
    assert_eq!(found, ids([&alone, &lined[0], &lined[1]]));
    assert_eq!(stage.found("group:team:2").await, ids([&lined[1]]));
    worker.drain().await;
}
