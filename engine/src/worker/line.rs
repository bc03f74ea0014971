//! One queue of a running worker: its fetch loop, apalis worker, acker and keeper, wired.

use std::sync::Arc;

use apalis::prelude::WorkerBuilder as ApalisWorker;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{WorkerOptions, spawn};
use crate::backend::{
    Acker, Archiver, Courier, Fetcher, Gate, Held, Keeper, LastTurn, QueueBackend, Slots,
};
use crate::client::Client;
use crate::executor::{
    CarryLayer, CatchLayer, JudgeLayer, LimitLayer, ObserveLayer, Perform, Registry,
};
use crate::gates::Gates;
use crate::history::History;
use crate::keys::Keyspace;
use crate::link::Link;
use crate::metrics::KindMetrics;
use crate::payloads::PayloadStore;
use crate::scripts::MAX_BATCH;

/// Outcomes that may wait for Redis, however few slots there are.
const MIN_OUTCOMES: usize = 1000;

/// What all queues of a worker share.
pub(super) struct Shared {
    /// The client over the worker's own link.
    pub(super) client: Client,
    pub(super) link: Link,
    pub(super) keyspace: Keyspace,
    pub(super) registry: Arc<Registry>,
    pub(super) gates: Arc<Gates>,
    pub(super) payloads: Option<Arc<dyn PayloadStore>>,
    pub(super) history: Option<Arc<dyn History>>,
    pub(super) options: WorkerOptions,
    pub(super) instance: String,
    /// Rung when there may be new orders, or when one was carried out.
    pub(super) news: Arc<Notify>,
    /// Ends the fetch loops.
    pub(super) drain: CancellationToken,
    /// Drops running handlers.
    pub(super) abandon: CancellationToken,
    /// Stops waiting for Redis.
    pub(super) give_up: CancellationToken,
    /// Ends keepers, listener and beats.
    pub(super) stop_rest: CancellationToken,
}

/// The tasks whose ends are waited for, in this order.
#[derive(Default)]
pub(super) struct Tasks {
    /// The apalis workers: they end when nothing runs any more.
    pub(super) running: JoinSet<()>,
    /// The ackers: they end when everything is written.
    pub(super) ackers: JoinSet<()>,
}

/// What remains in hand of one started queue.
pub(super) struct Line {
    pub(super) queue: String,
    pub(super) held: Arc<Held>,
    pub(super) bell: Arc<Notify>,
    pub(super) gate: Arc<Gate>,
    pub(super) slots: Arc<Slots>,
    /// The courier's bell.
    pub(super) signals: Arc<Notify>,
}

impl Line {
    /// Starts everything a queue needs.
    pub(super) fn start(
        queue: &str,
        slots: usize,
        turned: &Arc<LastTurn>,
        shared: &Shared,
        tasks: &mut Tasks,
    ) -> Self {
        let line = Self {
            queue: queue.to_owned(),
            held: Arc::default(),
            bell: Arc::default(),
            gate: Arc::new(Gate::new(Arc::clone(&shared.news))),
            slots: Arc::new(Slots::new(slots)),
            signals: Arc::default(),
        };
        // Neither grows with the slots: one takes a whole claim, and where the other is full, an
        // attempt that ended keeps its slot a little longer.
        let (attempts, claimed) = mpsc::channel(MAX_BATCH);
        let (outcomes, ended) = mpsc::channel(slots.max(MIN_OUTCOMES));
        let keeper = line.keeper(shared);
        let fetcher = Fetcher {
            client: shared.client.clone(),
            link: shared.link.clone(),
            keys: shared.keyspace.queue(queue),
            queue: queue.into(),
            worker: shared.instance.as_str().into(),
            lease: shared.options.lease,
            idle_poll: shared.options.idle_poll,
            registry: Arc::clone(&shared.registry),
            gates: Arc::clone(&shared.gates),
            slots: Arc::clone(&line.slots),
            gate: Arc::clone(&line.gate),
            held: Arc::clone(&line.held),
            bell: Arc::clone(&line.bell),
            keeper: keeper.clone(),
            turned: Arc::clone(turned),
            attempts,
        };
        let acker = Acker {
            link: shared.link.clone(),
            keys: shared.keyspace.queue(queue),
            queue: queue.to_owned(),
            give_up: shared.give_up.clone(),
        };
        let carry = CarryLayer {
            outcomes,
            held: Arc::clone(&line.held),
        };
        tasks
            .running
            .spawn(line.serve(QueueBackend::new(claimed, carry), shared));
        tasks.ackers.spawn(acker.run(ended));
        spawn(fetcher.run(shared.drain.clone()));
        spawn(keeper.run(shared.stop_rest.clone()));
        if let Some(history) = &shared.history {
            let archiver = line.archiver(shared, history);
            spawn(archiver.run(shared.stop_rest.clone()));
        }
        spawn(line.courier(shared).run(shared.stop_rest.clone()));
        line
    }

    /// The apalis worker over the queue, with the executor's layers, outermost first.
    fn serve(
        &self,
        backend: QueueBackend,
        shared: &Shared,
    ) -> impl Future<Output = ()> + Send + use<> {
        let worker = ApalisWorker::new(format!("{}:{}", shared.instance, self.queue))
            .backend(backend)
            .layer(ObserveLayer {
                metrics: KindMetrics::new(&self.queue, &shared.registry),
            })
            .layer(JudgeLayer)
            .layer(LimitLayer {
                abandon: shared.abandon.clone(),
            })
            .layer(CatchLayer)
            .build(Perform {
                payloads: shared.payloads.clone(),
            });
        let queue = self.queue.clone();
        async move {
            if let Err(error) = worker.run().await {
                tracing::error!(%queue, %error, "the queue's worker failed");
            }
        }
    }

    fn archiver(&self, shared: &Shared, history: &Arc<dyn History>) -> Archiver {
        Archiver {
            link: shared.link.clone(),
            keys: shared.keyspace.queue(&self.queue),
            queue: self.queue.clone(),
            me: shared.instance.clone(),
            history: Arc::clone(history),
            held: Arc::clone(&self.held),
        }
    }

    fn keeper(&self, shared: &Shared) -> Keeper {
        Keeper {
            link: shared.link.clone(),
            keys: shared.keyspace.queue(&self.queue),
            queue: self.queue.clone(),
            held: Arc::clone(&self.held),
            retention: shared.options.retention,
            signals: Arc::clone(&self.signals),
        }
    }

    fn courier(&self, shared: &Shared) -> Courier {
        Courier {
            client: shared.client.clone(),
            queue: self.queue.clone(),
            worker: shared.instance.clone(),
            bell: Arc::clone(&self.signals),
        }
    }
}
