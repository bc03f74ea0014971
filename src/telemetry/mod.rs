//! What can be seen of a running worker from outside: logs, metrics, and two probes.
//!
//! Logs go to standard error, one object a line. Metrics and probes are three small pages on
//! one port without a login; they show counts and names of parts, never hosts, payloads or
//! secrets. What the parts are is decided by `app`, which hands in the questions to ask.

pub(crate) mod ask;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod probes;
pub(crate) mod readiness;
pub(crate) mod recorder;
pub(crate) mod scrape;
