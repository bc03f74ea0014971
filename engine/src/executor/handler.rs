//! Who runs a kind: the [`Handler`] trait, and the [`Registry`] that finds it by name.
//!
//! Types are erased once, here: behind the registry a handler is a function from payload bytes
//! to a result. Everything before it (claiming, leases) and after it (acknowledging) is free of
//! type parameters.

use std::collections::BTreeMap;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::value::RawValue;

use crate::client::Producer;
use crate::effects::EffectLedger;
use crate::executor::context::JobContext;
use crate::executor::error::JobError;
use crate::gates::{self, RateLimit};
use crate::job::Job;
use crate::policy::{Breaker, RetryPolicy, Timeout};

/// Runs jobs of one kind.
///
/// Keep `run` thin: take what the payload names from `self` and call a free function with
/// narrow arguments, which can be tested without a worker.
pub trait Handler: Send + Sync + 'static {
    /// The job this handler runs.
    type Job: Job;

    /// Performs one attempt.
    fn run(
        &self,
        job: Self::Job,
        cx: &JobContext,
    ) -> impl Future<Output = Result<<Self::Job as Job>::Output, JobError>> + Send;
}

/// How an erased attempt ends.
pub(crate) enum Performed {
    /// The handler's own result; `None` when the output is JSON `null`.
    Finished(Result<Option<String>, JobError>),
    /// The payload does not fit the kind's type: a person must look at it.
    Undecodable(String),
}

trait Erased: Send + Sync {
    fn perform<'a>(&'a self, payload: &'a RawValue, cx: &'a JobContext)
    -> BoxFuture<'a, Performed>;
}

struct Typed<H>(H);

impl<H: Handler> Erased for Typed<H> {
    fn perform<'a>(
        &'a self,
        payload: &'a RawValue,
        cx: &'a JobContext,
    ) -> BoxFuture<'a, Performed> {
        attempt(&self.0, payload, cx).boxed()
    }
}

/// One attempt by a handler, from payload bytes to a result.
pub(crate) async fn attempt<H: Handler>(
    handler: &H,
    payload: &RawValue,
    cx: &JobContext,
) -> Performed {
    let job: H::Job = match serde_json::from_str(payload.get()) {
        Ok(job) => job,
        Err(error) => return Performed::Undecodable(describe(&error)),
    };
    if let Err(not_now) = gates::enter(&job, cx).await {
        return Performed::Finished(Err(not_now));
    }
    Performed::Finished(match handler.run(job, cx).await {
        Ok(output) => encode(&output),
        Err(error) => Err(error),
    })
}

/// Where and why the payload does not fit, without quoting any of it.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match error.classify() {
        serde_json::error::Category::Data
            if !text.contains("invalid value") && !text.contains("invalid type") =>
        {
            text
        }
        category => format!(
            "{category:?} error at line {} column {}",
            error.line(),
            error.column()
        ),
    }
}

fn encode<T: serde::Serialize>(output: &T) -> Result<Option<String>, JobError> {
    let text = serde_json::to_string(output)?;
    Ok((text != "null").then_some(text))
}

/// A handler that is an async function.
pub(crate) struct Function<J, F>(F, PhantomData<fn(J)>);

impl<J, F> Function<J, F> {
    pub(crate) const fn new(function: F) -> Self {
        Self(function, PhantomData)
    }
}

impl<J, F, Fut> Handler for Function<J, F>
where
    J: Job,
    F: Fn(J, JobContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<J::Output, JobError>> + Send,
{
    type Job = J;

    fn run(
        &self,
        job: J,
        cx: &JobContext,
    ) -> impl Future<Output = Result<J::Output, JobError>> + Send {
        (self.0)(job, cx.clone())
    }
}

/// One registered kind.
#[derive(Clone)]
pub struct Kind {
    /// The frozen name.
    pub name: &'static str,
    /// The queue its jobs wait in.
    pub queue: &'static str,
    /// How failures are retried.
    pub retry: RetryPolicy,
    /// How long an attempt may take.
    pub timeout: Timeout,
    /// The rate limit of which every attempt takes permits.
    pub limit: Option<&'static str>,
    /// When its jobs wait because what they need is broken.
    pub breaker: Option<Breaker>,
    handler: Arc<dyn Erased>,
}

impl Kind {
    pub(crate) fn perform<'a>(
        &'a self,
        payload: &'a RawValue,
        cx: &'a JobContext,
    ) -> BoxFuture<'a, Performed> {
        self.handler.perform(payload, cx)
    }
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kind")
            .field("name", &self.name)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

