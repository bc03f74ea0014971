//! Exports: the file, the record, and what is refused.

mod entities;
mod files;
mod limits;
mod purging;
mod recovery;
mod refusals;
mod reports;
mod rights;
mod workbooks;
