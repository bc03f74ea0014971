//! Exports: the file, the record, and what is refused.

mod files;
mod limits;
mod recovery;
mod refusals;
mod rights;
