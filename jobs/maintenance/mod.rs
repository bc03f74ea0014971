//! Work that keeps the CRM in order, started by schedules.
//!
//! One file a job. Each does all it does in statements that can be repeated: what was done is
//! visible in the rows themselves, so a job that is killed and runs again does the rest and nothing
//! twice.

mod advance_trials;
mod check_certificates;
mod delete_old_rows;
mod notify;
mod remind_interactions;
mod report_compliance;

pub use advance_trials::AdvanceTrialsHandler;
pub use check_certificates::{CertificateProbe, CheckCertificatesHandler};
pub use delete_old_rows::DeleteOldRowsHandler;
pub use remind_interactions::RemindInteractionsHandler;
pub use report_compliance::ReportComplianceHandler;

use rouage::Registry;

use crate::services::Services;

/// Adds the handlers of this family.
#[must_use]
pub fn register(registry: Registry, services: &Services) -> Registry {
    registry
        .handler(AdvanceTrialsHandler::new(services.clone()))
        .handler(CheckCertificatesHandler::new(services.clone()))
        .handler(DeleteOldRowsHandler::new(services.clone()))
        .handler(RemindInteractionsHandler::new(services.clone()))
        .handler(ReportComplianceHandler::new(services.clone()))
}
