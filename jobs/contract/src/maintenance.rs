//! Work that keeps the CRM in order: reminders, trials, old rows, certificates, the compliance report.
//!
//! Schedules start them; each can be repeated at any time without doing anything twice. The names of
//! tables and statuses are the CRM's.

use std::collections::BTreeMap;
use std::time::Duration;

use rouage::{Job, RetryPolicy, Timeout, Unique};
use serde::{Deserialize, Serialize};

const QUEUE: &str = "maintenance";
/// Three attempts, an hour apart at most: what is not done tonight is done tomorrow.
const RETRY: RetryPolicy =
    RetryPolicy::attempts(3).delays(Duration::from_secs(60), Duration::from_secs(3600));
const TIMEOUT: Timeout = Timeout::after(Duration::from_secs(600));

/// Moves users whose trial is over to the grace period and from there to expired, and reminds those
/// whose trial ends soon.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AdvanceTrials {
    /// Days of grace after a trial; 3 if not given, at most 90.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_days: Option<u32>,
}

/// What [`AdvanceTrials`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvancedTrials {
    /// Users who were told that their trial ends soon.
    pub reminded: u64,
    /// Trials that went into the grace period.
    pub in_grace: u64,
    /// Users who lost access.
    pub expired: u64,
}

impl Job for AdvanceTrials {
    type Output = AdvancedTrials;
    const KIND: &'static str = "maintenance.advance_trials";
    const QUEUE: &'static str = QUEUE;
    const RETRY: RetryPolicy = RETRY;
    const TIMEOUT: Timeout = TIMEOUT;

    fn unique(&self) -> Option<Unique> {
        Some(Unique::while_live(Self::KIND))
    }
}

/// Looks how long the TLS certificates of some servers are still good.
///
/// Fails if one cannot be reached, is not trusted, or has fewer than three days left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CheckCertificates {
    /// `host` or `host:port`, at most 50; those of `maintenance.certificate_hosts` if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
}

/// What [`CheckCertificates`] saw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedCertificates {
    /// Whole days that each host's certificate is still good.
    pub days_left: BTreeMap<String, u32>,
}

impl Job for CheckCertificates {
    type Output = CheckedCertificates;
    const KIND: &'static str = "maintenance.check_certificates";
    const QUEUE: &'static str = QUEUE;
    const RETRY: RetryPolicy = RETRY;
    const TIMEOUT: Timeout = TIMEOUT;
}

/// Deletes rows of one table that nobody has to keep any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeleteOldRows {
    /// Which: `access_logs`, `ai_preferences`, `read_notifications` or `workflow_executions`.
    pub rows: String,
    /// How many days they are kept; what is usual for these rows if not given. Access logs are kept
    /// for three years at least. Preferences have a date of their own and take no number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<u32>,
}

/// What [`DeleteOldRows`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedRows {
    /// Rows that are gone.
    pub deleted: u64,
}

impl Job for DeleteOldRows {
    type Output = DeletedRows;
    const KIND: &'static str = "maintenance.delete_old_rows";
    const QUEUE: &'static str = QUEUE;
    const RETRY: RetryPolicy = RETRY;
    const TIMEOUT: Timeout = TIMEOUT;

    fn unique(&self) -> Option<Unique> {
        // A wrong name is refused by the handler, in words; here it must only be a short key.
        let rows: String = self.rows.chars().take(40).collect();
        Some(Unique::while_live(format!("{}:{rows}", Self::KIND)))
    }
}

/// Notifies users of the interactions whose next action is due.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RemindInteractions {}

/// What [`RemindInteractions`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemindedInteractions {
    /// Notifications that were written.
    pub reminded: u64,
}

impl Job for RemindInteractions {
    type Output = RemindedInteractions;
    const KIND: &'static str = "maintenance.remind_interactions";
    const QUEUE: &'static str = QUEUE;
    const RETRY: RetryPolicy = RETRY;
    const TIMEOUT: Timeout = TIMEOUT;

    fn unique(&self) -> Option<Unique> {
        Some(Unique::while_live(Self::KIND))
    }
}

/// Counts accounts and accesses to personal data, keeps the numbers, and tells the administrators.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportCompliance {}

/// What [`ReportCompliance`] counted; also kept in `worker.compliance_reports`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComplianceReport {
    /// The day it was made, in Paris, as `2026-11-01`.
    pub day: String,
    /// Accounts.
    pub users: i64,
    /// Those that are active.
    pub active_users: i64,
    /// Those that were anonymised.
    pub anonymised_users: i64,
    /// Active ones that nobody used for a year.
    pub dormant_users: i64,
    /// Accesses to personal data within 30 days, by type.
    pub accesses: BTreeMap<String, i64>,
}

impl Job for ReportCompliance {
    type Output = ComplianceReport;
    const KIND: &'static str = "maintenance.report_compliance";
    const QUEUE: &'static str = QUEUE;
    const RETRY: RetryPolicy = RETRY;
    const TIMEOUT: Timeout = TIMEOUT;

    fn unique(&self) -> Option<Unique> {
        Some(Unique::while_live(Self::KIND))
    }
}
