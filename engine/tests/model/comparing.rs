//! Holds Redis against the reference after a step.
//!
//! Jobs and counts are read as an operator reads them, through `Client`. Two things have no
//! public view and are read from their keys: the places in the line, and the marks of
//! cancellations that were asked for.

use futures_util::future::join_all;
use rouage::State;

use crate::calls::QUEUE;
use crate::operations::JOBS;
use crate::scripts::{Case, id};

/// Scores of one priority in the line, as in `keys.rs`.
pub(crate) const PRIORITY_STEP: u64 = 900_000_000_000_000;

/// The facts of a job that both sides know.
type Facts = (
    State,
    u32,
    u32,
    usize,
    String,
    String,
    Option<String>,
    Option<String>,
);

impl Case {
    /// Holds Redis against the reference, in everything the reference knows.
    pub(crate) async fn compare(&mut self) {
        let client = self.calls.client.clone();
        let ids: Vec<String> = (0..JOBS).map(id).collect();
        let looks = ids.iter().map(|id| async {
            let view = client.job(QUEUE, &id.parse().unwrap()).await.unwrap()?;
            let json = |value: Option<serde_json::Value>| value.map(|value| value.to_string());
            let facts: Facts = (
                view.state,
                view.attempt,
                view.lost,
                view.errors.len(),
                view.reason,
                view.worker,
                json(view.result),
                json(view.progress),
            );
            Some(facts)
        });
        for (id, redis) in ids.iter().zip(join_all(looks).await) {
            let known = self.reference.jobs.get(id).cloned();
            let expected: Option<Facts> = known.map(|job| {
                (
                    job.state,
                    job.attempt,
                    job.lost,
                    job.errors,
                    job.reason,
                    job.worker,
                    job.result,
                    job.progress,
                )
            });
            assert_eq!(redis, expected, "{id}");
        }
        self.compare_counts().await;
        self.compare_line().await;
        let mut marks: Vec<String> = self.calls.command("SMEMBERS", "cancelling", &[]).await;
        marks.sort();
        let marked = self.reference.jobs.iter().filter(|(_, job)| job.marked);
        let marked: Vec<String> = marked.map(|(id, _)| id.clone()).collect();
        assert_eq!(marks, marked, "marks of cancellation");
    }

    async fn compare_counts(&self) {
        let view = self.calls.client.queue_view(QUEUE).await.unwrap();
        for state in State::ALL {
            let jobs = self.reference.jobs.values();
            let expected = jobs.filter(|job| job.state == state).count();
            assert_eq!(view.in_state(state), expected as u64, "jobs {state}");
        }
        let totals = [
            view.enqueued_total,
            view.completed_total,
            view.discarded_total,
            view.lease_lost_total,
        ];
        assert_eq!(
            totals, self.reference.totals,
            "enqueued, completed, discarded, leases lost"
        );
    }

    async fn compare_line(&mut self) {
        for (id, score) in self.calls.index("ready").await {
            let place = score as u64;
            assert_eq!(place, self.reference.lined_up(&id, place), "place of {id}");
            let priority = u64::from(self.reference.jobs[&id].priority);
            assert_eq!(place / PRIORITY_STEP, priority, "priority of {id}");
        }
    }
}
