//! SIGTERM and SIGINT: the first one drains, the second one ends.

use anyhow::Context;
use rouage::Shutdown;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals of this process from now on.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over from the system, which would end the process.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("listen to signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Turns signals into the two tokens, for ever.
    pub(super) async fn steer(mut self, shutdown: Shutdown) {
        self.next().await;
        tracing::info!(
            "draining: nothing more is claimed, running jobs may finish; a second signal hands them back"
        );
        shutdown.drain.cancel();
        self.next().await;
        tracing::warn!("second signal: handing back what runs");
        shutdown.now.cancel();
        std::future::pending::<()>().await;
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
