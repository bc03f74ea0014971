//! Steering from outside: cancel a job, line one up again.
//!
//! Both are one script each, so that an operator's click and a worker's acknowledgement cannot
//! tear a job apart between them.

use crate::client::{Client, ClientError};
use crate::id::JobId;
use crate::policy::Priority;
use crate::scripts::{CANCEL, RETRY};
use crate::state::State;

/// What a cancellation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// The job waited; it is cancelled.
    Now,
    /// The job runs; its worker was told. The mark stays until a worker has seen it.
    Asked,
    /// The job was over already.
    AlreadyOver,
}

impl Client {
    /// Cancels a job of a queue.
    pub async fn cancel(&self, queue: &str, id: &JobId) -> Result<Cancelled, ClientError> {
        let keys = self.queue(queue);
        let call = CANCEL
            .call(&[
                keys.job(),
                keys.run(),
                keys.ready(),
                keys.scheduled(),
                keys.retrying(),
                keys.held(),
                keys.lease(),
                keys.cancelled(),
                keys.cancelling(),
                keys.count(),
                keys.waiting(),
            ])
            .arg(id.as_str())
            .arg(keys.wake())
            .arg(keys.ended());
        let answer: String = self.link().call(call).await?;
        match answer.as_str() {
            "cancelled" => Ok(Cancelled::Now),
            "cancelling" => Ok(Cancelled::Asked),
            "final" => Ok(Cancelled::AlreadyOver),
            _ => Err(unknown(queue, id)),
        }
    }

    /// Lines a job up to run now: from held, discarded or cancelled with all its attempts anew,
    /// from scheduled or retrying ahead of its time. Answers the state it was in, or `None` if
    /// it is available, running or completed and nothing was changed.
    pub async fn retry(&self, queue: &str, id: &JobId) -> Result<Option<State>, ClientError> {
        let job = self
            .job(queue, id)
            .await?
            .ok_or_else(|| unknown(queue, id))?;
        let priority = Priority::new(job.priority).unwrap_or_default();
        let keys = self.queue(queue);
        let call = RETRY
            .call(&[
                keys.job(),
                keys.run(),
                keys.ready(),
                keys.scheduled(),
                keys.retrying(),
                keys.held(),
                keys.discarded(),
                keys.cancelled(),
                keys.count(),
            ])
            .arg(id.as_str())
            .arg(priority.get())
            .arg(keys.wake());
        let answer: String = self.link().call(call).await?;
        match answer.as_str() {
            "unknown" => Err(unknown(queue, id)),
            "unchanged" => Ok(None),
            state => state.parse().map(Some).map_err(ClientError::Protocol),
        }
    }
}

fn unknown(queue: &str, id: &JobId) -> ClientError {
    ClientError::UnknownJob {
        queue: queue.to_owned(),
        id: id.clone(),
    }
}
