//! Writes outcomes to Redis: in batches, fenced, until Redis has taken them.
//!
//! The queue of outcomes is bounded; a handler that ends while it is full waits with its slot
//! occupied, so a Redis that is away stops the worker instead of filling its memory. An answer
//! that got lost is asked for again: the second try finds the lease gone and changes nothing.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::executor::Report;
use crate::id::JobId;
use crate::keys::QueueKeys;
use crate::link::{Link, LinkError};
use crate::scripts::{ACK, MAX_BATCH};

/// One attempt's end in the words of `ack.lua`.
#[derive(Debug, Clone)]
pub(crate) struct Ack {
    /// `fence:id`.
    pub(crate) lease: Arc<str>,
    /// The job.
    pub(crate) id: JobId,
    /// The next state, or `snoozed`, or `returned`.
    pub(crate) outcome: &'static str,
    /// The run record; empty for a success, which leaves it as it is.
    pub(crate) record: String,
    /// Delay and priority, or the place in the line.
    pub(crate) argument: String,
    /// Output JSON, or empty.
    pub(crate) result: String,
    /// Error line JSON, or empty.
    pub(crate) error: String,
    /// What the handler reported and was not written yet.
    pub(crate) reports: Vec<Report>,
}

impl Ack {
    fn is_success(&self) -> bool {
        self.outcome == "completed"
    }

    /// About as many bytes as it takes on the wire.
    fn bytes(&self) -> usize {
        self.lease.len()
            + 2 * self.id.as_str().len()
            + self.record.len()
            + self.result.len()
            + self.error.len()
            + 64
    }
}

/// Takes out all but the first outcome of each job. A worker that lost a job and claimed it again
/// may end both attempts at once; in one call their outputs could not be told apart.
fn take_repeated(batch: &mut Vec<Ack>) -> Vec<Ack> {
    let mut seen = HashSet::with_capacity(batch.len());
    batch
        .extract_if(.., |ack| !seen.insert(ack.id.clone()))
        .collect()
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
            while !batch.is_empty() {
                let again = take_repeated(&mut batch);
                // Successes first, as the script wants them.
                batch.sort_by_key(|ack| !ack.is_success());
                self.write(&batch).await;
                batch = again;
                #[cfg(feature = "faults")]
                if !batch.is_empty() || !outcomes.is_empty() {
                    crate::faults::reach(crate::faults::Point::BetweenAcks);
                }
            }
        }
    }

    async fn write(&self, batch: &[Ack]) {
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(1));
        let mut repeated = false;
        #[cfg(feature = "faults")]
        crate::faults::reach(crate::faults::Point::BeforeAck);
        loop {
            match self.send(batch).await {
                Ok(refused) => return self.count_refused(batch, &refused, repeated),
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

    /// Answers the numbers from 1 of the outcomes that were refused.
    async fn send(&self, batch: &[Ack]) -> Result<Vec<usize>, LinkError> {
        let bytes: usize = batch.iter().map(Ack::bytes).sum();
        let mut call = ACK.call_sized(self.keys.base(), 7 * batch.len(), bytes);
        let (successes, others) = batch.split_at(batch.partition_point(Ack::is_success));
        call.push(successes.len());
        call.push(
            successes
                .iter()
                .filter(|ack| !ack.result.is_empty())
                .count(),
        );
        call.push(batch.iter().map(|ack| ack.reports.len()).sum::<usize>());
        for ack in successes {
            call.push(&*ack.lease);
        }
        for ack in successes.iter().filter(|ack| !ack.result.is_empty()) {
            call.push(ack.id.as_str());
            call.push(&ack.result);
        }
        for ack in batch {
            for (table, json) in &ack.reports {
                call.push(ack.id.as_str());
                call.push(*table);
                call.push(json);
            }
        }
        for ack in others {
            call.push(&*ack.lease);
            call.push(ack.id.as_str());
            call.push(&ack.record);
            call.push(ack.outcome);
            call.push(&ack.argument);
            call.push(&ack.error);
        }
        self.link.call(call).await
    }

    /// Says which outcomes came too late. After a repeated call an old fence may as well be the
    /// first call's doing, so nothing is counted then.
    fn count_refused(&self, batch: &[Ack], refused: &[usize], repeated: bool) {
        // Made at the first batch, so that the first refusal is an increase from zero.
        let counter = metrics::counter!(crate::metrics::REFUSED, "queue" => self.queue.clone());
        if repeated {
            return;
        }
        for ack in refused
            .iter()
            .filter_map(|number| batch.get(number.checked_sub(1)?))
        {
            counter.increment(1);
            tracing::warn!(queue = %self.queue, lease = %ack.lease, outcome = ack.outcome, "outcome refused: the lease was lost");
        }
    }
}
