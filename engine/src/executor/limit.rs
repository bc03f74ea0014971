//! Soft and hard limits of an attempt.
//!
//! At the soft timeout, or when somebody else cancels the token, the handler is asked to stop
//! and gets its time to tidy up; then its future is dropped. `abandon` drops every handler at
//! once: it is the end of a worker's grace.

use std::task::{Context, Poll};
use std::time::Duration;

use apalis_core::task::Task;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tower::{Layer, Service};

use crate::executor::context::{JobContext, StopReason};
use crate::executor::execution::Execution;
use crate::executor::outcome::Ending;
use crate::policy::Timeout;

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
            let ended = within(run, limits, &cx, &abandon).await;
            ended.unwrap_or(Ok(Ending::Dropped))
        }
        .boxed()
    }
}

/// Runs an attempt within its limits; `None` if it had to be dropped.
pub(crate) async fn within<F: Future>(
    run: F,
    limits: Timeout,
    cx: &JobContext,
    abandon: &CancellationToken,
) -> Option<F::Output> {
    tokio::pin!(run);
    tokio::select! {
        biased;
        ended = &mut run => return Some(ended),
        () = cx.token().cancelled() => {}
        () = soft_timeout(cx, limits.soft) => cx.stop(StopReason::Timeout),
    }
    tokio::select! {
        biased;
        ended = &mut run => Some(ended),
        () = abandon.cancelled() => None,
        () = tokio::time::sleep(limits.hard.saturating_sub(limits.soft)) => None,
    }
}

/// Ends when the attempt has used its time; what it waited for permits is not its time.
async fn soft_timeout(cx: &JobContext, soft: Duration) {
    let (mut sleep, mut granted) = (soft, Duration::ZERO);
    while !sleep.is_zero() {
        tokio::time::sleep(sleep).await;
        sleep = cx.waited().saturating_sub(granted);
        granted += sleep;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::JobId;

    #[tokio::test(start_paused = true)]
    async fn time_spent_waiting_for_permits_is_not_counted() {
        let cx = JobContext::new(JobId::generate(), "debug.echo", "debug", 1, 3);
        let start = tokio::time::Instant::now();
        let soft = Duration::from_secs(5);
        let waits = async {
            cx.wait(Duration::from_secs(3)).await?;
            cx.wait(Duration::from_secs(4)).await
        };
        let ((), waited) = tokio::join!(soft_timeout(&cx, soft), waits);
        assert!(waited.is_ok());
        assert_eq!(start.elapsed().as_secs(), 5 + 3 + 4);
    }
}
