//! Keeps a queue tidy: takes lost jobs back, removes finished ones beyond the retention.
//!
//! Every worker does it; the scripts are bounded and harmless to run twice. A worker that has
//! nothing to do looks once a minute only (it also sweeps when a claim showed it an expired
//! lease), so that idle queues cost nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backend::Held;
use crate::backoff::jittered;
use crate::keys::QueueKeys;
use crate::link::{Link, LinkError};
use crate::policy::Retention;
use crate::scripts::{MAX_BATCH, PRUNE, SWEEP};

/// How often a busy queue is looked after.
const BUSY_EVERY: Duration = Duration::from_secs(1);
/// How often an idle queue is looked after.
const IDLE_EVERY: Duration = Duration::from_mins(1);
/// Prune calls in one round: at most 100,000 jobs a second leave.
const PRUNES_A_ROUND: usize = 200;
/// A job whose worker died this often is held: it is probably what kills them.
pub(crate) const MAX_LOST: u32 = 3;

/// The keeper of one queue.
#[derive(Clone)]
pub(crate) struct Keeper {
    pub(crate) link: Link,
    pub(crate) keys: QueueKeys,
    pub(crate) queue: String,
    pub(crate) held: Arc<Held>,
    pub(crate) retention: Retention,
    /// The courier's: signals whose message was lost are found at the next round.
    pub(crate) signals: Arc<Notify>,
}

impl Keeper {
    /// Looks after the queue until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut last = Instant::now();
        let mut was_busy = true;
        let mut begun = 0;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(jittered(BUSY_EVERY)) => {}
            }
            // A burst may begin and end between two looks.
            let busy = self.held.len() > 0 || self.held.begun() != begun;
            begun = self.held.begun();
            if busy || was_busy || last.elapsed() >= IDLE_EVERY {
                last = Instant::now();
                match self.round().await {
                    Ok(more) => was_busy = busy || more,
                    Err(error) => {
                        tracing::warn!(queue = %self.queue, %error, "queue was not looked after, trying again");
                    }
                }
            }
        }
    }

    /// Whether there will soon be more to do: what the history has not got yet stays until then.
    async fn round(&self) -> Result<bool, LinkError> {
        self.signals.notify_one();
        self.sweep().await?;
        for _ in 0..PRUNES_A_ROUND {
            if self.prune().await? < MAX_BATCH {
                break;
            }
        }
        let mut noted = redis::cmd("LLEN");
        noted.arg(self.keys.unarchived());
        let noted: u64 = self.link.command(&noted).await?;
        Ok(noted > 0)
    }

    /// Takes back jobs whose leases ran out.
    pub(crate) async fn sweep(&self) -> Result<(), LinkError> {
        let call = SWEEP.call(self.keys.base()).arg(MAX_BATCH).arg(MAX_LOST);
        let (back, held, cancelled, _next): (u64, u64, u64, i64) = self.link.call(call).await?;
        // Made at the first sweep, so that the first loss is an increase from zero.
        let lost = metrics::counter!(crate::metrics::LEASE_LOST, "queue" => self.queue.clone());
        lost.increment(back + held + cancelled);
        if back + held + cancelled > 0 {
            tracing::warn!(queue = %self.queue, back, held, cancelled, "took back jobs of workers that stopped beating");
        }
        Ok(())
    }

    async fn prune(&self) -> Result<usize, LinkError> {
        let mut call = PRUNE.call(self.keys.base()).arg(MAX_BATCH);
        for kept in [
            self.retention.completed,
            self.retention.discarded,
            self.retention.cancelled,
        ] {
            call.push(kept.age.as_millis() as u64);
            call.push(kept.count);
        }
        self.link.call(call).await
    }
}
