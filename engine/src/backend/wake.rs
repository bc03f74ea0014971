//! Hears of new work and new orders at once: one subscription per process.
//!
//! A message is only a hint to look. Messages lost with a connection are made up for by a look
//! after every new subscription, by the fetch loops' own slow poll, and by the beats.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::backend::Held;
use crate::backoff::Backoff;
use crate::executor::StopReason;
use crate::link::Link;

/// Whom a queue's messages concern.
pub(crate) struct Sleeper {
    pub(crate) bell: Arc<Notify>,
    /// The courier's bell.
    pub(crate) signals: Arc<Notify>,
    pub(crate) held: Arc<Held>,
}

impl Sleeper {
    fn hear(&self, message: &[u8]) {
        if let Some(id) = message.strip_prefix(b"cancel ") {
            let id = String::from_utf8_lossy(id);
            self.held.stop_job(&id, StopReason::Requested);
        } else if message == b"signals" {
            self.signals.notify_one();
        } else {
            self.bell.notify_one();
        }
    }
}

/// The subscription and who is behind each channel.
pub(crate) struct Wake {
    pub(crate) link: Link,
    pub(crate) sleepers: HashMap<String, Sleeper>,
    /// The channels that tell of new orders, and whom they concern.
    pub(crate) orders: [String; 2],
    pub(crate) news: Arc<Notify>,
}

impl Wake {
    /// Listens until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut backoff = backoff();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.listen(&mut backoff) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(backoff.next()) => {}
            }
        }
    }

    /// Listens until the connection breaks.
    async fn listen(&self, again: &mut Backoff) {
        let channels: Vec<String> = self.sleepers.keys().chain(&self.orders).cloned().collect();
        let mut subscription = match self.link.subscribe(&channels).await {
            Ok(subscription) => subscription,
            Err(error) => {
                tracing::warn!(%error, "cannot listen for new work, trying again");
                return;
            }
        };
        *again = backoff();
        for sleeper in self.sleepers.values() {
            sleeper.bell.notify_one();
            sleeper.signals.notify_one();
        }
        self.news.notify_one();
        let mut messages = subscription.on_message();
        while let Some(message) = messages.next().await {
            let Some(sleeper) = self.sleepers.get(message.get_channel_name()) else {
                self.news.notify_one();
                continue;
            };
            sleeper.hear(message.get_payload_bytes());
        }
    }
}

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(50), Duration::from_secs(1))
}
