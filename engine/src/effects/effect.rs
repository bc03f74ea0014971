//! `cx.effect(key)`: one effect from the reservation to its answer.
//!
//! 1. The key is reserved, or the ledger says what became of it and `judge` what follows.
//! 2. The closure runs, at most for the effect's time, counted from before the reservation: when
//!    others may take it for over, it is.
//! 3. Its answer is confirmed; a failure that says it did not happen releases the key; anything
//!    else, a dropped future included, leaves it for a later attempt to find.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use super::judge::{Step, judge};
use super::{EffectEnd, EffectLedger, MAX_ANSWER_BYTES, Reservation};
use crate::backoff::Backoff;
use crate::client::check_label;
use crate::executor::{JobContext, JobError};
use crate::id::JobId;
use crate::metrics::EFFECTS;

/// How long an effect may take unless it says otherwise: what HTTP clients wait at most by default.
const LASTS: Duration = Duration::from_secs(30);
/// How often a question to the ledger is repeated before the attempt gives up. With the pauses
/// below it outlasts a failover of a few seconds.
const TRIES: usize = 5;
/// How soon to come back when the ledger cannot be asked, or another call was faster.
const COME_BACK: Duration = Duration::from_secs(5);

/// What a provider says about an effect that may have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled<T> {
    /// It happened, with this answer.
    Happened(T),
    /// It certainly did not happen: it is run now.
    DidNotHappen,
    /// The provider cannot tell: a person must.
    CannotTell,
}

type Ask<'c, T> = Box<dyn FnOnce() -> BoxFuture<'c, Result<Settled<T>, JobError>> + Send + 'c>;

/// An effect that is being put together; [`Effect::run`] runs it, at most once ever.
#[must_use = "nothing happens until it is run"]
pub struct Effect<'c, T> {
    cx: &'c JobContext,
    key: String,
    lasts: Duration,
    ask: Option<Ask<'c, T>>,
    if_dry: Option<T>,
}

impl<T> std::fmt::Debug for Effect<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Effect")
            .field("key", &self.key)
            .field("lasts", &self.lasts)
            .finish_non_exhaustive()
    }
}

impl JobContext {
    /// Something that must not happen twice, by a key that names it for ever (`mail:send:42`); at
    /// most 200 bytes, and no personal data: keys are shown to operators.
    ///
    /// ```no_run
    /// # async fn send() -> Result<u64, rouage::JobError> { Ok(1) }
    /// # async fn run(cx: &rouage::JobContext) -> Result<(), rouage::JobError> {
    /// let message: u64 = cx.effect("mail:send:42").run(async || send().await).await?;
    /// # Ok(()) }
    /// ```
    pub fn effect<T>(&self, key: impl Into<String>) -> Effect<'_, T> {
        Effect {
            cx: self,
            key: key.into(),
            lasts: LASTS,
            ask: None,
            if_dry: None,
        }
    }
}

impl<'c, T: Serialize + DeserializeOwned + Send> Effect<'c, T> {
    /// How long it may take, 30 s by default. When it takes longer, nobody knows whether it
    /// happened; a later attempt does not ask before this time is over.
    pub fn lasts(mut self, at_most: Duration) -> Self {
        self.lasts = at_most;
        self
    }

