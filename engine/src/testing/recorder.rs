//! A producer that keeps what it is given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::client::{ClientError, Enqueued, NewJob, Producer, check};

/// Keeps jobs instead of storing them, and answers like a Redis that has only these. Cheap to
/// clone; clones share what they keep.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<NewJob>>>);

impl Recorder {
    /// What was enqueued so far, in order.
    pub fn jobs(&self) -> Vec<NewJob> {
        self.lock().clone()
    }

    fn keep(&self, job: NewJob) -> Enqueued {
        let mut jobs = self.lock();
        let key = |job: &NewJob| job.unique.as_ref().map(|unique| unique.key.clone());
        let taken = jobs.iter().find(|other| {
            let same_key = key(other).is_some() && key(other) == key(&job);
            other.queue == job.queue && (other.id == job.id || same_key)
        });
        if let Some(other) = taken {
            return Enqueued {
                id: other.id.clone(),
                stored: false,
            };
        }
        let id = job.id.clone();
        jobs.push(job);
        Enqueued { id, stored: true }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<NewJob>> {
        // Whole jobs only are added, so a poisoned list is still a list.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Producer for Recorder {
    fn enqueue_all(&self, jobs: Vec<NewJob>) -> BoxFuture<'_, Result<Vec<Enqueued>, ClientError>> {
        async move {
            jobs.iter().try_for_each(check)?;
            Ok(jobs.into_iter().map(|job| self.keep(job)).collect())
        }
        .boxed()
    }
}
