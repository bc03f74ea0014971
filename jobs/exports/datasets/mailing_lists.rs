//! `mailing_lists`: saved recipients, seen by the team of whoever made the list.

use super::TABLES;
use crate::exports::cells::Cell::{Boolean, Integer, Text, Timestamp};
use crate::exports::columns::Column;
use crate::exports::dataset::{Dataset, Owner, sort};
use crate::exports::filters::{Filter, Test};

pub(super) static MAILING_LISTS: Dataset = Dataset {
    name: "mailing_lists",
    titles: ["Listes de diffusion", "Mailing lists"],
    table: "public.mailing_lists",
    owner: Owner::Column("t.created_by"),
    resource: "REPORTS",
    formats: TABLES,
    columns: &[
        Column::new("id", "t.id", Integer)
            .titled("ID", "ID")
            .wide(9),
        Column::new("name", "t.name", Text)
            .titled("Nom", "Name")
            .wide(30),
        Column::new("description", "t.description", Text)
            .titled("Description", "Description")
            .wide(36),
        Column::new("target_type", "t.target_type", Text)
            .titled("Cible", "Target")
            .wide(15),
        Column::new("recipient_count", "t.recipient_count", Integer)
            .titled("Destinataires", "Recipients")
            .wide(15),
        Column::new("filters", "t.filters::text", Text)
            .titled("Filtres", "Filters")
            .wide(36),
        Column::new("is_active", "t.is_active", Boolean)
            .titled("Active", "Active")
            .wide(9),
        Column::new("last_used_at", "t.last_used_at", Timestamp)
            .titled("Dernière utilisation", "Last Used At")
            .wide(19),
        Column::new("created_at", "t.created_at", Timestamp)
            .titled("Date de création", "Created At")
            .wide(17),
    ],
    report: &[
        "name",
        "target_type",
        "recipient_count",
        "last_used_at",
        "is_active",
    ],
    filters: &[
        Filter::new("only_active", Test::Only("t.is_active")),
        Filter::new("only_mine", Test::Mine("t.created_by")),
        Filter::new("target_type", Test::Exact("t.target_type")),
        Filter::new("search", Test::Contains(&["t.name", "t.description"])),
    ],
    sorts: &[
        sort("created_at:desc", "t.created_at DESC, t.id DESC"),
        sort("created_at:asc", "t.created_at, t.id"),
        sort("name:asc", "t.name, t.id"),
        sort("name:desc", "t.name DESC, t.id DESC"),
        sort("recipient_count:asc", "t.recipient_count, t.id"),
        sort("recipient_count:desc", "t.recipient_count DESC, t.id DESC"),
    ],
    active: Some("t.is_active"),
    statistics: &[],
};