    /// How to ask the provider whether it happened, when an earlier attempt left it open.
    pub fn settle<F, Fut>(mut self, ask: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'c,
        Fut: Future<Output = Result<Settled<T>, JobError>> + Send + 'c,
    {
        self.ask = Some(Box::new(move || ask().boxed()));
        self
    }

    /// What a dry run answers instead of running it; without it, what `null` decodes to.
    pub fn if_dry(mut self, answer: T) -> Self {
        self.if_dry = Some(answer);
        self
    }

    /// Runs it unless it happened already, and answers what it answered then. The answer is kept,
    /// at most 16 KB of JSON of it.
    ///
    /// An error of `effect` says that it certainly did *not* happen, and a later attempt runs it
    /// again; where that cannot be said (a timeout, a connection cut after sending), it must be
    /// [`JobError::unknown_effect`]. Pass what comes out on with `?`: it may ask for a snooze, or
    /// for the job to be held.
    pub async fn run<F, Fut>(mut self, effect: F) -> Result<T, JobError>
    where
        F: FnOnce() -> Fut + Send,
        Fut: Future<Output = Result<T, JobError>> + Send,
    {
        if self.cx.is_dry_run() {
            let key = &self.key;
            return self.if_dry.take().map_or_else(|| decode(key, "null"), Ok);
        }
        let Some(ledger) = self.cx.effects().map(Arc::clone) else {
            return Err(JobError::discard(
                "this worker has no ledger of effects; hint: give its registry one with Registry::effects",
            ));
        };
        check_label("effect key", &self.key).map_err(|error| JobError::Discard(error.into()))?;
        self.cx.check()?;
        let deadline = Instant::now() + self.lasts;
        let call = Call {
            ledger,
            reservation: self.reservation(),
        };
        match call.reserve(self.ask.take()).await? {
            Granted::Answer(answer) => decode(&self.key, &answer),
            Granted::Settled(answer) => Ok(answer),
            Granted::Run => call.perform(effect, deadline).await,
        }
    }

    fn reservation(&self) -> Reservation {
        let cx = self.cx;
        Reservation {
            key: self.key.clone(),
            call: JobId::generate().to_string(),
            job: cx.id().clone(),
            kind: cx.kind().to_owned(),
            attempt: cx.attempt(),
            fence: cx.fence(),
            lasts: self.lasts,
        }
    }
}

/// What a reservation brought.
enum Granted<T> {
    /// It is ours to run.
    Run,
    /// It happened before; the answer as JSON.
    Answer(String),
    /// The provider says that it happened.
    Settled(T),
}

/// One call and the ledger it talks to.
struct Call {
    ledger: Arc<dyn EffectLedger>,
    reservation: Reservation,
}

impl Call {
    async fn reserve<T: Serialize>(&self, ask: Option<Ask<'_, T>>) -> Result<Granted<T>, JobError> {
        let mine = &self.reservation;
        let Some(found) = self.insist(|| self.ledger.reserve(mine)).await? else {
            return Ok(Granted::Run);
        };
        match (judge(&found, mine, ask.is_some()), ask) {
            (Step::Run, _) => Ok(Granted::Run),
            (Step::Answer(answer), _) => {
                count("repeated");
                Ok(Granted::Answer(answer))
            }
            (Step::Wait(time), _) => Err(busy(time)),
            (Step::TakeOver, _) => self.take_over(&found.call).await,
            (Step::Ask, Some(ask)) => self.settle(&found.call, ask().await?).await,
            (Step::Ask | Step::Unknown, _) => Err(self.is_unknown(&found.call).await),
        }
    }

    async fn take_over<T>(&self, seen: &str) -> Result<Granted<T>, JobError> {
        let taken = self
            .insist(|| self.ledger.take_over(&self.reservation, seen))
            .await?;
        if taken {
            Ok(Granted::Run)
        } else {
            Err(busy(COME_BACK))
        }
    }

    /// Writes down what the provider said about the call `seen`.
    async fn settle<T: Serialize>(
        &self,
        seen: &str,
        settled: Settled<T>,
    ) -> Result<Granted<T>, JobError> {
        match settled {
            Settled::Happened(answer) => {
                self.end(seen, EffectEnd::Confirmed(self.encode(&answer)))
                    .await?;
                count("settled");
                Ok(Granted::Settled(answer))
            }
            Settled::DidNotHappen => self.take_over(seen).await,
            Settled::CannotTell => Err(self.is_unknown(seen).await),
        }
    }

