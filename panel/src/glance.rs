//! The queues as they were a moment ago, shared by everybody who looks at them.
//!
//! Every page shows how many jobs need a person, and an open page asks twice a second: however
//! many are open, the engine is asked no more often than that.

use std::sync::Arc;
use std::time::Duration;

use rouage::inspect::QueueView;
use rouage::{Client, ClientError};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long what was seen is good enough.
const FRESH: Duration = Duration::from_millis(400);

/// What was seen, and when.
type Seen = Option<(Instant, Arc<Vec<QueueView>>)>;

/// The latest look.
#[derive(Debug, Default)]
pub(crate) struct Glance(Mutex<Seen>);

impl Glance {
    /// All queues.
    pub(crate) async fn queues(&self, client: &Client) -> Result<Arc<Vec<QueueView>>, ClientError> {
        // Whoever comes while somebody looks waits for that look.
        let mut seen = self.0.lock().await;
        if let Some((at, queues)) = &*seen
            && at.elapsed() < FRESH
        {
            return Ok(Arc::clone(queues));
        }
        let queues = Arc::new(client.queues().await?);
        *seen = Some((Instant::now(), Arc::clone(&queues)));
        Ok(queues)
    }

    /// Something was changed: whoever looks next shall see it.
    pub(crate) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}
