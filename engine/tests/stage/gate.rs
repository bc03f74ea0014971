//! Holding handlers back until the test lets them go on, so that nothing depends on how long
//! they take.

use std::sync::Arc;

use rouage::Registry;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::play;
use super::running::PATIENCE;

/// Closed until it is opened once.
#[derive(Clone)]
pub(crate) struct Gate {
    arrived: Arc<Semaphore>,
    open: CancellationToken,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            arrived: Arc::new(Semaphore::new(0)),
            open: CancellationToken::new(),
        }
    }

    /// Jobs that complete once the gate is open.
    pub(crate) fn jobs(&self) -> Registry {
        let gate = self.clone();
        play(move |_, _| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                Ok(Value::Null)
            }
        })
    }

    /// What a handler does: says that it is there, and waits.
    pub(crate) async fn pass(&self) {
        self.arrived.add_permits(1);
        self.open.cancelled().await;
    }

    /// Waits until that many more handlers are there.
    pub(crate) async fn arrived(&self, handlers: u32) {
        let there = timeout(PATIENCE, self.arrived.acquire_many(handlers)).await;
        there.expect("the handlers arrive").unwrap().forget();
    }

    /// Lets all handlers pass, also those that come later.
    pub(crate) fn open(&self) {
        self.open.cancel();
    }
}
