//! Backups of the CRM's database: made, proven, copied, thinned out, tried.
//!
//! One file a job; what a backup is and how it is made is the crate `crm-backup`'s. The manifest
//! beside a dump is the truth about it, and `worker.backups` the record of the run. Each step looks
//! what is there before it does anything, so a run that is killed anywhere goes on from there, and
//! [`settle`] tells people when a step fails for good.

mod announce;
mod apply_retention;
mod dump_database;
mod ports;
mod record;
mod report;
mod restore_drill;
mod settle;
mod upload;
mod verify_dump;
mod work;

pub use announce::Announcer;
pub use apply_retention::ApplyRetentionHandler;
pub use dump_database::DumpDatabaseHandler;
pub use ports::Backups;
pub use report::ReportHandler;
pub use restore_drill::RestoreDrillHandler;
pub use upload::UploadHandler;
pub use verify_dump::VerifyDumpHandler;

use rouage::Registry;

use crate::services::Services;

/// Adds the handlers of this family.
#[must_use]
pub fn register(registry: Registry, services: &Services) -> Registry {
    registry
        .handler(ApplyRetentionHandler::new(services.clone()))
        .handler(DumpDatabaseHandler::new(services.clone()))
        .handler(ReportHandler::new(services.clone()))
        .handler(RestoreDrillHandler::new(services.clone()))
        .handler(UploadHandler::new(services.clone()))
        .handler(VerifyDumpHandler::new(services.clone()))
}
