//! `organisations`: companies with their place in the pipeline, seen by their owner's team.

use super::TABLES;
use crate::exports::cells::Cell::{Boolean, Integer, Label, Money, Text, Timestamp};
use crate::exports::columns::Column;
use crate::exports::dataset::{Dataset, Owner, Shape, Statistic, sort};
use crate::exports::filters::{Filter, Test};
use crate::exports::labels;

pub(super) static ORGANISATIONS: Dataset = Dataset {
    name: "organisations",
    titles: ["Organisations", "Organisations"],
    table: "public.organisations",
    owner: Owner::Column("t.owner_id"),
    resource: "ORGANISATIONS",
    formats: TABLES,
    columns: &[
        Column::new("id", "t.id", Integer)
            .titled("ID", "ID")
            .wide(9),
        Column::new("name", "t.nom", Text)
            .titled("Nom", "Name")
            .wide(30),
        Column::new("type", "t.type::text", Label)
            .titled("Type", "Type")
            .wide(14),
        Column::new("category", "t.category::text", Label)
            .titled("Catégorie", "Category")
            .wide(14),
        Column::new("pipeline_stage", "t.pipeline_stage::text", Label)
            .titled("Pipeline", "Pipeline")
            .wide(15),
        Column::new("email", "t.email", Text)
            .titled("Email", "Email")
            .wide(25),
        Column::new("phone", "t.telephone", Text).titled("Téléphone", "Phone"),
        Column::new("website", "t.website", Text)
            .titled("Site web", "Website")
            .wide(26),
        Column::new("address", "t.adresse", Text)
            .titled("Adresse", "Address")
            .wide(28),
        Column::new("city", "t.ville", Text).titled("Ville", "City"),
        Column::new("country_code", "t.country_code", Text)
            .titled("Pays", "Country")
            .wide(8),
        Column::new("language", "t.language", Text)
            .titled("Langue", "Language")
            .wide(10),
        Column::new("aum", "t.aum::text", Money)
            .titled("Encours", "AUM")
            .wide(22),
        Column::new("domicile", "t.domicile", Text).titled("Domicile", "Domicile"),
        Column::new("created_at", "t.created_at", Timestamp)
            .titled("Date de création", "Created At")
            .wide(17),
        Column::new("is_active", "t.is_active", Boolean)
            .titled("Actif", "Active")
            .wide(9),
    ],
    report: &["name", "type", "category", "email", "is_active"],
    filters: &[
        Filter::new(
            "category",
            Test::Label("t.category::text", labels::CATEGORIES),
        ),
        Filter::new("type", Test::Label("t.type::text", labels::TYPES)),
        Filter::new("city", Test::Exact("t.ville")),
        Filter::new("country_code", Test::AnyCase("upper(t.country_code)")),
        Filter::new("language", Test::AnyCase("upper(t.language)")),
        Filter::new("is_active", Test::Flag("t.is_active")),
        Filter::new("search", Test::Contains(&["t.nom"])),
    ],
    sorts: &[
        sort("created_at:desc", "t.created_at DESC, t.id DESC"),
        sort("created_at:asc", "t.created_at, t.id"),
        sort("name:asc", "t.nom, t.id"),
        sort("name:desc", "t.nom DESC, t.id DESC"),
    ],
    active: Some("t.is_active"),
    statistics: &[
        Statistic {
            titles: ["Organisations par Catégorie", "Organisations by Category"],
            values: ["Catégorie", "Category"],
            sql: "t.category::text",
            shape: Shape::Bars,
        },
        Statistic {
            titles: [
                "Organisations par étape du pipeline",
                "Organisations by Pipeline Stage",
            ],
            values: ["Étape", "Stage"],
            sql: "t.pipeline_stage::text",
            shape: Shape::Pie,
        },
    ],
};
