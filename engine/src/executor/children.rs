//! Jobs that handlers enqueue.

use crate::client::{ClientError, Enqueue, NewJob};
use crate::executor::context::JobContext;
use crate::job::Job;

impl JobContext {
    /// Enqueues another job: `cx.enqueue(&job).delay(..).await?`.
    ///
    /// An attempt that runs twice enqueues twice: give the job an id (`.id(..)`) or a unique key
    /// if that matters. What a dry run enqueues is a dry run too.
    pub fn enqueue<J: Job>(&self, job: &J) -> Enqueue<'_> {
        let Some(producer) = self.producer() else {
            return Enqueue::refused(ClientError::NoProducer);
        };
        let enqueue = Enqueue::new(&**producer, NewJob::from_job(job));
        if self.is_dry_run() {
            enqueue.dry_run()
        } else {
            enqueue
        }
    }
}
