//! Runs queues on a real Redis until nothing in them can run any more.
//!
//! What is scheduled or waits for a retry is not waited for: it is lined up at once. Held jobs
//! wait for a person and stay. A job that enqueues another one of itself never ends; the time
//! bound ends the drain instead, and the error says what was left.

use std::future::IntoFuture;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep};

use crate::client::{Client, ClientError};
use crate::executor::Registry;
use crate::inspect::QueueView;
use crate::state::State;
use crate::worker::{Shutdown, Worker, WorkerError, WorkerOptions};

/// How often the queues are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Jobs that one look lines up ahead of their time.
const MAX_HURRIED: usize = 100;
/// Slots a queue.
const SLOTS: usize = 8;

/// Runs everything in the queues of these handlers until nothing is left:
/// `drain(&client, registry).await?`.
pub fn drain(client: &Client, registry: Registry) -> Drain<'_> {
    Drain {
        client,
        registry,
        within: Duration::from_secs(30),
    }
}

/// A drain that is being put together; `.await` runs it.
#[derive(Debug)]
#[must_use = "nothing runs until this is awaited"]
pub struct Drain<'c> {
    client: &'c Client,
    registry: Registry,
    within: Duration,
}

/// How the jobs of a drain ended. Jobs that were over before are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drained {
    /// Succeeded.
    pub completed: u64,
    /// Failed for good.
    pub discarded: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Wait for a person.
    pub held: u64,
}

/// Why a drain did not get to its end.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    /// Jobs are left when the time is over.
    #[error(
        "{left} jobs are left after {within:?}; {first}; hint: a job that enqueues itself, a handler that hangs, or too short a time"
    )]
    TimeOver {
        /// Jobs that are not over.
        left: u64,
        /// The time there was.
        within: Duration,
        /// One of the jobs, and why it waits.
        first: String,
    },
    /// Redis did not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The worker did not start, or failed.
    #[error(transparent)]
    Worker(#[from] WorkerError),
}

impl Drain<'_> {
    /// Gives up after this long instead of 30 s.
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    async fn run(self) -> Result<Drained, DrainError> {
        let queues: Vec<String> = self
            .registry
            .queues()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let before = self.look(&queues).await?;
        let options = WorkerOptions {
            queues: queues.iter().map(|queue| (queue.clone(), SLOTS)).collect(),
            idle_poll: Duration::from_secs(1),
            grace: Duration::ZERO,
            ..WorkerOptions::default()
        };
        let worker = Worker::new(self.client.clone(), self.registry.clone(), options)?;
        self.work(worker, &queues).await?;
        let after = self.look(&queues).await?;
        let ended = |state| sum(&after, state).saturating_sub(sum(&before, state));
        Ok(Drained {
            completed: ended(State::Completed),
            discarded: ended(State::Discarded),
            cancelled: ended(State::Cancelled),
            held: ended(State::Held),
        })
    }

    /// Runs the worker until the queues are empty.
    async fn work(&self, worker: Worker, queues: &[String]) -> Result<(), DrainError> {
        let shutdown = Shutdown::default();
        let work = worker.run(shutdown.clone());
        tokio::pin!(work);
        let emptied = tokio::select! {
            ended = &mut work => return ended.map_err(DrainError::from),
            emptied = self.until_empty(queues) => emptied,
        };
        shutdown.drain.cancel();
        work.await?;
        emptied
    }

    /// Looks until two looks in a row find nothing, with nothing enqueued between them: a job of
    /// one queue may enqueue into another one that was looked at before.
    async fn until_empty(&self, queues: &[String]) -> Result<(), DrainError> {
        let deadline = Instant::now() + self.within;
        let mut quiet = None;
        loop {
            let views = self.look(queues).await?;
            let left: u64 = views.iter().map(live).sum();
            let enqueued: u64 = views.iter().map(|view| view.enqueued_total).sum();
            if left == 0 && quiet == Some(enqueued) {
                return Ok(());
            }
            quiet = (left == 0).then_some(enqueued);
            if Instant::now() >= deadline {
                return Err(DrainError::TimeOver {
                    left,
                    within: self.within,
                    first: self.first(queues).await?,
                });
            }
            for queue in queues {
                self.hurry(queue).await?;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn look(&self, queues: &[String]) -> Result<Vec<QueueView>, ClientError> {
        let mut views = Vec::with_capacity(queues.len());
        for queue in queues {
            views.push(self.client.queue_view(queue).await?);
        }
        Ok(views)
    }

    /// Lines up what waits for a time.
    async fn hurry(&self, queue: &str) -> Result<(), ClientError> {
        for state in [State::Scheduled, State::Retrying] {
            for job in self.client.list(queue, state, 0, MAX_HURRIED).await? {
                self.client.retry(queue, &job.id).await?;
            }
        }
        Ok(())
    }

    /// One job that is left, and why it waits.
    async fn first(&self, queues: &[String]) -> Result<String, ClientError> {
        let live = [
            State::Running,
            State::Available,
            State::Retrying,
            State::Scheduled,
        ];
        for queue in queues {
            for state in live {
                if let Some(job) = self.client.list(queue, state, 0, 1).await?.first() {
                    let waiting = self.client.why(queue, &job.id).await?;
                    return Ok(format!(
                        "{} {} of queue {queue} {waiting}",
                        job.kind, job.id
                    ));
                }
            }
        }
        Ok("the last one ended just now".to_owned())
    }
}

fn sum(views: &[QueueView], state: State) -> u64 {
    views.iter().map(|view| view.in_state(state)).sum()
}

/// Jobs that may still run.
fn live(view: &QueueView) -> u64 {
    view.scheduled + view.available + view.running + view.retrying
}

impl<'c> IntoFuture for Drain<'c> {
    type Output = Result<Drained, DrainError>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.run().boxed()
    }
}
