//! Our storage as an apalis [`Backend`]: one per queue, fed by a fetch loop, emptied by an acker.
//!
//! apalis drives the worker (polling, in-flight futures, the tower stack); everything that
//! touches Redis happens in tasks beside it, so that no error of Redis ever reaches the worker
//! and ends it. The pieces, each in its file:
//!
//! - `fetch` claims into free slots and hands attempts over,
//! - `ack` writes outcomes in batches, again and again until Redis took them,
//! - `beat` keeps leases alive from a thread of its own,
//! - `archive` hands finished jobs to the history,
//! - `courier` tells batches and chains what became of their jobs,
//! - `keep` sweeps lost leases and prunes what is over,
//! - `wake` listens for new work and new orders,
//! - `obey` carries orders out, `presence` tells how the process is,
//! - `slots` and `gate` are what orders change and the fetch loop asks,
//! - `turn` tells whether the fetch loop turns,
//! - `held` is what they share: the attempts that run here.

mod ack;
mod archive;
mod beat;
mod courier;
mod fetch;
mod gate;
mod held;
mod keep;
mod obey;
mod presence;
mod slots;
mod turn;
mod wake;

use std::convert::Infallible;
use std::task::{Context, Poll};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::worker::context::WorkerContext;
use tokio::sync::mpsc;

pub(crate) use ack::{Ack, Acker};
pub(crate) use archive::Archiver;
pub(crate) use beat::{BeatingQueue, Beats};
pub(crate) use courier::Courier;
pub(crate) use fetch::Fetcher;
pub(crate) use gate::Gate;
pub(crate) use held::Held;
pub(crate) use keep::{Keeper, MAX_LOST};
pub(crate) use obey::Orders;
pub(crate) use presence::Presence;
pub(crate) use slots::Slots;
pub(crate) use turn::LastTurn;
pub(crate) use wake::{Sleeper, Wake};

use crate::executor::{CarryLayer, Execution};

/// The source of one queue's attempts.
pub(crate) struct QueueBackend {
    /// What the fetch loop claimed; closes when the worker drains.
    attempts: mpsc::Receiver<Execution>,
    layer: CarryLayer,
}

impl QueueBackend {
    pub(crate) fn new(attempts: mpsc::Receiver<Execution>, layer: CarryLayer) -> Self {
        Self { attempts, layer }
    }
}

impl Backend for QueueBackend {
    type Task = Task<Execution>;
    type Error = Infallible;

    fn poll_ready(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Infallible>>> {
        self.attempts
            .poll_recv(cx)
            .map(|attempt| attempt.map(|execution| Ok(Task::new(execution))))
    }

    /// All attempts ended; the acker outlives the worker. A source that runs dry does not stop
    /// an apalis worker by itself, so it is told to.
    fn poll_close(
        &mut self,
        _: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        if let Err(error) = worker.stop() {
            tracing::debug!(%error, "apalis worker was not running");
        }
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for QueueBackend {
    type Args = Execution;
    type Id = String;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = CarryLayer;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> CarryLayer {
        self.layer.clone()
    }
}
