//! Waiting for a job's end.
//!
//! A waiter leaves its job's id in `waiting`; the script that ends the job publishes the id, so
//! that nobody pays for jobs that nobody waits for. A look once a second covers messages that
//! were lost with a connection.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::{Client, ClientError};
use crate::id::JobId;
use crate::inspect::JobView;
use crate::job::Job;
use crate::state::State;

/// Look again this often although no message came.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended<T> {
    /// With this output.
    Completed(T),
    /// In this state, with the last error if there is one.
    Otherwise {
        /// Discarded, cancelled, or held for a human.
        state: State,
        /// The last error's message, or the reason.
        message: String,
    },
}

impl Client {
    /// Waits until the job is completed, discarded, cancelled or held.
    pub async fn wait<J: Job>(
        &self,
        id: &JobId,
        timeout: Duration,
    ) -> Result<Ended<J::Output>, ClientError> {
        let job = self.wait_in(J::QUEUE, id, timeout).await?;
        if job.state != State::Completed {
            return Ok(Ended::Otherwise {
                state: job.state,
                message: job.last_message(),
            });
        }
        let output = job.result.unwrap_or(serde_json::Value::Null);
        serde_json::from_value(output)
            .map(Ended::Completed)
            .map_err(|error| ClientError::Protocol(format!("output of {}: {error}", J::KIND)))
    }

    /// The same for a job of any kind, by its queue.
    pub async fn wait_in(
        &self,
        queue: &str,
        id: &JobId,
        timeout: Duration,
    ) -> Result<JobView, ClientError> {
        let deadline = Instant::now() + timeout;
        let keys = self.queue(queue);
        let mut subscription = self.link.subscribe(&[keys.ended()]).await?;
        let mut endings = subscription.on_message();
        loop {
            // The mark first, then the look: an end between them is published.
            self.mark_waiting(&keys.waiting(), id, timeout).await?;
            let job = self
                .job(queue, id)
                .await?
                .ok_or_else(|| ClientError::UnknownJob {
                    queue: queue.to_owned(),
                    id: id.clone(),
                })?;
            if job.state.is_final() || job.state == State::Held {
                return Ok(job);
            }
            if Instant::now() >= deadline {
                let () = self
                    .link
                    .command(redis::cmd("ZREM").arg(keys.waiting()).arg(id.as_str()))
                    .await?;
                return Err(ClientError::StillRunning(id.clone()));
            }
            let until = deadline.min(Instant::now() + LOOK_AGAIN);
            loop {
                match timeout_at(until, endings.next()).await {
                    Ok(Some(message)) if message.get_payload_bytes() != id.as_str().as_bytes() => {}
                    Ok(Some(_)) | Err(_) => break,
                    // The connection is gone: only the looks remain.
                    Ok(None) => {
                        tokio::time::sleep_until(until).await;
                        break;
                    }
                }
            }
        }
    }

    async fn mark_waiting(
        &self,
        waiting: &str,
        id: &JobId,
        timeout: Duration,
    ) -> Result<(), ClientError> {
        let now: (u64, u64) = self.link.command(&redis::cmd("TIME")).await?;
        let until = now.0 * 1000 + timeout.as_millis() as u64 + 1000;
        let () = self
            .link
            .command(redis::cmd("ZADD").arg(waiting).arg(until).arg(id.as_str()))
            .await?;
        Ok(())
    }
}
