//! What the backups family reads of the CRM: everything, but few tables tell whether it may.

use super::Holds::Integer;
use super::{Needs, Table};

const ID: &[(&str, super::Holds)] = &[("id", Integer)];

/// The tables without which a backup is none.
pub(crate) const BACKUPS: Needs = Needs {
    tables: &[
        Table {
            name: "users",
            privilege: "SELECT",
            columns: ID,
        },
        Table {
            name: "organisations",
            privilege: "SELECT",
            columns: ID,
        },
        Table {
            name: "people",
            privilege: "SELECT",
            columns: ID,
        },
    ],
    enums: &[],
};
