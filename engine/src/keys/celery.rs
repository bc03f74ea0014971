//! The keys of the Celery ingress in our own Redis.
//!
//! They share one hash tag, so a script may use several. What lies on Celery's broker has names of
//! its own, see `ingress::celery`.

use super::Keyspace;

impl Keyspace {
    /// The keys of the Celery ingress.
    pub fn celery(&self) -> CeleryKeys {
        CeleryKeys {
            base: format!("{}:celery:{{ingress}}", self.prefix),
        }
    }
}

/// The keys of the Celery ingress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeleryKeys {
    base: String,
}

impl CeleryKeys {
    /// What a script is given: it names the keys itself. No key has this name.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// HASH entry → record of a task that was taken and whose end was not told yet. Owner: intake,
    /// tracker. Bound: live jobs that came from Celery.
    pub fn tasks(&self) -> String {
        self.key("tasks")
    }

    /// HASH task id → its latest entry. Same owner and bound as `tasks`.
    pub fn latest(&self) -> String {
        self.key("latest")
    }

    /// ZSET entry → when to look at it, in ms. Same owner and bound as `tasks`.
    pub fn due(&self) -> String {
        self.key("due")
    }

    /// ZSET entry → when its end was told, in ms. Owner: tracker. Bound: 100,000, none older than a
    /// day.
    pub fn done(&self) -> String {
        self.key("done")
    }

    /// ZSET task id → when it was revoked, in ms. Owner: control. Bound: 50,000, none older than three
    /// hours.
    pub fn revoked(&self) -> String {
        self.key("revoked")
    }

    /// ZSET mark of a message that was counted and left → when, in ms. Owner: intake. Bound: 100,000,
    /// none older than a day.
    pub fn seen(&self) -> String {
        self.key("seen")
    }

    /// HASH id → message that became no job, with the reason. Owner: intake, operators. Bound: 1,000
    /// unless set otherwise, each of at most 256 KB.
    pub fn parked(&self) -> String {
        self.key("parked")
    }

    /// ZSET id → when it was parked, in ms. Same owner and bound as `parked`.
    pub fn parked_index(&self) -> String {
        self.key("parked_index")
    }

    /// HASH of counters: `taken:NAME`, `shadow:NAME`, `left:NAME`, `parked:REASON`. Bound: three
    /// fields a name of the table and one a reason.
    pub fn count(&self) -> String {
        self.key("count")
    }

    fn key(&self, part: &str) -> String {
        format!("{}:{part}", self.base)
    }
}

/// Every part of the ingress' key names with its Redis type.
pub(crate) const CELERY_PARTS: &[(&str, &str)] = &[
    ("tasks", "hash"),
    ("latest", "hash"),
    ("due", "zset"),
    ("done", "zset"),
    ("revoked", "zset"),
    ("seen", "zset"),
    ("parked", "hash"),
    ("parked_index", "zset"),
    ("count", "hash"),
];
