//! The table of all kinds, for help texts and reference pages.
//!
//! One row per payload type of this crate, in the order of their names. The worker's registry
//! is compared with it by a test, so that no kind exists in one place only.

use rouage::Job;

use crate::{backups, debug, exports, maintenance};

/// What a person wants to know about a kind before using it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindInfo {
    /// The frozen name.
    pub kind: &'static str,
    /// The queue its jobs wait in.
    pub queue: &'static str,
    /// One sentence: what a run does.
    pub summary: &'static str,
}

impl KindInfo {
    const fn of<J: Job>(summary: &'static str) -> Self {
        Self {
            kind: J::KIND,
            queue: J::QUEUE,
            summary,
        }
    }
}

/// Every kind, by name.
pub const KINDS: &[KindInfo] = &[
    KindInfo::of::<backups::ApplyRetention>(
        "Deletes the backups that no tier keeps, here and in every other place.",
    ),
    KindInfo::of::<backups::DumpDatabase>(
        "Begins a backup: dumps the database; verifying, copies, retention and the report follow.",
    ),
    KindInfo::of::<backups::Report>("Says that a backup is done, and pings the heartbeat."),
    KindInfo::of::<backups::RestoreDrill>(
        "Restores the newest verified backup into a scratch database and measures it.",
    ),
    KindInfo::of::<backups::Upload>(
        "Encrypts a verified backup, copies it to other places and reads it back from there.",
    ),
    KindInfo::of::<backups::VerifyDump>(
        "Reads every row of a dump back and compares it with what was counted.",
    ),
    KindInfo::of::<debug::Echo>("Answers with the value it was given."),
    KindInfo::of::<debug::Effect>("Has an effect that changes nothing, at most once for each key."),
    KindInfo::of::<debug::Fail>(
        "Fails with the message it was given, for ever or until its attempts are used up.",
    ),
    KindInfo::of::<debug::Sleep>("Does nothing for a while and reports progress."),
    KindInfo::of::<exports::ExportRecords>(
        "Writes the records of one data set that a user may see to a file and notifies the user.",
    ),
    KindInfo::of::<exports::PurgeExpired>(
        "Removes export files whose time is over, and what killed exports left.",
    ),
    KindInfo::of::<maintenance::AdvanceTrials>(
        "Ends trials and grace periods that are over, and reminds users before.",
    ),
    KindInfo::of::<maintenance::CheckCertificates>(
        "Looks how long the TLS certificates of some servers are still good.",
    ),
    KindInfo::of::<maintenance::DeleteOldRows>(
        "Deletes rows of one of the CRM's tables that nobody has to keep any more.",
    ),
    KindInfo::of::<maintenance::RemindInteractions>(
        "Notifies users of the interactions whose next action is due.",
    ),
    KindInfo::of::<maintenance::ReportCompliance>(
        "Counts accounts and accesses to personal data, and tells the administrators.",
    ),
];

/// The JSON Schema of every payload, by kind, in the order of [`KINDS`].
#[cfg(feature = "schema")]
pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {
    fn of<J: Job + schemars::JsonSchema>() -> (&'static str, schemars::Schema) {
        (J::KIND, schemars::schema_for!(J))
    }
    vec![
        of::<backups::ApplyRetention>(),
        of::<backups::DumpDatabase>(),
        of::<backups::Report>(),
        of::<backups::RestoreDrill>(),
        of::<backups::Upload>(),
        of::<backups::VerifyDump>(),
        of::<debug::Echo>(),
        of::<debug::Effect>(),
        of::<debug::Fail>(),
        of::<debug::Sleep>(),
        of::<exports::ExportRecords>(),
        of::<exports::PurgeExpired>(),
        of::<maintenance::AdvanceTrials>(),
        of::<maintenance::CheckCertificates>(),
        of::<maintenance::DeleteOldRows>(),
        of::<maintenance::RemindInteractions>(),
        of::<maintenance::ReportCompliance>(),
    ]
}
