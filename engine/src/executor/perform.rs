//! The innermost service: fetches and decodes the payload, and runs the handler.
//!
//! A payload that is not in Redis is read here, inside the attempt: it has the attempt's task, its
//! timeout and its slot, and a store that is away stops no other job.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use apalis_core::task::Task;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tower::Service;

use crate::envelope::Envelope;
use crate::executor::JobContext;
use crate::executor::error::JobError;
use crate::executor::execution::{Body, Execution};
use crate::executor::handler::{Kind, Performed};
use crate::executor::outcome::{Ending, Refusal};
use crate::payloads::{self, LoadError, PayloadStore};

/// How soon to look again whether the store for payloads is back; costs no attempt.
const STORE_AWAY: Duration = Duration::from_secs(5);

/// Runs the handler that the execution found.
#[derive(Debug, Clone)]
pub(crate) struct Perform {
    /// Where large payloads are; `None` if the worker was given no store.
    pub(crate) payloads: Option<Arc<dyn PayloadStore>>,
}

impl Service<Task<Execution>> for Perform {
    type Response = Ending;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Ending, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, task: Task<Execution>) -> Self::Future {
        let execution = task.args;
        let store = self.payloads.clone();
        async move {
            Ok(match execution.body() {
                Body::Refuse(refusal) => Ending::Refused(refusal.clone()),
                Body::Run(kind, envelope) => {
                    perform(kind, envelope, execution.cx(), store.as_ref()).await
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

async fn perform(
    kind: &Kind,
    envelope: &Envelope,
    cx: &JobContext,
    store: Option<&Arc<dyn PayloadStore>>,
) -> Ending {
    let Some(reference) = &envelope.offloaded else {
        return kind.perform(&envelope.payload, cx).await.into();
    };
    match payloads::load(store, reference).await {
        Ok(payload) => kind.perform(&payload, cx).await.into(),
        Err(error @ LoadError::Store(_)) => {
            tracing::warn!(%error, "payload not loaded, trying again");
            Ending::Returned(Err(JobError::waiting(
                STORE_AWAY,
                "payload:store".to_owned(),
            )))
        }
        Err(error) => Performed::Undecodable(error.to_string()).into(),
    }
}
