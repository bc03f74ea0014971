//! Enqueueing: from a typed job to a stored envelope.

use std::future::IntoFuture;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use redis::{FromRedisValue, Value};
use serde_json::value::RawValue;

use super::encode::encode;
use super::error::check_name;
use super::{Client, ClientError, Producer};
use crate::envelope::{Envelope, MAX_PAYLOAD_BYTES};
use crate::id::JobId;
use crate::job::Job;
use crate::link::Call;
use crate::policy::{Group, Priority, Unique};
use crate::scripts::{ENQUEUE, MAX_BATCH};

/// Script calls of one bulk enqueue that are under way at once.
const CALLS_IN_FLIGHT: usize = 4;

/// When a job may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RunAt {
    /// As soon as a slot is free.
    #[default]
    Now,
    /// After this long, counted by Redis' clock from the moment it is stored.
    After(Duration),
    /// At this instant, in ms since 1970.
    At(u64),
}

/// A job that is ready to be stored.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its name; enqueueing the same id again changes nothing.
    pub id: JobId,
    /// The queue it waits in.
    pub queue: String,
    /// What is stored.
    pub envelope: Envelope,
    /// When it may run.
    pub run_at: RunAt,
    /// What it must be the only one of.
    pub unique: Option<Unique>,
    /// How long its id stays known although the job may be gone by then; `None` for as long as the
    /// job. For producers that ask again long after they were answered: see [`Client::forget_ids`].
    pub known_for: Option<Duration>,
}

impl NewJob {
    /// A job from a typed payload, with the kind's policy.
    pub fn from_job<J: Job>(job: &J) -> Result<Self, ClientError> {
        let payload =
            serde_json::value::to_raw_value(job).map_err(|source| ClientError::Encode {
                kind: J::KIND.to_owned(),
                source,
            })?;
        let mut new = Self::from_parts(J::QUEUE, J::KIND, payload, J::PRIORITY)?;
        new.unique = job.unique();
        new.envelope.group = job.group();
        Ok(new)
    }

    /// A job from its parts, for producers that know no types.
    pub fn from_parts(
        queue: &str,
        kind: &str,
        payload: Box<RawValue>,
        priority: Priority,
    ) -> Result<Self, ClientError> {
        check_name("queue", queue)?;
        check_name("kind", kind)?;
        if payload.get().len() > MAX_PAYLOAD_BYTES {
            return Err(ClientError::PayloadTooLarge {
                kind: kind.to_owned(),
                bytes: payload.get().len(),
            });
        }
        Ok(Self {
            id: JobId::generate(),
            queue: queue.to_owned(),
            envelope: Envelope {
                v: 1,
                kind: kind.to_owned(),
                enqueued_at: producer_now_ms(),
                priority,
                max_attempts: None,
                timeout_ms: None,
                expires_at: None,
                unique: None,
                group: None,
                replay_of: None,
                tags: Vec::new(),
                dry_run: false,
                offloaded: None,
                batch: None,
                follows: None,
                then: Vec::new(),
                payload,
            },
            run_at: RunAt::Now,
            unique: None,
            known_for: None,
        })
    }
}

/// The producer's clock: written for people, decides nothing.
#[expect(
    clippy::disallowed_methods,
    reason = "the one reading of the producer's clock"
)]
pub(super) fn producer_now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    elapsed.map_or(0, |duration| duration.as_millis() as u64)
}

/// What became of a job that was enqueued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enqueued {
    /// The job's id, or that of the job that has its unique key.
    pub id: JobId,
    /// Whether this call stored it; `false` if its id was known or its unique key taken.
    pub stored: bool,
}

/// An enqueue that is being put together; `.await` sends it.
#[derive(Debug)]
#[must_use = "nothing is enqueued until this is awaited"]
pub struct Enqueue<'c> {
    producer: Option<&'c dyn Producer>,
    job: Result<NewJob, ClientError>,
}

impl<'c> Enqueue<'c> {
    pub(crate) fn new(producer: &'c dyn Producer, job: Result<NewJob, ClientError>) -> Self {
        Self {
            producer: Some(producer),
            job,
        }
    }

