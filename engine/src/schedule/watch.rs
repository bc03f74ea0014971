//! Whether the jobs of schedules completed: looked up while they are recent.
//!
//! A bounded list of jobs that were fired and are not over; a few are looked at in each round. What
//! is forgotten because there are too many only misses its time of success.

use std::collections::VecDeque;

use futures_util::StreamExt;
use futures_util::stream;

use crate::client::Client;
use crate::id::JobId;
use crate::state::State;

/// Jobs that are kept in mind.
const MOST: usize = 10_000;
/// Jobs that are looked at in one round.
const LOOKED_AT: usize = 100;
/// Looks under way at once.
const AT_ONCE: usize = 8;

/// A job that was fired.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) schedule: String,
    pub(super) queue: String,
    pub(super) job: JobId,
}

/// Jobs that are not known to be over, the one to be looked at next first.
#[derive(Debug, Default)]
pub(super) struct Watch(VecDeque<Open>);

impl Watch {
    pub(super) fn add(&mut self, open: Open) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(open);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Looks at some; answers schedules of which one completed, with when, in ms since 1970.
    pub(super) async fn round(&mut self, client: &Client) -> Vec<(String, u64)> {
        let some: Vec<Open> = self.0.drain(..self.0.len().min(LOOKED_AT)).collect();
        let looks = some.into_iter().map(|open| async move {
            let job = client.job(&open.queue, &open.job).await;
            (open, job)
        });
        let looked: Vec<_> = stream::iter(looks).buffered(AT_ONCE).collect().await;
        let mut completed = Vec::new();
        for (open, job) in looked {
            match job {
                Ok(Some(job)) if job.state == State::Completed => {
                    completed.push((open.schedule, job.since));
                }
                Ok(Some(job)) if job.state.is_final() => {}
                Ok(None) => {}
                Ok(Some(_)) | Err(_) => self.0.push_back(open),
            }
        }
        completed
    }
}
