//! Claims jobs into free slots, and only into free slots: nothing is prefetched, so nothing
//! waits in a busy worker while another is idle.
//!
//! One claim takes as many jobs as there are free slots. When it brings fewer, the loop sleeps
//! until the bell rings, something becomes due, a foreign lease runs out, or a slow poll that
//! covers lost messages.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, Value};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backend::held::HeldAttempt;
use crate::backend::slots::Taken;
use crate::backend::{Gate, Held, Keeper, LastTurn, Slots};
use crate::backoff::{Backoff, jittered};
use crate::client::Client;
use crate::executor::{Claim, Execution, Registry};
use crate::gates::Gates;
use crate::id::JobId;
use crate::keys::QueueKeys;
use crate::link::{Link, LinkError};
use crate::record::RunRecord;
use crate::scripts::{CLAIM, MAX_BATCH};

/// Most due jobs that one claim lines up.
const MAX_PROMOTED: usize = 500;
/// How soon to look again for a job that had to wait until the suspect before it is over.
const SUSPECT_POLL: Duration = Duration::from_millis(200);
/// Free slots that make a claim worth while before the last batch is handed over.
const OVERLAP_FROM: usize = 32;

/// The fetch loop of one queue.
pub(crate) struct Fetcher {
    pub(crate) client: Client,
    pub(crate) link: Link,
    pub(crate) keys: QueueKeys,
    pub(crate) queue: Arc<str>,
    pub(crate) worker: Arc<str>,
    pub(crate) lease: Duration,
    pub(crate) idle_poll: Duration,
    pub(crate) registry: Arc<Registry>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) slots: Arc<Slots>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) held: Arc<Held>,
    pub(crate) bell: Arc<Notify>,
    pub(crate) keeper: Keeper,
    pub(crate) turned: Arc<LastTurn>,
    pub(crate) attempts: mpsc::Sender<Execution>,
}

/// Claimed jobs and the slots they will take; slots that are left are given back.
#[derive(Default)]
struct Claimed {
    claims: Vec<Claim>,
    slots: Option<Taken>,
}

/// What one claim brought.
struct Batch {
    now_ms: u64,
    next_due_ms: Option<u64>,
    next_lease_ms: Option<u64>,
    due_left: bool,
    suspects_left: bool,
    claims: Vec<Claim>,
}

impl Fetcher {
    /// Claims until `stop`. Whatever is claimed is handed over, and finishes in the grace.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut backoff = backoff();
        // Handed over while the next claim is under way, so that Redis and this process work at
        // the same time.
        let mut claimed = Claimed::default();
        loop {
            let slots = if claimed.claims.is_empty() {
                self.next_slots(&stop).await
            } else {
                self.many_slots(&stop)
            };
            let Some(slots) = slots else {
                if claimed.claims.is_empty() {
                    return;
                }
                self.hand_over(std::mem::take(&mut claimed)).await;
                continue;
            };
            let free = slots.count();
            // Not raced with `stop`: a claim that is cut off would be leased to nobody.
            let suspect = self.may_take_suspect(&claimed);
            let (answer, ()) = tokio::join!(
                self.claim(free, suspect),
                self.hand_over(std::mem::take(&mut claimed))
            );
            self.gate.come_back();
            let rest = match answer {
                Ok(batch) => {
                    #[cfg(feature = "faults")]
                    batch.reach();
                    backoff = self::backoff();
                    self.note_answer(&batch, free);
                    let rest = self.wait_after(&batch, free);
                    // A claim that brought nothing keeps no slots: the next one needs them.
                    claimed = Claimed {
                        slots: (!batch.claims.is_empty()).then_some(slots),
                        claims: batch.claims,
                    };
                    rest
                }
                Err(error) => {
                    drop(slots);
                    tracing::warn!(queue = %self.queue, %error, "cannot claim, trying again");
                    Some(backoff.next())
                }
            };
            if let Some(rest) = rest {
                self.hand_over(std::mem::take(&mut claimed)).await;
                self.rest(rest, &stop).await;
            }
        }
    }

    /// Waits until there is a free slot and the gate is open, takes what is free, and passes;
    /// `None` at the end.
    async fn next_slots(&self, stop: &CancellationToken) -> Option<Taken> {
        loop {
            if self.slots.free() == 0 {
                self.turned.nothing_due();
            }
            let slots = stop.run_until_cancelled(self.slots.wait(MAX_BATCH)).await?;
            if stop.is_cancelled() {
                return None;
            }
            if self.gate.pass() {
                self.turned.due();
                return Some(slots);
            }
            drop(slots);
            self.turned.nothing_due();
            stop.run_until_cancelled(self.gate.until_open()).await?;
        }
    }

    /// The free slots, if they are many enough for a claim beside a batch in hand.
    fn many_slots(&self, stop: &CancellationToken) -> Option<Taken> {
        if self.slots.free() < OVERLAP_FROM || stop.is_cancelled() {
            return None;
        }
        let slots = self.slots.take(MAX_BATCH)?;
        if !self.gate.pass() {
            return None;
        }
        self.turned.due();
        Some(slots)
    }

    /// Said before anything of the batch runs: whoever sees its last job run sees a loop that
    /// waits for a slot.
    fn note_answer(&self, batch: &Batch, free: usize) {
        if batch.claims.len() == free && self.slots.free() == 0 {
            self.turned.nothing_due();
        } else {
            self.turned.answered();
        }
    }

    async fn rest(&self, duration: Duration, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.bell.notified() => {}
            () = tokio::time::sleep(duration) => {}
        }
    }

    /// Whether neither a running nor a claimed job is a suspect.
    fn may_take_suspect(&self, claimed: &Claimed) -> bool {
        !self.held.has_suspect() && !claimed.claims.iter().any(Claim::is_suspect)
    }

    async fn claim(&self, slots: usize, suspect: bool) -> Result<Batch, LinkError> {
        let call = CLAIM
            .call(self.keys.base())
            .arg(slots)
            .arg(self.lease.as_millis() as u64)
            .arg(&*self.worker)
            .arg(MAX_PROMOTED)
            .arg(u8::from(suspect));
        let answer: Vec<Value> = self.link.call(call).await?;
        let batch = read_batch(answer, &self.queue, &self.worker)?;
        if batch.next_lease_ms.is_some_and(|end| end <= batch.now_ms) {
            self.keeper.sweep().await?;
        }
        Ok(batch)
    }

    async fn hand_over(&self, claimed: Claimed) {
        let Some(mut slots) = claimed.slots else {
            return;
        };
        for claim in claimed.claims {
            let Some(slot) = slots.split_one() else {
                return;
            };
            let lease = Arc::clone(&claim.lease);
            let execution = Execution::prepare(claim, &self.registry, &self.gates, &self.client);
            self.held.insert(lease, HeldAttempt::new(&execution, slot));
            if self.attempts.send(execution).await.is_err() {
                return;
            }
        }
    }

    /// How long to rest after a claim; `None` to claim again at once.
    fn wait_after(&self, batch: &Batch, free: usize) -> Option<Duration> {
        let full = batch.claims.len() == free;
        if full || batch.due_left {
            return None;
        }
        let until = |instant: Option<u64>| {
            instant.map(|at| Duration::from_millis(at.saturating_sub(batch.now_ms)))
        };
        let due = until(batch.next_due_ms);
        // A little later, so that the lease has surely run out when the claim looks.
        let lease = until(batch.next_lease_ms).map(|left| left + Duration::from_millis(20));
        let poll = if batch.suspects_left {
            SUSPECT_POLL
        } else {
            jittered(self.idle_poll)
        };
        Some([due, lease].into_iter().flatten().fold(poll, Duration::min))
    }
}

