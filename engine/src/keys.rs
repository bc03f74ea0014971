//! Every Redis key there is: one function per key, with its type, owner and bound.
//!
//! All keys of a queue carry the hash tag `{queue}`, so that they share a slot of a Redis
//! Cluster and every script stays inside it. The state of a job *is* the index it is a member
//! of; nothing stores the state a second time, so nothing can disagree with it.
//!
//! | state | index | score |
//! |---|---|---|
//! | available | `ready`, or `line:GROUP` of a job's group, or `aside:KIND` while its kind is paused | priority × 9·10¹⁴ + µs since 2025 when it became available |
//! | scheduled | `scheduled` | run-at in ms × 10 + priority |
//! | retrying | `retrying` | run-at in ms × 10 + priority |
//! | running | `lease` (members `fence:id`) | end of the lease in ms |
//! | held, completed, discarded, cancelled | the key of that name | since when, in ms |
//!
//! Limits and breakers belong to no queue; their keys are in `gates/keyspace.rs`.
//!
//! Times are Redis' own (`TIME`); a worker's clock decides nothing. The measurements behind
//! the layout are in `docs/decisions/0002-redis-layout.md` of the repository.

mod batch;
mod celery;
mod requests;
mod score;

pub(crate) use self::batch::BATCH_PARTS;
pub use self::batch::BatchKeys;
pub(crate) use self::celery::CELERY_PARTS;
pub use self::celery::CeleryKeys;
pub(crate) use self::requests::REQUEST_KEYS;
pub(crate) use self::score::{due_ms, ready_since_ms};

/// Version of the layout below; a worker refuses a Redis that holds another one.
pub const LAYOUT_VERSION: u32 = 1;

/// Names the keys of one installation: everything starts with its prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyspace {
    prefix: String,
}

impl Keyspace {
    /// Keys that start with `prefix:`; letters, digits, `-` and `_`.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
        }
    }

    /// The prefix.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// SET of queue names ever used. Owner: enqueue. Bound: one member a queue.
    pub fn queues(&self) -> String {
        format!("{}:queues", self.prefix)
    }

    /// STRING, the layout version. Owner: the first worker. Bound: one number.
    pub fn layout(&self) -> String {
        format!("{}:layout", self.prefix)
    }

    /// ZSET instance → last beat in ms. Owner: beats. Bound: entries older than a day leave.
    pub fn workers(&self) -> String {
        format!("{}:workers", self.prefix)
    }

    /// STRING, JSON about one worker process. Owner: its beats. TTL 60 s.
    pub fn worker(&self, instance: &str) -> String {
        format!("{}:worker:{instance}", self.prefix)
    }

    /// HASH of what one worker was told: `quiet`, `stop`, `slots:QUEUE`. Owner: `orders`; gone
    /// with the worker. TTL one day after its last word. Bound: two fields and one a queue.
    /// Also a pub/sub channel: the worker looks.
    pub fn orders(&self, instance: &str) -> String {
        format!("{}:orders:{instance}", self.prefix)
    }

    /// HASH queue → slots in every worker. Owner: `orders`, until it is cleared. Bound: one field
    /// a queue. Also a pub/sub channel: all workers look.
    pub fn slots(&self) -> String {
        format!("{}:slots", self.prefix)
    }

    /// HASH of who leads the schedulers: holder, fence, until (ms). Owner: schedulers. Bound: three
    /// fields; without a TTL, because fences must go on where they were.
    pub fn scheduler(&self) -> String {
        format!("{}:scheduler", self.prefix)
    }

    /// The keys of one queue.
    pub fn queue(&self, queue: &str) -> QueueKeys {
        QueueKeys {
            base: format!("{}:{{{queue}}}", self.prefix),
        }
    }
}

/// The keys of one queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueKeys {
    base: String,
}

impl QueueKeys {
    /// What a script is given: it names the queue's keys itself. No key has this name.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// HASH id → envelope. Owner: enqueue, prune. Bound: live jobs and the retention.
    pub fn job(&self) -> String {
        self.key("job")
    }

    /// HASH id → [`crate::record::RunRecord`] of jobs that were claimed or ended. Same bound as `job`.
    pub fn run(&self) -> String {
        self.key("run")
    }

    /// ZSET of available jobs. Bound: live jobs.
    pub fn ready(&self) -> String {
        self.key("ready")
    }

    /// ZSET of a group's available jobs. Bound: live jobs; gone when empty.
    pub fn line(&self, group: &str) -> String {
        self.key(&format!("line:{group}"))
    }

