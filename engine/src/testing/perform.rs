//! One attempt of one handler, from a payload to what a worker would do next.

use std::convert::Infallible;
use std::future::{Future, IntoFuture, pending};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use tracing::instrument::WithSubscriber;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};

use super::{Outcome, Recorder};
use crate::client::NewJob;
use crate::effects::{EffectLedger, MemoryLedger};
use crate::executor::{
    self, Ending, Facts, Handler, JobContext, JobError, JobLogLayer, Progress, StopReason, attempt,
    caught, judge, listen, span, within,
};
use crate::id::JobId;
use crate::inspect::{JobLog, LogLine};
use crate::job::Job;
use crate::policy::{RetryPolicy, Timeout};

/// Runs one attempt of a job by a handler: `perform(&handler, job).attempt(3).await`.
///
/// Unless told otherwise it is the first attempt of a new job with its kind's policy.
pub fn perform<H: Handler>(handler: &H, job: H::Job) -> Perform<'_, H> {
    Perform {
        handler,
        job,
        id: JobId::generate(),
        attempt: 1,
        max_attempts: H::Job::RETRY.max_attempts,
        timeout: H::Job::TIMEOUT,
        dry_run: false,
        checkpoint: None,
        stop: None,
        effects: Arc::new(MemoryLedger::default()),
        recorder: Recorder::default(),
    }
}

/// The handler that an async function `(job, cx) -> Result<Output, JobError>` is.
pub fn function<J, F, Fut>(function: F) -> impl Handler<Job = J>
where
    J: Job,
    F: Fn(J, JobContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<J::Output, JobError>> + Send + 'static,
{
    executor::Function::new(function)
}

/// An attempt that is being put together; `.await` runs it.
#[derive(Debug)]
#[must_use = "nothing runs until this is awaited"]
pub struct Perform<'h, H: Handler> {
    handler: &'h H,
    job: H::Job,
    id: JobId,
    attempt: u32,
    max_attempts: u32,
    timeout: Timeout,
    dry_run: bool,
    checkpoint: Option<Value>,
    stop: Option<(Duration, StopReason)>,
    effects: Arc<dyn EffectLedger>,
    recorder: Recorder,
}

/// What an attempt did, and what follows.
#[derive(Debug, Clone)]
pub struct Performed<T> {
    /// What a worker would do next.
    pub outcome: Outcome,
    /// What the handler answered, as a producer would read it.
    pub output: Option<T>,
    /// The last progress it reported.
    pub progress: Option<Progress>,
    /// What the next attempt would start from.
    pub checkpoint: Option<Value>,
    /// What it logged at level info or above.
    pub logs: Vec<LogLine>,
    /// What it enqueued, in order.
    pub enqueued: Vec<NewJob>,
    /// How long it took by tokio's clock, which may be paused.
    pub elapsed: Duration,
}

