//! `campaigns`: mail campaigns and their totals.
//!
//! The CRM's own export shows everybody's campaigns to everybody; here they have the owner that
//! their table names.

use super::TABLES;
use crate::exports::cells::Cell::{Integer, Label, Text, Timestamp};
use crate::exports::columns::Column;
use crate::exports::dataset::{Dataset, Owner, sort};
use crate::exports::filters::{Filter, Test};
use crate::exports::labels;

pub(super) static CAMPAIGNS: Dataset = Dataset {
    name: "campaigns",
    titles: ["Campagnes", "Campaigns"],
    table: "public.email_campaigns",
    owner: Owner::Column("t.owner_id"),
    resource: "REPORTS",
    formats: TABLES,
    columns: &[
        Column::new("id", "t.id", Integer)
            .titled("ID", "ID")
            .wide(9),
        Column::new("name", "t.name", Text)
            .titled("Nom", "Name")
            .wide(32),
        Column::new("status", "t.status::text", Label)
            .titled("Statut", "Status")
            .wide(12),
        Column::new("scheduled_at", "t.scheduled_at", Timestamp)
            .titled("Planifiée le", "Scheduled At")
            .wide(15),
        Column::new("total_recipients", "t.total_recipients", Integer)
            .titled("Destinataires", "Recipients")
            .wide(15),
        Column::new("total_sent", "t.total_sent", Integer)
            .titled("Envoyés", "Sent")
            .wide(12),
        Column::new("last_sent_at", "t.last_sent_at", Timestamp)
            .titled("Dernier envoi", "Last Sent At")
            .wide(15),
        Column::new("from_email", "t.from_email", Text)
            .titled("Email expéditeur", "From Email")
            .wide(30),
        Column::new("from_name", "t.from_name", Text)
            .titled("Expéditeur", "From Name")
            .wide(24),
        Column::new("created_at", "t.created_at", Timestamp)
            .titled("Date de création", "Created At")
            .wide(17),
    ],
    report: &[
        "name",
        "status",
        "scheduled_at",
        "total_recipients",
        "total_sent",
    ],
    filters: &[Filter::new(
        "status",
        Test::Label("t.status::text", labels::CAMPAIGN_STATES),
    )],
    sorts: &[
        sort("created_at:desc", "t.created_at DESC, t.id DESC"),
        sort("created_at:asc", "t.created_at, t.id"),
    ],
    active: None,
    statistics: &[],
};