    /// ZSET of the groups that may start a job now, by when their turn came. Owner: `groups.lua`.
    /// Bound: groups with available jobs.
    pub fn turns(&self) -> String {
        self.key("turns")
    }

    /// ZSET group → how many of its jobs are in its line. Bound: groups with available jobs.
    pub fn groups(&self) -> String {
        self.key("groups")
    }

    /// HASH id → `limit:group` (limit 0 for none), of live jobs. Owner: enqueue, whatever ends a job.
    /// Bound: live jobs.
    pub fn group_of(&self) -> String {
        self.key("group_of")
    }

    /// HASH group → running jobs. Owner: claim, whatever ends an attempt. Bound: running jobs.
    pub fn group_running(&self) -> String {
        self.key("group_running")
    }

    /// HASH group → how many may run at once, as its latest job said. Bound: groups with available
    /// or running jobs.
    pub fn group_limit(&self) -> String {
        self.key("group_limit")
    }

    /// HASH group → how many may run at once, as an operator said. Bound: 1,000 groups.
    pub fn group_override(&self) -> String {
        self.key("group_override")
    }

    /// HASH group → its latest turn in µs since 2025. Same bound as `group_limit`.
    pub fn group_served(&self) -> String {
        self.key("group_served")
    }

    /// ZSET of available jobs of a paused kind. Bound: live jobs; gone when empty.
    pub fn aside(&self, kind: &str) -> String {
        self.key(&format!("aside:{kind}"))
    }

    /// ZSET kind → how many of its jobs are aside. Bound: kinds.
    pub fn asides(&self) -> String {
        self.key("asides")
    }

    /// HASH kind → who paused it, when, why. Owner: pause. Bound: kinds.
    pub fn paused_kinds(&self) -> String {
        self.key("paused_kinds")
    }

    /// HASH id → marker of the batch or chain that follows it, of live jobs. Owner: enqueue, whatever
    /// ends a job. Bound: live jobs.
    pub fn follow(&self) -> String {
        self.key("follow")
    }

    /// HASH id → `state ms marker` of jobs whose followers were not told yet. Owner: whatever ends a
    /// job, the courier. Bound: jobs of a few seconds.
    pub fn signals(&self) -> String {
        self.key("signals")
    }

    /// STRING, the worker whose courier tells signals now. Owner: couriers. TTL ten seconds.
    pub fn courier(&self) -> String {
        self.key("courier")
    }

    /// STRING, there while somebody keeps a history. TTL one hour.
    pub fn archive(&self) -> String {
        self.key("archive")
    }

    /// STRING, the process that writes the queue's history now. Owner: its archiver. TTL 30 s.
    pub fn archiver(&self) -> String {
        self.key("archiver")
    }

    /// LIST of ids of finished jobs that the history has not got yet. Bound: 1,000,000.
    pub fn unarchived(&self) -> String {
        self.key("unarchived")
    }

    /// ZSET of jobs with a future run-at, snoozed ones included. Bound: live jobs.
    pub fn scheduled(&self) -> String {
        self.key("scheduled")
    }

    /// ZSET of jobs that failed and wait for their next attempt. Bound: live jobs.
    pub fn retrying(&self) -> String {
        self.key("retrying")
    }

    /// ZSET `fence:id` → end of lease, of running jobs. Bound: slots of all workers.
    pub fn lease(&self) -> String {
        self.key("lease")
    }

    /// ZSET of jobs that need a human. Bound: live jobs; they never leave by themselves.
    pub fn held(&self) -> String {
        self.key("held")
    }

    /// ZSET of jobs that succeeded. Bound: retention by age and count.
    pub fn completed(&self) -> String {
        self.key("completed")
    }

    /// ZSET of jobs that failed for good. Bound: retention by age and count.
    pub fn discarded(&self) -> String {
        self.key("discarded")
    }

    /// ZSET of jobs that were cancelled. Bound: retention by age and count.
    pub fn cancelled(&self) -> String {
        self.key("cancelled")
    }

    /// HASH id → output JSON, at most 64 KB each. Owner: ack, prune. Bound: retention.
    pub fn result(&self) -> String {
        self.key("result")
    }

    /// HASH id → error lines (JSON), at most 16 KB each. Owner: ack, sweep, prune. Same bound as `job`.
    pub fn error(&self) -> String {
        self.key("error")
    }

    /// HASH id → progress JSON, at most 1 KB each. Owner: progress, prune. Same bound as `job`.
    pub fn progress(&self) -> String {
        self.key("progress")
    }

