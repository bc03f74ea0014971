//! Soft and hard limits of an attempt.
//!
//! At the soft timeout, or when somebody else cancels the token, the handler is asked to stop
//! and gets its time to tidy up; then its future is dropped. `abandon` drops every handler at
//! once: it is the end of a worker's grace.

use std::task::{Context, Poll};

use apalis_core::task::Task;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tower::{Layer, Service};

use crate::executor::context::StopReason;
use crate::executor::execution::Execution;
use crate::executor::outcome::Ending;

/// Adds [`Limit`].
#[derive(Debug, Clone)]
pub(crate) struct LimitLayer {
    /// Cancelled when running handlers must be dropped.
    pub(crate) abandon: CancellationToken,
}

impl<S> Layer<S> for LimitLayer {
    type Service = Limit<S>;

    fn layer(&self, inner: S) -> Limit<S> {
        Limit {
            inner,
            abandon: self.abandon.clone(),
        }
    }
}

/// Ends attempts that take too long.
#[derive(Debug, Clone)]
pub(crate) struct Limit<S> {
    inner: S,
    abandon: CancellationToken,
}

impl<S> Service<Task<Execution>> for Limit<S>
where
    S: Service<Task<Execution>, Response = Ending>,
    S::Future: Send + 'static,
    S::Error: Send,
{
    type Response = Ending;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Ending, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, task: Task<Execution>) -> Self::Future {
        let limits = task.args.timeout();
        let cx = task.args.cx().clone();
        let abandon = self.abandon.clone();
        let run = self.inner.call(task);
        async move {
            tokio::pin!(run);
            tokio::select! {
                biased;
                ended = &mut run => return ended,
                () = cx.token().cancelled() => {}
                () = tokio::time::sleep(limits.soft) => cx.stop(StopReason::Timeout),
            }
            tokio::select! {
                biased;
                ended = &mut run => ended,
                () = abandon.cancelled() => Ok(Ending::Dropped),
                () = tokio::time::sleep(limits.hard.saturating_sub(limits.soft)) => Ok(Ending::Dropped),
            }
        }
        .boxed()
    }
}
