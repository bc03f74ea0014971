//! Tells batches and chains what became of their jobs: one courier per queue of a worker.
//!
//! The script that ends a followed job leaves a signal; the courier tells the job's batch, enqueues
//! the next step of its chain, and only then forgets the signal. Telling twice is telling once, so a
//! courier may die anywhere, and the next one begins with the same signals. A short lock keeps
//! several couriers of a queue from doing the same work; nothing depends on it.
//!
//! It also works off the agenda: batches of which somebody who died may have left something undone.
//!
//! A queue without workers has no courier: what ended there is told when one starts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, Value};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backoff::{Backoff, jittered};
use crate::batch::{BatchId, Member, Told};
use crate::client::{Client, ClientError, NewJob};
use crate::envelope::Envelope;
use crate::follower::Signal;
use crate::id::JobId;
use crate::keys::QueueKeys;
use crate::scripts::{SIGNALS_TAKE, SIGNALS_TOLD};
use crate::state::State;

/// Most signals told at once.
const STEP: usize = 100;
/// How long a courier that died keeps others waiting; longer than a step takes.
const LOCK: Duration = Duration::from_secs(10);
/// How soon to look whether another courier is done.
const BUSY: Duration = Duration::from_secs(1);
/// How often the agenda is worked off at most.
const AGENDA_EVERY: Duration = Duration::from_secs(15);

/// The courier of one queue.
pub(crate) struct Courier {
    pub(crate) client: Client,
    pub(crate) queue: String,
    pub(crate) worker: String,
    /// Rung when signals may be there.
    pub(crate) bell: Arc<Notify>,
}

/// A signal as it is stored.
#[derive(Clone)]
struct Stored {
    id: String,
    text: String,
}

/// A job that is over, and what is to be done about it.
struct Ended {
    stored: Stored,
    id: JobId,
    signal: Signal,
    /// The next step of its chain, if it completed and has one.
    next: Option<NewJob>,
}

/// Who may tell now.
enum Taken {
    /// Another courier does.
    Busy,
    /// This one, of these; none for nothing to tell.
    Signals(Vec<Stored>),
}

impl Courier {
    /// Tells until `stop`. A step that is cut off is taken again by another courier.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut backoff = backoff();
        let mut agenda_at = Instant::now();
        let mut again: Option<Duration> = None;
        loop {
            let rest = async {
                match again {
                    Some(soon) => tokio::time::sleep(soon).await,
                    None => self.bell.notified().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = rest => {}
            }
            let round = tokio::select! {
                () = stop.cancelled() => return,
                round = self.round(&mut agenda_at) => round,
            };
            again = match round {
                Ok(again) => {
                    backoff = self::backoff();
                    again
                }
                Err(error) => {
                    tracing::warn!(queue = %self.queue, %error, "batches and chains were not told, trying again");
                    Some(backoff.next())
                }
            };
        }
    }

    /// Tells what there is to tell; when to come back without being rung for.
    async fn round(&self, agenda_at: &mut Instant) -> Result<Option<Duration>, ClientError> {
        let again = self.deliver().await?;
        if Instant::now() >= *agenda_at {
            self.client.work_off_agenda().await?;
            *agenda_at = Instant::now() + jittered(AGENDA_EVERY);
        }
        Ok(again)
    }

    async fn deliver(&self) -> Result<Option<Duration>, ClientError> {
        loop {
            let signals = match self.take().await? {
                Taken::Busy => return Ok(Some(jittered(BUSY))),
                Taken::Signals(signals) => signals,
            };
            if signals.is_empty() {
                return Ok(None);
            }
            let taken = signals.len();
            let (told, trouble) = self.tell(signals).await?;
            #[cfg(feature = "faults")]
            crate::faults::reach(crate::faults::Point::BeforeForget);
            self.forget(&told).await?;
            if let Some(error) = trouble {
                return Err(error);
            }
            if told.len() < taken {
                return Ok(Some(jittered(BUSY)));
            }
        }
    }

    async fn take(&self) -> Result<Taken, ClientError> {
        let call = SIGNALS_TAKE
            .call(self.keys().base())
            .arg(&self.worker)
            .arg(LOCK.as_millis() as u64)
            .arg(STEP);
        let answer: Value = self.client.link().call(call).await?;
        if !matches!(answer, Value::Array(_)) {
            return Ok(Taken::Busy);
        }
        let pairs = Vec::<(String, String)>::from_redis_value(answer)
            .map_err(|error| ClientError::Protocol(error.to_string()))?;
        let stored = pairs.into_iter().map(|(id, text)| Stored { id, text });
        Ok(Taken::Signals(stored.collect()))
    }

