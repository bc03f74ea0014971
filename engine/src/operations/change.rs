//! The change of one job, and what became of it.

use super::{Action, Tally};
use crate::client::{Client, ClientError};
use crate::control::Retried;
use crate::inspect::JobView;
use crate::state::State;

/// What became of one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Done,
    /// It was left as it is.
    Skipped(&'static str),
    /// It should have been changed and could not be.
    Failed(&'static str),
}

/// Somebody was faster: a worker, an operator, or this operation before its worker died.
const CHANGED: Change = Change::Skipped("changed meanwhile");
/// Its retention ended.
const GONE: Change = Change::Skipped("gone meanwhile");

impl Tally {
    pub(super) fn count(&mut self, change: Change) {
        match change {
            Change::Done => self.done += 1,
            Change::Skipped(why) => *self.skipped.entry(why.to_owned()).or_default() += 1,
            Change::Failed(why) => *self.failed.entry(why.to_owned()).or_default() += 1,
        }
    }
}

/// Whether a job was as it is now when the operation was asked for, at `asked` ms since 1970. One
/// that failed again since has the operation behind it.
pub(super) fn is_older(job: &JobView, asked: u64) -> bool {
    let lined_up = if job.state == State::Available {
        job.since
    } else {
        0
    };
    job.finished <= asked && lined_up <= asked
}

impl Client {
    /// Changes a job if it still is in the state in which it was found.
    pub(super) async fn change(
        &self,
        action: Action,
        job: &JobView,
    ) -> Result<Change, ClientError> {
        let changed = match action {
            Action::Retry => self
                .retry_from(job, Some(job.state))
                .await
                .map(|answer| retried(&answer)),
            Action::Cancel => self.end_found(job, State::Cancelled).await,
            Action::Discard => self.end_found(job, State::Discarded).await,
        };
        match changed {
            Err(ClientError::UnknownJob { .. }) => Ok(GONE),
            changed => changed,
        }
    }

    async fn end_found(&self, job: &JobView, state: State) -> Result<Change, ClientError> {
        let answer = self
            .end(&job.queue, &job.id, state, Some(job.state), "")
            .await?;
        Ok(match answer.as_str() {
            "cancelled" | "cancelling" | "discarded" => Change::Done,
            "running" => Change::Skipped("running"),
            _ => CHANGED,
        })
    }
}

fn retried(retried: &Retried) -> Change {
    match retried {
        Retried::From(_) => Change::Done,
        Retried::Unchanged => CHANGED,
        Retried::Taken(_) => Change::Failed("another job has its unique key"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_failed_or_lined_up_later_is_left_alone() {
        let job = |state, since, finished| JobView {
            since,
            finished,
            ..JobView::blank("job-1".parse().unwrap(), "mail", state)
        };
        assert!(is_older(&job(State::Discarded, 90, 90), 100));
        assert!(!is_older(&job(State::Retrying, 500, 101), 100));
        assert!(is_older(&job(State::Scheduled, 500, 0), 100));
        assert!(!is_older(&job(State::Available, 101, 0), 100));
    }

    #[test]
    fn changes_are_counted_by_their_reasons() {
        let mut tally = Tally::default();
        for change in [Change::Done, CHANGED, CHANGED, Change::Failed("x")] {
            tally.count(change);
        }
        assert_eq!((tally.done, tally.met()), (1, 4));
        assert_eq!(tally.skipped["changed meanwhile"], 2);
    }
}