    /// Runs what was reserved and writes down how it ended.
    async fn perform<T, F, Fut>(&self, effect: F, deadline: Instant) -> Result<T, JobError>
    where
        T: Serialize,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, JobError>>,
    {
        let (key, call) = (&self.reservation.key, &self.reservation.call);
        // Whoever was stopped between the reservation and here is late, and must not begin.
        if Instant::now() >= deadline {
            return Err(self.is_unknown(call).await);
        }
        match timeout_at(deadline, effect()).await {
            Ok(Ok(answer)) => {
                self.end(call, EffectEnd::Confirmed(self.encode(&answer)))
                    .await?;
                count("confirmed");
                Ok(answer)
            }
            Ok(Err(JobError::Unknown(error))) => {
                drop(self.is_unknown(call).await);
                Err(JobError::Unknown(
                    error.context(format!("effect {key:?} may have happened")),
                ))
            }
            Ok(Err(error)) => {
                self.end(call, EffectEnd::Released).await?;
                count("released");
                Err(error)
            }
            Err(_) => Err(self.is_unknown(call).await),
        }
    }

    /// Writes an end that is known. If the ledger cannot be reached, it is unknown for everybody
    /// else, and the job is held.
    async fn end(&self, call: &str, end: EffectEnd) -> Result<(), JobError> {
        let key = &self.reservation.key;
        match self.insist(|| self.ledger.end(key, call, &end)).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                tracing::error!(
                    key,
                    state = end.state().name(),
                    "effect ended too late: another call has its key"
                );
                Ok(())
            }
            Err(_) => Err(unknown(&format!(
                "effect {key:?} is {}, which could not be written down",
                end.state().name()
            ))),
        }
    }

    /// Notes that nobody knows; if that cannot be written, the open reservation says the same.
    async fn is_unknown(&self, call: &str) -> JobError {
        let key = &self.reservation.key;
        if let Err(error) = self.ledger.end(key, call, &EffectEnd::Unknown).await {
            tracing::warn!(key, %error, "an unknown effect could not be noted");
        }
        count("unknown");
        unknown(&format!("nobody knows whether effect {key:?} happened"))
    }

    /// Asks the ledger until it answers, a few times; then the attempt is snoozed, which is not
    /// counted as one.
    async fn insist<'s, A>(
        &'s self,
        question: impl Fn() -> BoxFuture<'s, anyhow::Result<A>>,
    ) -> Result<A, JobError> {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        for last in (0..TRIES).rev() {
            match question().await {
                Ok(answer) => return Ok(answer),
                Err(error) if last == 0 => {
                    tracing::warn!(key = self.reservation.key, %error, "the ledger of effects does not answer");
                }
                Err(_) => tokio::time::sleep(backoff.next()).await,
            }
        }
        Err(JobError::waiting(COME_BACK, "effect:ledger".to_owned()))
    }

    /// The answer as JSON. It is too late to fail: what cannot be kept is kept as `null`.
    fn encode<T: Serialize>(&self, answer: &T) -> String {
        let text = serde_json::to_string(answer).unwrap_or_default();
        if (1..=MAX_ANSWER_BYTES).contains(&text.len()) {
            return text;
        }
        tracing::warn!(
            key = self.reservation.key,
            bytes = text.len(),
            limit = MAX_ANSWER_BYTES,
            "the answer of an effect is not kept"
        );
        "null".to_owned()
    }
}

/// Another run of the effect is, or may be, under way.
fn busy(time: Duration) -> JobError {
    JobError::waiting(time, "effect:busy".to_owned())
}

fn unknown(what: &str) -> JobError {
    JobError::unknown_effect(anyhow::anyhow!(
        "{what}; hint: find out, decide it, then retry the job"
    ))
}

fn count(outcome: &'static str) {
    metrics::counter!(EFFECTS, "outcome" => outcome).increment(1);
}

/// A kept answer as the handler wants it.
fn decode<T: DeserializeOwned>(key: &str, answer: &str) -> Result<T, JobError> {
    serde_json::from_str(answer).map_err(|error| {
        JobError::discard(format!(
            "the kept answer of effect {key:?} does not fit: {:?} error; hint: an effect decided by hand, or a dry run, needs an answer of the handler's type",
            error.classify()
        ))
    })
}
