//! The producer's side: put jobs in, wait for them.
//!
//! Everything that enqueues, in whatever format it arrives, becomes a [`NewJob`] and ends in
//! [`Client::enqueue_all`]: one script, one set of guarantees. When `enqueue` answers, the job
//! is stored; when it errs, the caller may repeat it with the same id without doubling the job.

mod chain;
mod encode;
mod enqueue;
mod error;
mod producer;
mod requests;
mod wait;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

#[cfg(feature = "worker")]
pub(crate) use encode::check;
pub(crate) use encode::encode;
pub use enqueue::{Enqueue, Enqueued, NewJob, RunAt};
pub use error::ClientError;
pub(crate) use error::{check_label, check_name};
pub use producer::Producer;
pub use requests::Request;
pub use wait::Ended;

use crate::keys::{Keyspace, QueueKeys};
use crate::link::Link;
use crate::payloads::Payloads;

/// How long a producer waits for Redis before it gets an error.
const PRODUCER_DEADLINE: Duration = Duration::from_secs(2);

/// Enqueues jobs and waits for their ends. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    link: Link,
    keyspace: Keyspace,
    /// Queues this process has announced already.
    announced: Arc<Mutex<HashSet<String>>>,
    /// Where large payloads go; `None` keeps all of them in Redis.
    pub(crate) payloads: Option<Payloads>,
}

impl Client {
    /// Connects with a deadline of 2 s per call.
    pub async fn connect(url: &str, keyspace: Keyspace) -> Result<Self, ClientError> {
        let link = Link::connect(url, PRODUCER_DEADLINE).await?;
        Ok(Self::with_link(link, keyspace))
    }

    /// A client over an existing link, with the link's deadline.
    pub fn with_link(link: Link, keyspace: Keyspace) -> Self {
        Self {
            link,
            keyspace,
            announced: Arc::default(),
            payloads: None,
        }
    }

    /// The same client over another link to the same Redis.
    #[cfg(feature = "worker")]
    pub(crate) fn over(&self, link: Link) -> Self {
        Self {
            link,
            ..self.clone()
        }
    }

    /// The link.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// The installation's keys.
    pub fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    pub(crate) fn queue(&self, queue: &str) -> QueueKeys {
        self.keyspace.queue(queue)
    }

    /// Makes the queue's name known, once per process.
    async fn announce(&self, queue: &str) -> Result<(), ClientError> {
        let lock = || {
            self.announced
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if lock().contains(queue) {
            return Ok(());
        }
        let () = self
            .link
            .command(redis::cmd("SADD").arg(self.keyspace.queues()).arg(queue))
            .await?;
        lock().insert(queue.to_owned());
        Ok(())
    }
}
