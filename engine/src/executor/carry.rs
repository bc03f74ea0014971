//! The outermost service: gives every attempt a task of its own and carries its outcome to the
//! acker. It frees the slot once the outcome is in the acker's hands.

use std::sync::Arc;
use std::task::{Context, Poll};

use apalis_core::error::BoxDynError;
use apalis_core::task::Task;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::sync::mpsc;
use tower::{Layer, Service};

use crate::backend::{Ack, Held};
use crate::executor::execution::Execution;
use crate::executor::outcome::{Failure, Outcome};

/// Largest output kept, in bytes of JSON.
pub(crate) const MAX_OUTPUT_BYTES: usize = 64 * 1024;

/// Adds [`Carry`].
#[derive(Clone)]
pub(crate) struct CarryLayer {
    pub(crate) outcomes: mpsc::Sender<Ack>,
    pub(crate) held: Arc<Held>,
}

impl<S> Layer<S> for CarryLayer {
    type Service = Carry<S>;

    fn layer(&self, inner: S) -> Carry<S> {
        Carry {
            inner,
            carrier: self.clone(),
        }
    }
}

/// Runs attempts in parallel and reports them.
#[derive(Clone)]
pub(crate) struct Carry<S> {
    inner: S,
    carrier: CarryLayer,
}

impl<S> Service<Task<Execution>> for Carry<S>
where
    S: Service<Task<Execution>, Response = Outcome>,
    S::Future: Send + 'static,
    S::Error: Into<BoxDynError> + Send + 'static,
{
    type Response = ();
    type Error = BoxDynError;
    type Future = BoxFuture<'static, Result<(), BoxDynError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where attempts get their tasks"
    )]
    fn call(&mut self, task: Task<Execution>) -> Self::Future {
        let carrier = self.carrier.clone();
        let execution = task.args.clone();
        let run = self.inner.call(task);
        let attempt = tokio::spawn(async move {
            let outcome = run.await.map_err(Into::into)?;
            let lease = Arc::clone(&execution.claim().lease);
            let ack = in_words(&execution, outcome, Arc::clone(&lease));
            let taken = carrier.outcomes.send(ack).await;
            carrier.held.remove(&lease);
            taken.map_err(BoxDynError::from)
        });
        attempt
            .map(|joined| joined.unwrap_or_else(|error| Err(error.into())))
            .boxed()
    }
}

/// Says an outcome in the words of `ack.lua`.
fn in_words(execution: &Execution, outcome: Outcome, lease: Arc<str>) -> Ack {
    let refund = matches!(outcome, Outcome::Snoozed { .. } | Outcome::Returned);
    let reason: &str = match &outcome {
        Outcome::Held { reason, .. } | Outcome::Cancelled { reason } => reason,
        Outcome::Snoozed { reason, .. } => reason,
        Outcome::Discarded { failure } => failure.kind,
        _ => "",
    };
    let later =
        |delay: std::time::Duration| format!("{} {}", delay.as_millis(), execution.priority());
    let argument = match &outcome {
        Outcome::Retrying { delay, .. } | Outcome::Snoozed { delay, .. } => later(*delay),
        Outcome::Returned => execution.claim().record.score.to_string(),
        _ => String::new(),
    };
    let error = outcome
        .failure()
        .map(|failure| error_line(execution, failure))
        .unwrap_or_default();
    let record = match outcome {
        // A success leaves the record that its claim wrote.
        Outcome::Completed { .. } => String::new(),
        _ => execution.record(refund, reason).to_string(),
    };
    let name = outcome.name();
    let result = match outcome {
        Outcome::Completed {
            output: Some(output),
        } => bounded(output),
        _ => String::new(),
    };
    Ack {
        lease,
        id: execution.cx().id().clone(),
        outcome: name,
        record,
        argument,
        result,
        error,
        reports: execution.cx().take_reports().collect(),
    }
}

/// An output that is too large is replaced by a note of its size; the job stays completed.
fn bounded(output: String) -> String {
    if output.len() <= MAX_OUTPUT_BYTES {
        return output;
    }
    json!({ "dropped_output_bytes": output.len(), "limit": MAX_OUTPUT_BYTES }).to_string()
}

fn error_line(execution: &Execution, failure: &Failure) -> String {
    json!({
        "attempt": execution.claim().record.attempt,
        "at": execution.claim().now_ms(),
        "kind": failure.kind,
        "message": failure.message,
    })
    .to_string()
}