    /// HASH id → checkpoint JSON, at most 16 KB each. Owner: report, ack, prune. Same bound as `job`.
    pub fn checkpoint(&self) -> String {
        self.key("checkpoint")
    }

    /// HASH id → log lines, the newest 200 and at most 16 KB each. Owner: report, ack, prune. Same bound as `job`.
    pub fn log(&self) -> String {
        self.key("log")
    }

    /// HASH id → ids of its replays, the latest ten. Owner: replay, prune. Same bound as `job`.
    pub fn replayed(&self) -> String {
        self.key("replayed")
    }

    /// HASH unique key → id of the job that has it. Owner: enqueue, whatever ends a job, prune.
    /// Bound: live jobs and open windows.
    pub fn unique(&self) -> String {
        self.key("unique")
    }

    /// HASH id → its unique key, of live jobs. Owner: the same. Bound: live jobs.
    pub fn unique_key(&self) -> String {
        self.key("unique_key")
    }

    /// ZSET unique key → end of its window in ms. Owner: enqueue, prune. Bound: open windows.
    pub fn unique_until(&self) -> String {
        self.key("unique_until")
    }

    /// ZSET id → ms until which it is known although its job may be gone. Owner: enqueue, whoever
    /// asked for it (`forget_ids`), prune. Bound: what producers have under way, and a week of what
    /// they left behind when they died.
    pub fn known(&self) -> String {
        self.key("known")
    }

    /// STRING, there while the queue is paused: who paused it, when, why. Owner: pause. Bound: one.
    pub fn paused(&self) -> String {
        self.key("paused")
    }

    /// SET of running jobs whose cancellation was asked for. Owner: cancel, ack. Bound: running jobs.
    pub fn cancelling(&self) -> String {
        self.key("cancelling")
    }

    /// ZSET id → ms until which somebody waits for the job's end. Owner: wait, prune. Bound: 10,000 waiters.
    pub fn waiting(&self) -> String {
        self.key("waiting")
    }

    /// HASH of counters: enqueued, completed, discarded, cancelled, pruned, `lease_lost`,
    /// fence, elsewhere (available outside `ready`), unrecorded (lost for the history, until its archiver
    /// has counted them). Bound: nine fields.
    pub fn count(&self) -> String {
        self.key("count")
    }

    /// Pub/sub channel (no key): `go` when work appears, `cancel ID` for a running job, `signals` when
    /// followers are to be told.
    pub fn wake(&self) -> String {
        self.key("wake")
    }

    /// Pub/sub channel (no key): the id of a job that ended and was waited for.
    pub fn ended(&self) -> String {
        self.key("ended")
    }

    /// The key of one part, by its name in [`QUEUE_PARTS`].
    pub(crate) fn key(&self, part: &str) -> String {
        format!("{}:{part}", self.base)
    }
}

/// Every part of a queue's key names with its Redis type: what `fsck` accepts, besides those of
/// [`NAMED_PARTS`].
pub const QUEUE_PARTS: &[(&str, &str)] = &[
    ("job", "hash"),
    ("run", "hash"),
    ("ready", "zset"),
    ("turns", "zset"),
    ("groups", "zset"),
    ("group_of", "hash"),
    ("group_running", "hash"),
    ("group_limit", "hash"),
    ("group_override", "hash"),
    ("group_served", "hash"),
    ("asides", "zset"),
    ("paused_kinds", "hash"),
    ("follow", "hash"),
    ("signals", "hash"),
    ("courier", "string"),
    ("archive", "string"),
    ("archiver", "string"),
    ("unarchived", "list"),
    ("scheduled", "zset"),
    ("retrying", "zset"),
    ("lease", "zset"),
    ("held", "zset"),
    ("completed", "zset"),
    ("discarded", "zset"),
    ("cancelled", "zset"),
    ("result", "hash"),
    ("error", "hash"),
    ("progress", "hash"),
    ("checkpoint", "hash"),
    ("log", "hash"),
    ("replayed", "hash"),
    ("unique", "hash"),
    ("unique_key", "hash"),
    ("unique_until", "zset"),
    ("known", "zset"),
    ("paused", "string"),
    ("cancelling", "set"),
    ("waiting", "zset"),
    ("count", "hash"),
];

/// Parts with a name of a group or a kind behind them.
pub const NAMED_PARTS: &[(&str, &str)] = &[("line:", "zset"), ("aside:", "zset")];

#[cfg(test)]
mod tests;
