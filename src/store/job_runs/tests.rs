use std::time::Duration;

use rouage::State;
use rouage::history::{FinishedJob, History};

use super::{JobRun, JobRuns, Search};
use crate::store::test_database;

/// 2026-11-23T09:30:00Z.
const NOON: u64 = 1_795_426_200_000;

/// A job that ended that many milliseconds after [`NOON`].
fn job(name: &str, after: u64) -> FinishedJob {
    FinishedJob {
        id: name.parse().unwrap(),
        queue: "exports".to_owned(),
        kind: "exports.export_records".to_owned(),
        state: State::Completed,
        tags: Vec::new(),
        priority: 5,
        attempts: 1,
        enqueued_at: NOON - 500,
        started_at: NOON,
        finished_at: NOON + after,
        worker: "host.1.a".to_owned(),
        reason: String::new(),
        error_kind: String::new(),
        error_message: String::new(),
        result_bytes: 12,
    }
}

fn failed(name: &str, after: u64, message: &str) -> FinishedJob {
    FinishedJob {
        state: State::Discarded,
        reason: "error".to_owned(),
        error_kind: "error".to_owned(),
        error_message: message.to_owned(),
        ..job(name, after)
    }
}

async fn history(jobs: &[FinishedJob]) -> JobRuns {
    let history = JobRuns::new(test_database::pool().await);
    history.record(jobs).await.unwrap();
    history
}

fn all() -> Search {
    Search {
        limit: 100,
        ..Search::default()
    }
}

async fn found(history: &JobRuns, search: Search) -> Vec<String> {
    let runs = history.search(&search).await.unwrap();
    runs.into_iter().map(|run| run.job_id).collect()
}

#[tokio::test]
async fn a_job_is_found_as_it_ended() {
    let tagged = FinishedJob {
        tags: vec!["team:3".to_owned(), "campaign:12".to_owned()],
        ..failed("one", 1234, "refused\0 by é")
    };
    let history = history(&[tagged]).await;
    let expected = JobRun {
        job_id: "one".to_owned(),
        queue: "exports".to_owned(),
        kind: "exports.export_records".to_owned(),
        state: "discarded".to_owned(),
        tags: vec!["team:3".to_owned(), "campaign:12".to_owned()],
        priority: 5,
        attempts: 1,
        enqueued_at: NOON as i64 - 500,
        started_at: Some(NOON as i64),
        finished_at: NOON as i64 + 1234,
        duration_ms: Some(1234),
        worker: Some("host.1.a".to_owned()),
        reason: Some("error".to_owned()),
        error_kind: Some("error".to_owned()),
        error_message: Some("refused\u{fffd} by é".to_owned()),
        result_bytes: 12,
    };
    assert_eq!(history.search(&all()).await.unwrap(), [expected]);
}

#[tokio::test]
async fn a_batch_that_is_written_twice_is_there_once() {
    let jobs = [job("one", 1), job("two", 2)];
    let history = history(&jobs).await;
    history.record(&jobs).await.unwrap();
    // The same job again at another time is another end.
    history.record(&[job("one", 9)]).await.unwrap();
    assert_eq!(found(&history, all()).await, ["one", "two", "one"]);
}

#[tokio::test]
async fn a_job_that_never_ran_has_no_duration() {
    let never = FinishedJob {
        state: State::Cancelled,
        attempts: 0,
        started_at: 0,
        worker: String::new(),
        ..job("one", 1)
    };
    let runs = history(&[never]).await.search(&all()).await.unwrap();
    assert_eq!(
        (runs[0].started_at, runs[0].duration_ms, &runs[0].worker),
        (None, None, &None)
    );
}

#[tokio::test]
async fn every_condition_narrows_the_search() {
    let other = FinishedJob {
        kind: "debug.echo".to_owned(),
        queue: "debug".to_owned(),
        tags: vec!["team:3".to_owned()],
        ..job("tagged", 3)
    };
    let history = history(&[
        job("good", 1),
        failed("bad", 2, "Connection reset, 100% sure"),
        other,
    ])
    .await;
    let text = |text: &str| Some(text.to_owned());
    let cases = [
        (
            Search {
                job: text("good"),
                ..all()
            },
            "good",
        ),
        (
            Search {
                kind: text("debug.echo"),
                ..all()
            },
            "tagged",
        ),
        (
            Search {
                queue: text("debug"),
                ..all()
            },
            "tagged",
        ),
        (
            Search {
                tag: text("team:3"),
                ..all()
            },
            "tagged",
        ),
        (
            Search {
                state: text("discarded"),
                ..all()
            },
            "bad",
        ),
        (
            Search {
                error: text("connection"),
                ..all()
            },
            "bad",
        ),
        (
            Search {
                error: text("100% s"),
                ..all()
            },
            "bad",
        ),
        (
            Search {
                since: Some(NOON + 3),
                ..all()
            },
            "tagged",
        ),
        (
            Search {
                until: Some(NOON + 2),
                ..all()
            },
            "good",
        ),
    ];
    for (search, expected) in cases {
        let shown = format!("{search:?}");
        assert_eq!(found(&history, search).await, [expected], "{shown}");
    }
    for nothing in [
        Search {
            error: text("con%n"),
            ..all()
        },
        Search {
            tag: text("team"),
            ..all()
        },
        Search {
            kind: text("debug.echo"),
            state: text("discarded"),
            ..all()
        },
    ] {
        assert!(found(&history, nothing).await.is_empty());
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_a_hole_or_a_double() {
    // Several end in the same millisecond, as they do in life.
    let jobs: Vec<FinishedJob> = (0..25).map(|n| job(&format!("j{n:02}"), n / 4)).collect();
    let history = history(&jobs).await;
    let mut seen = Vec::new();
    let mut search = Search { limit: 10, ..all() };
    loop {
        let page = history.search(&search).await.unwrap();
        let Some(last) = page.last() else { break };
        // As a person types it.
        search.behind = Some(last.cursor().to_string().parse().unwrap());
        seen.extend(page.into_iter().map(|run| run.job_id));
    }
    let expected: Vec<String> = (0..25).rev().map(|n| format!("j{n:02}")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn only_what_is_old_is_forgotten() {
    let pool = test_database::pool().await;
    let history = JobRuns::new(pool.clone());
    history
        .record(&[job("old", 1), job("new", 2)])
        .await
        .unwrap();
    sqlx::query("UPDATE worker.job_runs SET finished_at = now() WHERE job_id = 'new'")
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query(
        "UPDATE worker.job_runs SET finished_at = now() - interval '2 days' WHERE job_id = 'old'",
    )
    .execute(&pool)
    .await
    .unwrap();
    let day = Duration::from_hours(24);
    assert_eq!(history.forget(day).await.unwrap(), 1);
    assert_eq!(found(&history, all()).await, ["new"]);
}