    /// One that fails when it is sent.
    #[cfg(feature = "worker")]
    pub(crate) fn refused(why: ClientError) -> Self {
        Self {
            producer: None,
            job: Err(why),
        }
    }

    /// Not before `delay` has passed.
    pub fn delay(self, delay: Duration) -> Self {
        self.with(|job| job.run_at = RunAt::After(delay))
    }

    /// Not before this instant, in ms since 1970.
    pub fn at_ms(self, instant: u64) -> Self {
        self.with(|job| job.run_at = RunAt::At(instant))
    }

    /// Another priority than the kind's.
    pub fn priority(self, priority: Priority) -> Self {
        self.with(|job| job.envelope.priority = priority)
    }

    /// Another number of attempts than the kind's, at least 1.
    pub fn max_attempts(self, attempts: u32) -> Self {
        self.with(|job| job.envelope.max_attempts = Some(attempts.max(1)))
    }

    /// Another soft timeout than the kind's.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|job| job.envelope.timeout_ms = Some(timeout.as_millis() as u64))
    }

    /// The caller's own id: enqueueing it twice is one job.
    pub fn id(self, id: JobId) -> Self {
        self.with(|job| job.id = id)
    }

    /// Unless it was started by this instant, in ms since 1970, it is cancelled.
    pub fn expires_at_ms(self, instant: u64) -> Self {
        self.with(|job| job.envelope.expires_at = Some(instant))
    }

    /// Another uniqueness than the job's own.
    pub fn unique(self, unique: Unique) -> Self {
        self.with(|job| job.unique = Some(unique))
    }

    /// Another group than the job's own.
    pub fn group(self, group: Group) -> Self {
        self.with(|job| job.envelope.group = Some(group))
    }

    /// What it belongs to, such as `campaign:12`.
    pub fn tag(self, tag: impl Into<String>) -> Self {
        self.with(|job| job.envelope.tags.push(tag.into()))
    }

    /// Asks the handler to do everything but the effect.
    pub fn dry_run(self) -> Self {
        self.with(|job| job.envelope.dry_run = true)
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut NewJob)) -> Self {
        if let Ok(job) = &mut self.job {
            change(job);
        }
        self
    }

    /// The first error stands.
    pub(super) fn fail(mut self, error: ClientError) -> Self {
        if self.job.is_ok() {
            self.job = Err(error);
        }
        self
    }
}

impl<'c> IntoFuture for Enqueue<'c> {
    type Output = Result<JobId, ClientError>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        async move {
            let job = self.job?;
            let producer = self.producer.ok_or(ClientError::NoProducer)?;
            let enqueued = producer.enqueue_all(vec![job]).await?;
            let first = enqueued.into_iter().next();
            first
                .map(|job| job.id)
                .ok_or_else(|| ClientError::Protocol("no answer for a job".to_owned()))
        }
        .boxed()
    }
}

