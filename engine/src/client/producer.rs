//! What jobs are put into: a [`Client`] in production, a recorder in tests.

use std::fmt;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Client, ClientError, Enqueue, Enqueued, NewJob};
use crate::job::Job;

/// Takes jobs. Whoever enqueues and wants to be tested without Redis holds an
/// `Arc<dyn Producer>`; handlers have theirs in `JobContext::enqueue`.
pub trait Producer: fmt::Debug + Send + Sync {
    /// Takes jobs and answers in their order, with what [`Client::enqueue_all`] promises.
    fn enqueue_all(&self, jobs: Vec<NewJob>) -> BoxFuture<'_, Result<Vec<Enqueued>, ClientError>>;
}

impl dyn Producer {
    /// Enqueues one job: `producer.enqueue(&job).delay(..).await? -> JobId`.
    pub fn enqueue<J: Job>(&self, job: &J) -> Enqueue<'_> {
        Enqueue::new(self, NewJob::from_job(job))
    }
}

impl Producer for Client {
    fn enqueue_all(&self, jobs: Vec<NewJob>) -> BoxFuture<'_, Result<Vec<Enqueued>, ClientError>> {
        Client::enqueue_all(self, jobs).boxed()
    }
}
