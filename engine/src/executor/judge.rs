//! The layer between what happened and what follows; the decision itself is `outcome::judge`.

use std::task::{Context, Poll};

use apalis_core::task::Task;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rand::Rng;
use tower::{Layer, Service};

use crate::executor::execution::Execution;
use crate::executor::outcome::{Ending, Facts, Outcome, judge};

/// Adds [`Judge`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct JudgeLayer;

impl<S> Layer<S> for JudgeLayer {
    type Service = Judge<S>;

    fn layer(&self, inner: S) -> Judge<S> {
        Judge(inner)
    }
}

/// Turns endings into outcomes.
#[derive(Debug, Clone)]
pub(crate) struct Judge<S>(S);

impl<S> Service<Task<Execution>> for Judge<S>
where
    S: Service<Task<Execution>, Response = Ending>,
    S::Future: Send + 'static,
    S::Error: Send,
{
    type Response = Outcome;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Outcome, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, task: Task<Execution>) -> Self::Future {
        let execution = task.args.clone();
        let run = self.0.call(task);
        async move {
            let ending = run.await?;
            execution.cx().leave_all(&ending);
            Ok(judge(
                ending,
                &Facts {
                    attempt: execution.claim().record.attempt,
                    retry: execution.retry(),
                    stop: execution.cx().stop_reason(),
                    random: rand::rng().random_range(0.0..1.0),
                },
            ))
        }
        .boxed()
    }
}
