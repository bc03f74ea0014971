//! `email_sends`: what became of each mail, seen by the team of the campaign's owner.
//!
//! The CRM's own export fails for everybody but administrators, because a mail has no owner.

use super::TABLES;
use crate::exports::cells::Cell::{Integer, Label, Text, Timestamp, Verbatim};
use crate::exports::columns::Column;
use crate::exports::dataset::{Dataset, Owner, sort};
use crate::exports::filters::{Filter, Test};
use crate::exports::labels;

pub(super) static EMAIL_SENDS: Dataset = Dataset {
    name: "email_sends",
    titles: ["Envois d'emails", "Email sends"],
    table: "public.email_sends",
    owner: Owner::Campaign,
    resource: "REPORTS",
    formats: TABLES,
    columns: &[
        Column::new("id", "t.id", Integer)
            .titled("ID", "ID")
            .wide(9),
        Column::new("campaign_id", "t.campaign_id", Integer)
            .titled("ID campagne", "Campaign ID")
            .wide(13),
        Column::new("batch_id", "t.batch_id", Integer)
            .titled("ID lot", "Batch ID")
            .wide(10),
        Column::new("step_id", "t.step_id", Integer)
            .titled("ID étape", "Step ID")
            .wide(10),
        Column::new("recipient_email", "t.recipient_email", Text)
            .titled("Email destinataire", "Recipient Email")
            .wide(32),
        Column::new("recipient_name", "t.recipient_name", Text)
            .titled("Destinataire", "Recipient Name")
            .wide(24),
        Column::new("status", "t.status::text", Label)
            .titled("Statut", "Status")
            .wide(13),
        Column::new("variant", "t.variant::text", Verbatim)
            .titled("Variante", "Variant")
            .wide(10),
        Column::new("scheduled_at", "t.scheduled_at", Timestamp)
            .titled("Planifié le", "Scheduled At")
            .wide(15),
        Column::new("sent_at", "t.sent_at", Timestamp)
            .titled("Envoyé le", "Sent At")
            .wide(15),
        Column::new("provider_message_id", "t.provider_message_id", Text)
            .titled("ID du fournisseur", "Provider Message ID")
            .wide(22),
        Column::new("error_message", "t.error_message", Text)
            .titled("Erreur", "Error Message")
            .wide(36),
        Column::new("created_at", "t.created_at", Timestamp)
            .titled("Date de création", "Created At")
            .wide(17),
    ],
    report: &[
        "recipient_email",
        "recipient_name",
        "status",
        "sent_at",
        "campaign_id",
    ],
    filters: &[
        Filter::new("campaign_id", Test::Number("t.campaign_id")),
        Filter::new("batch_id", Test::Number("t.batch_id")),
        Filter::new("status", Test::Label("t.status::text", labels::SEND_STATES)),
        Filter::new("recipient_email", Test::Contains(&["t.recipient_email"])),
        Filter::new(
            "search",
            Test::Contains(&["t.recipient_email", "t.recipient_name"]),
        ),
    ],
    sorts: &[
        sort("created_at:desc", "t.created_at DESC, t.id DESC"),
        sort("created_at:asc", "t.created_at, t.id"),
        sort("sent_at:desc", "t.sent_at DESC NULLS LAST, t.id DESC"),
        sort("sent_at:asc", "t.sent_at, t.id"),
        sort("status:asc", "t.status, t.id"),
        sort("status:desc", "t.status DESC, t.id DESC"),
    ],
    active: None,
    statistics: &[],
};
