//! Backups: the steps of a run, each once and again, and what happens when one cannot.

mod faults;
mod places;
mod runs;
mod store;

pub(crate) use store::Heard;