    /// Batches first: a next step must be known to its batch before it can end. Answers what was
    /// told; the signals of a batch that cannot be told stay, and do not hold up the others.
    async fn tell(
        &self,
        signals: Vec<Stored>,
    ) -> Result<(Vec<Stored>, Option<ClientError>), ClientError> {
        let mut ended = self.read(signals).await?;
        let mut trouble = None;
        let mut batches: BTreeMap<BatchId, Vec<Ended>> = BTreeMap::new();
        let of_a_batch = ended.extract_if(.., |job| job.signal.follower.batch.is_some());
        for job in of_a_batch {
            if let Some(batch) = job.signal.follower.batch.clone() {
                batches.entry(batch).or_default().push(job);
            }
        }
        for (batch, mut jobs) in batches {
            let told: Vec<Told> = jobs.iter().map(|job| self.told(job)).collect();
            match self.client.tell_batch(&batch, &told).await {
                Ok(goes_on) => {
                    for (job, goes_on) in jobs.iter_mut().zip(goes_on) {
                        job.next.take_if(|_| !goes_on);
                    }
                    ended.append(&mut jobs);
                }
                Err(error) => trouble = Some(error),
            }
        }
        #[cfg(feature = "faults")]
        crate::faults::reach(crate::faults::Point::AfterTell);
        let next = ended.iter_mut().filter_map(|job| job.next.take()).collect();
        self.enqueue_next(next).await?;
        Ok((ended.into_iter().map(|job| job.stored).collect(), trouble))
    }

    fn told(&self, job: &Ended) -> Told {
        Told {
            member: Member {
                queue: self.queue.clone(),
                id: job.id.clone(),
            },
            state: job.signal.state,
            follower: job.next.as_ref().map(Member::of),
        }
    }

    /// Enqueues next steps. One whose unique key is taken is not stored: it leaves its batch.
    async fn enqueue_next(&self, jobs: Vec<NewJob>) -> Result<(), ClientError> {
        let steps: Vec<_> = jobs
            .iter()
            .map(|job| (Member::of(job), job.envelope.batch.clone()))
            .collect();
        let stored = self.client.enqueue_all(jobs).await?;
        for ((member, batch), answer) in steps.into_iter().zip(stored) {
            if answer.id == member.id {
                continue;
            }
            tracing::warn!(job.id = %member.id, owner = %answer.id, "a chain ended: the unique key of its next step is taken");
            if let Some(batch) = batch {
                self.client
                    .settle_members(&batch, vec![(member, "refused")])
                    .await?;
            }
        }
        Ok(())
    }

    /// What the signals say, with the next steps of those that completed.
    async fn read(&self, signals: Vec<Stored>) -> Result<Vec<Ended>, ClientError> {
        let mut ended = Vec::with_capacity(signals.len());
        for stored in signals {
            let (Ok(id), Some(signal)) = (stored.id.parse::<JobId>(), Signal::read(&stored.text))
            else {
                tracing::error!(queue = %self.queue, "a signal cannot be read and stays; see fsck");
                continue;
            };
            let chained = signal.follower.then && signal.state == Some(State::Completed);
            let next = if chained { self.next(&id).await? } else { None };
            ended.push(Ended {
                stored,
                id,
                signal,
                next,
            });
        }
        Ok(ended)
    }

    /// The step behind a job that completed. Read one by one: each may be as large as a payload.
    async fn next(&self, id: &JobId) -> Result<Option<NewJob>, ClientError> {
        let mut get = redis::cmd("HGET");
        get.arg(self.keys().job()).arg(id.as_str());
        let bytes: Option<Vec<u8>> = self.client.link().command(&get).await?;
        let Some(bytes) = bytes else {
            tracing::error!(job.id = %id, "a chain ended: its job is gone");
            return Ok(None);
        };
        let next = Envelope::decode(&bytes).map(|done| NewJob::after(id, done));
        let why: String = match next {
            Ok(Ok(next)) => return Ok(next),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!(job.id = %id, error = why, "a chain ended: its next step cannot be read");
        Ok(None)
    }

    async fn forget(&self, signals: &[Stored]) -> Result<(), ClientError> {
        let mut call = SIGNALS_TOLD.call(self.keys().base()).arg(&self.worker);
        for stored in signals {
            call.push(&stored.id);
            call.push(&stored.text);
        }
        let _left: u64 = self.client.link().call(call).await?;
        Ok(())
    }

    fn keys(&self) -> QueueKeys {
        self.client.queue(&self.queue)
    }
}

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(50), Duration::from_secs(2))
}
