//! Writes outcomes to Redis: in batches, fenced, until Redis has taken them.
//!
//! The queue of outcomes is bounded; a handler that ends while it is full waits with its slot
//! occupied, so a Redis that is away stops the worker instead of filling its memory. An answer
//! that got lost is asked for again: the second try finds the lease gone and changes nothing.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::keys::QueueKeys;
use crate::link::{Link, LinkError};
use crate::scripts::{ACK, MAX_BATCH};

/// One attempt's end in the words of `ack.lua`.
#[derive(Debug, Clone)]
pub(crate) struct Ack {
    /// `fence:id`.
    pub(crate) lease: String,
    /// The next state, or `snoozed`, or `returned`.
    pub(crate) outcome: &'static str,
    /// The run record.
    pub(crate) record: String,
    /// Delay and priority, or the place in the line.
    pub(crate) argument: String,
    /// Output JSON, or empty.
    pub(crate) result: String,
    /// Error line JSON, or empty.
    pub(crate) error: String,
}

/// The writer of one queue's outcomes.
pub(crate) struct Acker {
    pub(crate) link: Link,
    pub(crate) keys: QueueKeys,
    pub(crate) queue: String,
    /// Cancelled when the process gives up waiting for Redis at its end.
    pub(crate) give_up: CancellationToken,
}

impl Acker {
    /// Runs until every sender is gone and everything is written.
    pub(crate) async fn run(self, mut outcomes: mpsc::Receiver<Ack>) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        while outcomes.recv_many(&mut batch, MAX_BATCH).await > 0 {
            self.write(&batch).await;
            batch.clear();
        }
    }

    async fn write(&self, batch: &[Ack]) {
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(1));
        let mut repeated = false;
        loop {
            match self.send(batch).await {
                Ok(answers) => return self.count_lost(batch, &answers, repeated),
                Err(error) => {
                    tracing::warn!(queue = %self.queue, outcomes = batch.len(), %error, "acknowledgement failed, trying again");
                    repeated = true;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.next()) => {}
                () = self.give_up.cancelled() => {
                    tracing::error!(queue = %self.queue, outcomes = batch.len(), "stopped before redis took these outcomes; their jobs will run again");
                    return;
                }
            }
        }
    }

    async fn send(&self, batch: &[Ack]) -> Result<Vec<u8>, LinkError> {
        let keys = &self.keys;
        let mut call = ACK
            .call(&[
                keys.lease(),
                keys.run(),
                keys.ready(),
                keys.scheduled(),
                keys.retrying(),
                keys.held(),
                keys.completed(),
                keys.discarded(),
                keys.cancelled(),
                keys.result(),
                keys.error(),
                keys.count(),
                keys.cancelling(),
                keys.waiting(),
            ])
            .arg(keys.wake())
            .arg(keys.ended());
        for ack in batch {
            call.push(&ack.lease);
            call.push(ack.outcome);
            call.push(&ack.record);
            call.push(&ack.argument);
            call.push(&ack.result);
            call.push(&ack.error);
        }
        self.link.call(call).await
    }

    /// Says which outcomes came too late. After a repeated call an old fence may as well be the
    /// first call's doing, so nothing is counted then.
    fn count_lost(&self, batch: &[Ack], answers: &[u8], repeated: bool) {
        if repeated {
            return;
        }
        for (ack, _) in batch.iter().zip(answers).filter(|(_, answer)| **answer == 0) {
            metrics::counter!(crate::metrics::LEASE_LOST, "queue" => self.queue.clone()).increment(1);
            tracing::warn!(queue = %self.queue, lease = %ack.lease, outcome = ack.outcome, "outcome refused: the lease was lost");
        }
    }
}
