//! Files of the CRM's records, made for one user.
//!
//! The path of an export reads file after file: `export_records` says what happens in which
//! order; `request` turns the payload into something that can be run, with `dataset`,
//! `columns` and `filters` as the tables of what may be asked for; `permissions` decides
//! the rows; `query` is the SQL; `csv_file` writes rows as `cells` into a file;
//! `record` and `announce` are what the database remembers.
//!
//! It does not serve downloads and does not remove expired files.

mod announce;
mod cells;
mod columns;
mod csv_file;
mod dataset;
mod export_records;
mod filters;
mod labels;
mod permissions;
mod query;
mod record;
mod request;
mod snapshot;
mod unknown;

pub use export_records::ExportRecordsHandler;

use rouage::Registry;

use crate::services::Services;

/// Adds the handlers of this family.
#[must_use]
pub fn register(registry: Registry, services: &Services) -> Registry {
    registry.handler(ExportRecordsHandler::new(services.clone()))
}
