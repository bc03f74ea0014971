//! The innermost service: decodes the payload and runs the handler.

use std::convert::Infallible;
use std::task::{Context, Poll};

use apalis_core::task::Task;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tower::Service;

use crate::executor::execution::{Body, Execution};
use crate::executor::handler::Performed;
use crate::executor::outcome::{Ending, Refusal};

/// Runs the handler that the execution found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Perform;

impl Service<Task<Execution>> for Perform {
    type Response = Ending;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Ending, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, task: Task<Execution>) -> Self::Future {
        let execution = task.args;
        async move {
            Ok(match execution.body() {
                Body::Refuse(refusal) => Ending::Refused(refusal.clone()),
                Body::Run(kind, envelope) => {
                    kind.perform(&envelope.payload, execution.cx()).await.into()
                }
            })
        }
        .boxed()
    }
}

impl From<Performed> for Ending {
    fn from(performed: Performed) -> Self {
        match performed {
            Performed::Finished(result) => Self::Returned(result),
            Performed::Undecodable(why) => Self::Refused(Refusal::Undecodable(why)),
        }
    }
}
