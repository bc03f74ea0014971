//! Turns a panic of a handler into an ending: one bad job is one bad job.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::task::{Context, Poll};

use apalis_core::task::Task;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tower::{Layer, Service};

use crate::executor::execution::Execution;
use crate::executor::outcome::Ending;

/// Adds [`Catch`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct CatchLayer;

impl<S> Layer<S> for CatchLayer {
    type Service = Catch<S>;

    fn layer(&self, inner: S) -> Catch<S> {
        Catch(inner)
    }
}

/// Catches unwinding panics of the inner service.
#[derive(Debug, Clone)]
pub(crate) struct Catch<S>(S);

impl<S> Service<Task<Execution>> for Catch<S>
where
    S: Service<Task<Execution>, Response = Ending>,
    S::Future: Send + 'static,
    S::Error: Send,
{
    type Response = Ending;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Ending, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, task: Task<Execution>) -> Self::Future {
        caught(self.0.call(task))
            .map(|ended| ended.unwrap_or_else(|panic| Ok(Ending::Panicked(panic))))
            .boxed()
    }
}

/// Runs an attempt; the message of its panic if it unwinds.
pub(crate) async fn caught<F: Future>(run: F) -> Result<F::Output, String> {
    let run = AssertUnwindSafe(run).catch_unwind();
    run.await.map_err(|panic| message(panic.as_ref()))
}

fn message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("the handler panicked without a message")
        .to_owned()
}
