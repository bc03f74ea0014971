//! Backups of the CRM's database that are proven to come back.
//!
//! [`DumpDatabase`] begins a run; verifying, copying, retention and the report follow it as a chain,
//! each a job of its own. All kinds are one group that runs one job at a time: two backups never
//! happen at once, and nothing is deleted while one is made. The id of the first job names the run.

use std::time::Duration;

use rouage::{Group, Job, RetryPolicy, Timeout, Unique};
use serde::{Deserialize, Serialize};

const QUEUE: &str = "backups";
/// What fails within ten minutes is a failure that somebody should hear of before the morning.
const RETRY: RetryPolicy =
    RetryPolicy::attempts(3).delays(Duration::from_secs(30), Duration::from_secs(300));
/// Far above a database of this kind, and short enough that a hung one is noticed the same night.
const TIMEOUT: Timeout = Timeout::after(Duration::from_hours(2));

fn group() -> Group {
    Group::at_most(1, "backups")
}

/// Begins a backup: dumps the database, and the folder of uploads if there is one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DumpDatabase {
    /// Believes a dump that is less than half as large as the latest ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accept_size: bool,
    /// Does nothing if a verified backup is younger than this many hours: for runs that catch up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless_younger_than_hours: Option<u32>,
}

/// What [`DumpDatabase`] made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpedDatabase {
    /// The backup, such as `crm_backup_20261123_020000`; the young one if nothing was done.
    pub name: String,
    /// Size of the dump in bytes.
    pub bytes: u64,
    /// Whether a younger backup made this one needless.
    pub skipped: bool,
}

impl Job for DumpDatabase {
    type Output = DumpedDatabase;
    const KIND: &'static str = "backups.dump_database";
    const QUEUE: &'static str = QUEUE;
    const RETRY: RetryPolicy = RETRY;
    const TIMEOUT: Timeout = TIMEOUT;

    fn unique(&self) -> Option<Unique> {
        Some(Unique::while_live(Self::KIND))
    }

    fn group(&self) -> Option<Group> {
        Some(group())
    }
}

/// Reads every row of a run's dump back and compares it with what was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VerifyDump {
    /// The run: the id of the job that began it.
    pub run_id: String,
    /// Believes a dump that is less than half as large as the latest ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accept_size: bool,
}

/// What [`VerifyDump`] read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedDump {
    /// Tables in the dump.
    pub tables: u64,
    /// Rows in all of them.
    pub rows: u64,
}

impl Job for VerifyDump {
    type Output = VerifiedDump;
    const KIND: &'static str = "backups.verify_dump";
    const QUEUE: &'static str = QUEUE;
    const RETRY: RetryPolicy = RETRY;
    const TIMEOUT: Timeout = TIMEOUT;

    fn group(&self) -> Option<Group> {
        Some(group())
    }
}

/// Encrypts a verified backup, takes it to every other place, and reads it back from there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// The run: the id of the job that began it.
    pub run_id: String,
}

/// What [`Upload`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploaded {
    /// The places that have a copy now.
    pub places: Vec<String>,
}

impl Job for Upload {
    type Output = Uploaded;
    const KIND: &'static str = "backups.upload";
    const QUEUE: &'static str = QUEUE;
    /// A store that is away comes back: within about two hours there are eight tries.
    const RETRY: RetryPolicy =
        RetryPolicy::attempts(8).delays(Duration::from_secs(60), Duration::from_secs(1800));
    /// The same backup over a slow line.
    const TIMEOUT: Timeout = Timeout::after(Duration::from_hours(6));

    fn group(&self) -> Option<Group> {
        Some(group())
    }
}

/// Deletes the backups that no tier keeps, here and in every other place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApplyRetention {}

/// What [`ApplyRetention`] deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedRetention {
    /// Backups on this host that are gone.
    pub deleted: u64,
    /// Copies elsewhere that are gone.
    pub deleted_copies: u64,
}

impl Job for ApplyRetention {
    type Output = AppliedRetention;
    const KIND: &'static str = "backups.apply_retention";
    const QUEUE: &'static str = QUEUE;
    const RETRY: RetryPolicy = RETRY;
    const TIMEOUT: Timeout = Timeout::after(Duration::from_mins(30));

    fn group(&self) -> Option<Group> {
        Some(group())
    }
}

/// Restores the newest verified backup into a scratch database, counts, and drops it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RestoreDrill {}

/// What [`RestoreDrill`] has shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoredDrill {
    /// The backup that came back.
    pub name: String,
    /// How long it took, in ms.
    pub took_ms: u64,
}

impl Job for RestoreDrill {
    type Output = RestoredDrill;
    const KIND: &'static str = "backups.restore_drill";
    const QUEUE: &'static str = QUEUE;
    const RETRY: RetryPolicy = RETRY;
    const TIMEOUT: Timeout = Timeout::after(Duration::from_hours(4));

    fn unique(&self) -> Option<Unique> {
        Some(Unique::while_live(Self::KIND))
    }

    fn group(&self) -> Option<Group> {
        Some(group())
    }
}

/// Says that a run is done: in its record, to the heartbeat, and to people if the last one failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The run: the id of the job that began it.
    pub run_id: String,
}

/// What [`Report`] said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// The backup.
    pub name: String,
    /// Whether the heartbeat was heard; `false` if there is none.
    pub heartbeat: bool,
}

impl Job for Report {
    type Output = Reported;
    const KIND: &'static str = "backups.report";
    const QUEUE: &'static str = QUEUE;
    const RETRY: RetryPolicy = RETRY;
    const TIMEOUT: Timeout = Timeout::after(Duration::from_mins(2));

    fn group(&self) -> Option<Group> {
        Some(group())
    }
}
