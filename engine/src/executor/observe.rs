//! What the world hears of an attempt: a span around it, one log line and metrics at its end.
//!
//! The line is logged here and nowhere else. It carries names and numbers; the error's text is
//! the handler's responsibility and must hold no personal data.

use std::task::{Context, Poll};

use apalis_core::task::Task;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tower::{Layer, Service};
use tracing::{Instrument, Span};

use crate::executor::context::JobContext;
use crate::executor::execution::Execution;
use crate::executor::log::listen;
use crate::executor::outcome::Outcome;
use crate::metrics::KindMetrics;

/// Adds [`Observe`].
#[derive(Debug, Clone)]
pub(crate) struct ObserveLayer {
    pub(crate) metrics: KindMetrics,
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe {
            inner,
            metrics: self.metrics.clone(),
        }
    }
}

/// Traces, logs and counts attempts.
#[derive(Debug, Clone)]
pub(crate) struct Observe<S> {
    inner: S,
    metrics: KindMetrics,
}

impl<S> Service<Task<Execution>> for Observe<S>
where
    S: Service<Task<Execution>, Response = Outcome>,
    S::Future: Send + 'static,
    S::Error: Send,
{
    type Response = Outcome;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Outcome, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, task: Task<Execution>) -> Self::Future {
        let execution = task.args.clone();
        let metrics = self.metrics.clone();
        let cx = execution.cx();
        let span = span(cx);
        let listening = listen(&span, cx);
        let run = self.inner.call(task);
        async move {
            let outcome = run.await?;
            // The line below is for the process' log: what it says is stored with the job anyway.
            drop(listening);
            metrics.ended(&execution, &outcome);
            log(&execution, &outcome);
            Ok(outcome)
        }
        .instrument(span)
        .boxed()
    }
}

/// The span around everything an attempt does.
pub(crate) fn span(cx: &JobContext) -> Span {
    tracing::info_span!(
        "job",
        job.id = %cx.id(),
        job.kind = cx.kind(),
        job.attempt = cx.attempt(),
        queue = cx.queue(),
    )
}

fn log(execution: &Execution, outcome: &Outcome) {
    let elapsed_ms = execution.claim().claimed_at.elapsed().as_millis() as u64;
    let failure = outcome
        .failure()
        .map(|failure| failure.message.as_str())
        .unwrap_or_default();
    match outcome {
        Outcome::Completed { .. } => tracing::debug!(elapsed_ms, "completed"),
        Outcome::Snoozed { delay, reason } => {
            tracing::debug!(elapsed_ms, ?delay, reason, "snoozed");
        }
        Outcome::Retrying { delay, .. } => {
            tracing::warn!(elapsed_ms, ?delay, failure, "failed, will be tried again");
        }
        Outcome::Discarded { .. } => tracing::error!(elapsed_ms, failure, "failed for good"),
        Outcome::Held { reason, .. } => {
            tracing::error!(elapsed_ms, reason, failure, "held: needs a human");
        }
        Outcome::Cancelled { reason } => tracing::info!(elapsed_ms, reason, "cancelled"),
        Outcome::Returned => tracing::info!(elapsed_ms, "handed back"),
    }
}