impl<H: Handler> Perform<'_, H> {
    /// Another id than a new one, such as that of an earlier attempt.
    pub fn id(self, id: JobId) -> Self {
        Self { id, ..self }
    }

    /// Another attempt than the first.
    pub fn attempt(self, attempt: u32) -> Self {
        Self { attempt, ..self }
    }

    /// Another number of attempts in all than the kind's.
    pub fn max_attempts(self, max_attempts: u32) -> Self {
        Self {
            max_attempts,
            ..self
        }
    }

    /// Another timeout than the kind's.
    pub fn timeout(self, timeout: Timeout) -> Self {
        Self { timeout, ..self }
    }

    /// Asks for everything but the effect.
    pub fn dry_run(self) -> Self {
        Self {
            dry_run: true,
            ..self
        }
    }

    /// Starts from what an earlier attempt left.
    #[track_caller]
    pub fn checkpoint(self, checkpoint: &impl Serialize) -> Self {
        match serde_json::to_value(checkpoint) {
            Ok(checkpoint) => Self {
                checkpoint: Some(checkpoint),
                ..self
            },
            Err(error) => panic!("checkpoint cannot be written as JSON: {error}"),
        }
    }

    /// Asks the handler to stop after this long, for that reason.
    pub fn stopped_after(self, delay: Duration, reason: StopReason) -> Self {
        Self {
            stop: Some((delay, reason)),
            ..self
        }
    }

    /// Keeps effects in this ledger, which several attempts may share.
    pub fn effects(self, effects: Arc<dyn EffectLedger>) -> Self {
        Self { effects, ..self }
    }

    fn context(&self) -> JobContext {
        let cx = JobContext::new(
            self.id.clone(),
            H::Job::KIND,
            H::Job::QUEUE,
            self.attempt,
            self.max_attempts,
        );
        let cx = match &self.checkpoint {
            Some(checkpoint) => cx.starting_from(checkpoint),
            None => cx,
        };
        let cx = if self.dry_run { cx.in_dry_run() } else { cx };
        cx.with_effects(Arc::clone(&self.effects))
            .with_producer(Arc::new(self.recorder.clone()))
    }

    async fn run(self) -> Performed<<H::Job as Job>::Output> {
        let start = Instant::now();
        let cx = self.context();
        let ending = self.heard(&cx).await;
        let retry = RetryPolicy {
            max_attempts: self.max_attempts,
            ..H::Job::RETRY
        };
        let outcome = judge(
            ending,
            &Facts {
                attempt: self.attempt,
                retry: &retry,
                stop: cx.stop_reason(),
                // No jitter: what is left is what the handler asked for.
                random: 0.0,
            },
        );
        let (mut progress, mut checkpoint) = (None, self.checkpoint);
        let mut log = JobLog::default();
        for (table, json) in cx.take_reports() {
            match table {
                "progress" => progress = serde_json::from_str(&json).ok(),
                "checkpoint" => checkpoint = serde_json::from_str(&json).ok(),
                _ => log = JobLog::parse(&json),
            }
        }
        Performed {
            output: output(&outcome),
            outcome: outcome.into(),
            progress,
            checkpoint,
            logs: log.lines,
            enqueued: self.recorder.jobs(),
            elapsed: start.elapsed(),
        }
    }

    /// Runs the handler in a span of its own and hears what it logs there.
    async fn heard(&self, cx: &JobContext) -> Ending {
        let layer = JobLogLayer::default().with_filter(LevelFilter::INFO);
        let subscriber = tracing::Dispatch::new(tracing_subscriber::registry().with(layer));
        let span = tracing::dispatcher::with_default(&subscriber, || span(cx));
        let listening = listen(&span, cx);
        // Boxed: futures in futures in futures reach the compiler's depth limit in a user's crate.
        let run = self.ending(cx).boxed().instrument(span);
        let ending = run.with_subscriber(subscriber).await;
        drop(listening);
        ending
    }

    /// Runs the handler between the layers of the executor.
    async fn ending(&self, cx: &JobContext) -> Ending {
        let payload = match serde_json::value::to_raw_value(&self.job) {
            Ok(payload) => payload,
            Err(error) => panic!(
                "payload of {} cannot be written as JSON: {error}",
                H::Job::KIND
            ),
        };
        let run = caught(attempt(self.handler, &payload, cx));
        let abandon = CancellationToken::new();
        tokio::select! {
            biased;
            ended = within(run, self.timeout, cx, &abandon) => match ended {
                Some(Ok(performed)) => performed.into(),
                Some(Err(panic)) => Ending::Panicked(panic),
                None => Ending::Dropped,
            },
            never = stopping(self.stop, cx) => match never {},
        }
    }
}

/// Asks the handler to stop when its time has come, and waits for nothing else.
async fn stopping(stop: Option<(Duration, StopReason)>, cx: &JobContext) -> Infallible {
    if let Some((delay, reason)) = stop {
        tokio::time::sleep(delay).await;
        cx.stop(reason);
    }
    pending().await
}

/// The output as a producer would read it.
fn output<T: DeserializeOwned>(outcome: &executor::Outcome) -> Option<T> {
    let executor::Outcome::Completed { output } = outcome else {
        return None;
    };
    match serde_json::from_str(output.as_deref().unwrap_or("null")) {
        Ok(output) => Some(output),
        Err(error) => panic!("output cannot be read as what the job declares: {error}"),
    }
}

impl<'h, H: Handler> IntoFuture for Perform<'h, H> {
    type Output = Performed<<H::Job as Job>::Output>;
    type IntoFuture = BoxFuture<'h, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.run().boxed()
    }
}
