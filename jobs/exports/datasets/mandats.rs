//! `mandats`: mandates with their number, their dates and their amount.
//!
//! The CRM's own export leaves number and dates blank, because it asks for attributes that do not
//! exist; here they are filled, under the names its files have.

use super::TABLES;
use crate::exports::cells::Cell::{Integer, Label, Money, Text, Timestamp};
use crate::exports::columns::Column;
use crate::exports::dataset::{Dataset, Owner, sort};
use crate::exports::filters::{Filter, Test};
use crate::exports::labels;

const ORGANISATION: &str =
    "(SELECT o.nom FROM public.organisations o WHERE o.id = t.organisation_id)";

pub(super) static MANDATS: Dataset = Dataset {
    name: "mandats",
    titles: ["Mandats", "Mandates"],
    table: "public.mandats",
    owner: Owner::Column("t.owner_id"),
    resource: "MANDATS",
    formats: TABLES,
    columns: &[
        Column::new("id", "t.id", Integer)
            .titled("ID", "ID")
            .wide(9),
        Column::new("numero_mandat", "t.number", Text).titled("Numéro", "Number"),
        Column::new("type", "t.type::text", Label)
            .titled("Type", "Type")
            .wide(14),
        Column::new("status", "t.status::text", Label)
            .titled("Statut", "Status")
            .wide(12),
        Column::new("date_debut", "t.start_date", Timestamp)
            .titled("Date de début", "Start")
            .wide(15),
        Column::new("date_fin", "t.end_date", Timestamp)
            .titled("Date de fin", "End")
            .wide(15),
        Column::new("organisation_id", "t.organisation_id", Integer)
            .titled("ID organisation", "Organisation ID")
            .wide(15),
        Column::new("created_at", "t.created_at", Timestamp)
            .titled("Date de création", "Created At")
            .wide(17),
        Column::new("updated_at", "t.updated_at", Timestamp)
            .titled("Dernière modification", "Updated At")
            .wide(20),
        Column::new("organisation", ORGANISATION, Text)
            .titled("Organisation", "Organisation")
            .wide(30)
            .on_request(),
        Column::new("amount", "t.amount::text", Money)
            .titled("Montant", "Amount")
            .wide(20)
            .on_request(),
    ],
    report: &["numero_mandat", "type", "status", "organisation", "amount"],
    filters: &[
        Filter::new("type", Test::Label("t.type::text", labels::MANDATE_TYPES)),
        Filter::new(
            "status",
            Test::Label("t.status::text", labels::MANDATE_STATES),
        ),
    ],
    sorts: &[
        sort("created_at:desc", "t.created_at DESC, t.id DESC"),
        sort("created_at:asc", "t.created_at, t.id"),
    ],
    active: Some("t.status::text IN ('ACTIF', 'ACTIVE')"),
    statistics: &[],
};