impl Client {
    /// Enqueues one job: `client.enqueue(job).delay(..).await? -> JobId`.
    pub fn enqueue<J: Job>(&self, job: &J) -> Enqueue<'_> {
        Enqueue::new(self, NewJob::from_job(job))
    }

    /// Enqueues many jobs of one kind in their order; nothing is sent if one cannot be encoded.
    pub async fn enqueue_many<'j, J: Job>(
        &self,
        jobs: impl IntoIterator<Item = &'j J>,
    ) -> Result<Vec<Enqueued>, ClientError> {
        let jobs: Result<Vec<_>, _> = jobs.into_iter().map(NewJob::from_job).collect();
        self.enqueue_all(jobs?).await
    }

    /// The path every producer ends in. Answers in the order of `jobs`.
    ///
    /// After an error some of the jobs may be stored; repeating the call with the same ids
    /// stores the rest and doubles nothing.
    pub async fn enqueue_all(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, ClientError> {
        let jobs = self.offload(jobs).await?;
        let mut rest = jobs.as_slice();
        let mut calls = Vec::new();
        while let Some(first) = rest.first() {
            let same_queue = rest
                .iter()
                .take(MAX_BATCH)
                .take_while(|job| job.queue == first.queue)
                .count();
            let (batch, tail) = rest.split_at(same_queue);
            calls.push(self.store(batch));
            rest = tail;
        }
        let answers: Vec<Vec<Enqueued>> = stream::iter(calls)
            .buffered(CALLS_IN_FLIGHT)
            .try_collect()
            .await?;
        Ok(answers.into_iter().flatten().collect())
    }

    /// Lets go of ids that were to stay known ([`NewJob::known_for`]): nobody will ask again. At most
    /// [`MAX_BATCH`] at once.
    pub async fn forget_ids<'i>(
        &self,
        queue: &str,
        ids: impl IntoIterator<Item = &'i JobId>,
    ) -> Result<(), ClientError> {
        let mut forget = redis::cmd("ZREM");
        forget.arg(self.queue(queue).known());
        let mut some = false;
        for id in ids.into_iter().take(MAX_BATCH) {
            forget.arg(id.as_str());
            some = true;
        }
        if some {
            let _gone: u64 = self.link.command(&forget).await?;
        }
        Ok(())
    }

    /// Stores at most [`MAX_BATCH`] jobs of one queue with one script call.
    async fn store(&self, jobs: &[NewJob]) -> Result<Vec<Enqueued>, ClientError> {
        let Some(first) = jobs.first() else {
            return Ok(Vec::new());
        };
        self.announce(&first.queue).await?;
        let envelopes: Vec<Vec<u8>> = jobs.iter().map(encode).collect::<Result<_, _>>()?;
        let bytes = envelopes.iter().map(|envelope| envelope.len() + 64).sum();
        let mut call = ENQUEUE
            .call_sized(self.queue(&first.queue).base(), 4 * jobs.len(), bytes)
            .arg(jobs.len());
        for (job, envelope) in jobs.iter().zip(envelopes) {
            call.push(job.id.as_str());
            call.push(envelope);
            call.push(job.envelope.priority.get());
            match job.run_at {
                RunAt::Now => call.push(0),
                RunAt::At(instant) => call.push(instant.min(LATEST_RUN_AT_MS)),
                RunAt::After(delay) => call.push(format!("+{}", in_ms(delay))),
            }
        }
        for (number, job) in jobs.iter().enumerate() {
            push_wishes(&mut call, number + 1, job);
        }
        let answers: Vec<Value> = self.link.call(call).await?;
        if answers.len() != jobs.len() {
            return Err(ClientError::Protocol(format!(
                "{} answers for {} jobs",
                answers.len(),
                jobs.len()
            )));
        }
        jobs.iter()
            .zip(answers)
            .map(|(job, answer)| read(job, answer))
            .collect()
    }
}

/// What a job asks for besides its place in the line.
fn push_wishes(call: &mut Call, number: usize, job: &NewJob) {
    let mut wish = |name: &str, first: &str, second: &str| {
        call.push(number);
        call.push(name);
        call.push(first);
        call.push(second);
    };
    if let Some(unique) = &job.unique {
        let window = unique.window.map_or(0, in_ms).to_string();
        wish("unique", &unique.key, &window);
    }
    if let Some(group) = &job.envelope.group {
        wish("group", &group.member(), "");
    }
    if let Some(follower) = job.envelope.follower() {
        wish("follow", &follower.to_string(), "");
    }
    if let Some(window) = job.known_for {
        wish("known", &in_ms(window).to_string(), "");
    }
}

/// What the script says became of a job.
fn read(job: &NewJob, answer: Value) -> Result<Enqueued, ClientError> {
    let odd = |why: &dyn std::fmt::Display| {
        ClientError::Protocol(format!("answer for job {}: {why}", job.id))
    };
    match answer {
        Value::Int(stored) => Ok(Enqueued {
            id: job.id.clone(),
            stored: stored == 1,
        }),
        owner => {
            let owner = String::from_redis_value(owner).map_err(|error| odd(&error))?;
            Ok(Enqueued {
                id: owner.parse().map_err(|error| odd(&error))?,
                stored: false,
            })
        }
    }
}

pub(super) fn in_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis())
        .unwrap_or(LATEST_RUN_AT_MS)
        .min(LATEST_RUN_AT_MS)
}

/// Latest run-at kept exactly in a score: 2120. Anything later is as good as never.
const LATEST_RUN_AT_MS: u64 = 4_733_510_400_000;
