//! What a job is to the code that enqueues it: plain data with a name and a policy.
//!
//! A type that implements [`Job`] *is* the payload: its fields are serialised as the JSON
//! object that travels through Redis. The associated constants are the policy, next to the
//! payload, so that a producer and a worker that share the type share the policy too.
//!
//! Nothing here knows Redis or an executor: a crate of job types depends on `rouage` without
//! its default features and costs serde only.

use serde::{Serialize, de::DeserializeOwned};

use crate::policy::{Breaker, Group, Priority, RetryPolicy, Timeout, Unique};

/// A unit of work that can be enqueued.
///
/// ```
/// use rouage::{Job, RetryPolicy};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct SyncAccount {
///     account_id: i32,
/// }
///
/// impl Job for SyncAccount {
///     type Output = ();
///     const KIND: &'static str = "mailbox.sync_account";
///     const QUEUE: &'static str = "mailbox";
///     const RETRY: RetryPolicy = RetryPolicy::attempts(5);
/// }
/// ```
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What a successful run answers; stored as JSON and returned by `Client::wait`.
    type Output: Serialize + DeserializeOwned + Send + 'static;

    /// Frozen name on the wire, `family.verb_object`. Renaming it orphans what is enqueued.
    const KIND: &'static str;

    /// The queue the job waits in; by convention the family's noun.
    const QUEUE: &'static str;

    /// How failures are retried.
    const RETRY: RetryPolicy = RetryPolicy::DEFAULT;

    /// How long one attempt may take.
    const TIMEOUT: Timeout = Timeout::DEFAULT;

    /// Where the job lines up in its queue.
    const PRIORITY: Priority = Priority::NORMAL;

    /// The rate limit of which every attempt takes permits before its handler starts. A worker
    /// whose registry does not declare it does not start.
    const LIMIT: Option<&'static str> = None;

    /// How many permits of [`Self::LIMIT`] one attempt takes, at most the limit's burst.
    fn permits(&self) -> u32 {
        1
    }

    /// When jobs of this kind wait because what they need is broken; by default never. Its name is
    /// the kind.
    const BREAKER: Option<Breaker> = None;

    /// Which breaker of the kind is this job's, such as the host it talks to: one key's failures
    /// do not stop another one. By default all share one. Anything but a short word of letters,
    /// digits and `._-:` is kept as a digest.
    fn breaker_key(&self) -> Option<String> {
        None
    }

    /// What this job must be the only one of; by default nothing.
    fn unique(&self) -> Option<Unique> {
        None
    }

    /// Whom this job belongs to, for fair turns and a limit of its own; by default nobody.
    fn group(&self) -> Option<Group> {
        None
    }
}