#[cfg(feature = "faults")]
impl Batch {
    /// The points that this answer leads to.
    fn reach(&self) {
        use crate::faults::{Point, reach};
        if !self.claims.is_empty() {
            reach(Point::AfterClaim);
        }
        if self.due_left {
            reach(Point::BetweenPromotions);
        }
    }
}

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(20), Duration::from_secs(1))
}

fn read_batch(answer: Vec<Value>, queue: &Arc<str>, worker: &Arc<str>) -> Result<Batch, LinkError> {
    let mut values = answer.into_iter();
    let now_ms: u64 = next(&mut values)?;
    let next_due: i64 = next(&mut values)?;
    let next_lease: i64 = next(&mut values)?;
    let left: u8 = next(&mut values)?;
    let checkpoints: Vec<(usize, Vec<u8>)> = next(&mut values)?;
    let mut checkpoints: HashMap<_, _> = checkpoints.into_iter().collect();
    let records: String = next(&mut values)?;
    let mut records = records.lines();
    let mut claims = Vec::with_capacity(values.len() / 2);
    for number in 1..=values.len() / 2 {
        let (id, envelope): (Vec<u8>, Vec<u8>) = (next(&mut values)?, next(&mut values)?);
        let record = records.next().unwrap_or_default();
        let checkpoint = checkpoints.remove(&number).unwrap_or_default();
        let id = String::from_utf8_lossy(&id);
        let (Ok(id), Some(record)) = (id.parse::<JobId>(), RunRecord::parse_start(record)) else {
            // Nothing of ours writes such an entry. Its neighbours run; the sweep holds it.
            tracing::error!(%queue, "claimed an entry whose id or record cannot be read; see fsck");
            continue;
        };
        claims.push(Claim {
            lease: format!("{}:{id}", record.fence).into(),
            id,
            queue: Arc::clone(queue),
            worker: Arc::clone(worker),
            envelope,
            record,
            checkpoint: String::from_utf8_lossy(&checkpoint).into_owned(),
            claimed_at: Instant::now(),
        });
    }
    Ok(Batch {
        now_ms,
        next_due_ms: u64::try_from(next_due).ok(),
        next_lease_ms: u64::try_from(next_lease).ok(),
        due_left: left == 1,
        suspects_left: left == 2,
        claims,
    })
}

fn next<T: FromRedisValue>(values: &mut impl Iterator<Item = Value>) -> Result<T, LinkError> {
    let value = values.next().ok_or_else(|| malformed(&"too few values"))?;
    T::from_redis_value(value).map_err(|error| malformed(&error))
}

fn malformed(why: &dyn std::fmt::Display) -> LinkError {
    LinkError::Malformed(format!("answer to a claim: {why}"))
}
