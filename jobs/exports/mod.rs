//! Files of the CRM's records, made for one user.
//!
//! The path of an export reads file after file: `export_records` says what happens in which
//! order; `request` turns the payload into something that can be run, with `dataset`,
//! `datasets`, `columns` and `filters` as the tables of what may be asked for; `permissions`
//! decides the rows; `query` is the SQL; `writing` moves rows as `cells` into a file of the wanted
//! `format`, which is an `artifact` until it is whole; `record` and `announce` are what the
//! database remembers.
//!
//! `purge_expired` removes files whose time is over. `download_token` signs and checks the right to
//! download one; serving the download is for whoever has the users' sessions.

mod announce;
mod artifact;
mod cells;
mod columns;
mod csv_file;
mod dataset;
mod datasets;
pub mod download_token;
mod export_records;
mod filters;
mod format;
mod json_file;
mod labels;
mod pdf_file;
mod permissions;
mod purge_expired;
mod query;
mod record;
mod report_font;
mod report_page;
mod request;
mod snapshot;
mod statistics;
mod statistics_sheet;
mod unknown;
mod writing;
mod xlsx_file;

pub use export_records::ExportRecordsHandler;
pub use purge_expired::PurgeExpiredHandler;

use rouage::Registry;

use crate::services::Services;

/// Adds the handlers of this family.
#[must_use]
pub fn register(registry: Registry, services: &Services) -> Registry {
    registry
        .handler(ExportRecordsHandler::new(services.clone()))
        .handler(PurgeExpiredHandler::new(services.clone()))
}
