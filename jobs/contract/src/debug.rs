//! Kinds that do nothing useful: for trying an installation, a panel or a policy.
//!
//! They touch neither database nor disk, so they also work where everything else is down. A
//! worker runs them only if its operator says so.

use std::time::Duration;

use rouage::{Job, RetryPolicy, Timeout};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Answers with the value it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Echo {
    /// What the job answers.
    pub value: Value,
}

impl Job for Echo {
    type Output = Value;
    const KIND: &'static str = "debug.echo";
    const QUEUE: &'static str = "debug";
}

/// Has an effect that takes a while and changes nothing: at most once for each key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// Names the effect, behind `debug:`.
    pub key: String,
    /// How long it takes, in milliseconds; at most a minute.
    #[serde(default)]
    pub ms: u64,
}

impl Effect {
    /// Longest accepted effect, in milliseconds: one minute.
    pub const MAX_MS: u64 = 60_000;
}

impl Job for Effect {
    /// The job that had the effect.
    type Output = String;
    const KIND: &'static str = "debug.effect";
    const QUEUE: &'static str = "debug";
}

/// Does nothing for a while and reports progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Sleep {
    /// How long, in milliseconds; at most one hour.
    pub ms: u64,
}

impl Sleep {
    /// Longest accepted sleep, in milliseconds: one hour.
    pub const MAX_MS: u64 = 3_600_000;
}

impl Job for Sleep {
    type Output = ();
    const KIND: &'static str = "debug.sleep";
    const QUEUE: &'static str = "debug";
    /// The longest sleep and a minute to spare.
    const TIMEOUT: Timeout = Timeout::after(Duration::from_millis(Self::MAX_MS + 60_000));
}

/// Fails with the message it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Fail {
    /// The text of the failure.
    pub message: String,
    /// Whether no further attempt is made; otherwise the job is tried three times.
    #[serde(default)]
    pub permanent: bool,
}

impl Job for Fail {
    type Output = ();
    const KIND: &'static str = "debug.fail";
    const QUEUE: &'static str = "debug";
    /// Enough to watch a retry, few enough to see the end.
    const RETRY: RetryPolicy = RetryPolicy::attempts(3);
}