/// The kinds a worker knows, each with its handler.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    kinds: BTreeMap<&'static str, Kind>,
    limits: BTreeMap<String, RateLimit>,
    breakers: BTreeMap<String, Breaker>,
    effects: Option<Arc<dyn EffectLedger>>,
    producer: Option<Arc<dyn Producer>>,
    duplicates: Vec<&'static str>,
}

impl Registry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the handler of one kind. A kind registered twice is refused when the worker starts.
    #[must_use]
    pub fn handler<H: Handler>(mut self, handler: H) -> Self {
        let kind = Kind {
            name: H::Job::KIND,
            queue: H::Job::QUEUE,
            retry: H::Job::RETRY,
            timeout: H::Job::TIMEOUT,
            limit: H::Job::LIMIT,
            breaker: H::Job::BREAKER,
            handler: Arc::new(Typed(handler)),
        };
        if self.kinds.insert(kind.name, kind).is_some() {
            self.duplicates.push(H::Job::KIND);
        }
        self
    }

    /// Adds an async function `(job, cx) -> Result<Output, JobError>` as the handler of its job.
    #[must_use]
    pub fn function<J, F, Fut>(self, function: F) -> Self
    where
        J: Job,
        F: Fn(J, JobContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<J::Output, JobError>> + Send + 'static,
    {
        self.handler(Function::new(function))
    }

    /// Declares a rate limit that kinds and handlers may ask for by its name; the last
    /// declaration of a name stands.
    #[must_use]
    pub fn limit(mut self, limit: RateLimit) -> Self {
        self.limits.insert(limit.name.clone(), limit);
        self
    }

    /// Declares a circuit breaker that handlers may put around a call by its name; the last
    /// declaration of a name stands.
    #[must_use]
    pub fn breaker(mut self, name: impl Into<String>, policy: Breaker) -> Self {
        self.breakers.insert(name.into(), policy);
        self
    }

    /// The circuit breakers declared by name.
    pub(crate) fn breakers(&self) -> &BTreeMap<String, Breaker> {
        &self.breakers
    }

    /// The declared rate limits, by name.
    pub(crate) fn limits(&self) -> &BTreeMap<String, RateLimit> {
        &self.limits
    }

    /// Gives handlers a ledger for [`JobContext::effect`]; without one they cannot have effects.
    #[must_use]
    pub fn effects(mut self, ledger: Arc<dyn EffectLedger>) -> Self {
        self.effects = Some(ledger);
        self
    }

    /// The ledger of effects, if there is one.
    pub(crate) fn effect_ledger(&self) -> Option<&Arc<dyn EffectLedger>> {
        self.effects.as_ref()
    }

    /// Gives handlers a place for the jobs they enqueue.
    pub(crate) fn producing_into(mut self, producer: Arc<dyn Producer>) -> Self {
        self.producer = Some(producer);
        self
    }

    /// The place for the jobs that handlers enqueue.
    pub(crate) fn producer(&self) -> Option<&Arc<dyn Producer>> {
        self.producer.as_ref()
    }

    /// The kind of that name.
    pub fn get(&self, kind: &str) -> Option<&Kind> {
        self.kinds.get(kind)
    }

    /// All kinds, by name.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.values()
    }

    /// The queues of all kinds, each once, by name.
    pub fn queues(&self) -> Vec<&'static str> {
        let mut queues: Vec<_> = self.kinds.values().map(|kind| kind.queue).collect();
        queues.sort_unstable();
        queues.dedup();
        queues
    }

    /// Kinds that were registered more than once.
    pub fn duplicates(&self) -> &[&'static str] {
        &self.duplicates
    }
}
