//! `people`: contacts, seen through the organisations they are linked to.

use super::TABLES;
use crate::exports::cells::Cell::{Boolean, Integer, Text, Timestamp};
use crate::exports::columns::Column;
use crate::exports::dataset::{Dataset, Owner, sort};
use crate::exports::filters::{Filter, Test};

pub(super) static PEOPLE: Dataset = Dataset {
    name: "people",
    titles: ["Personnes", "People"],
    table: "public.people",
    owner: Owner::Linked,
    resource: "PEOPLE",
    formats: TABLES,
    columns: &[
        Column::new("id", "t.id", Integer)
            .titled("ID", "ID")
            .wide(9),
        Column::new("first_name", "t.prenom", Text).titled("Prénom", "First Name"),
        Column::new("last_name", "t.nom", Text)
            .titled("Nom", "Last Name")
            .wide(20),
        Column::new("role", "t.role", Text).titled("Rôle", "Role"),
        Column::new("job_title", "t.fonction", Text)
            .titled("Fonction", "Job Title")
            .wide(24),
        Column::new("email", "t.email", Text)
            .titled("Email", "Email")
            .wide(28),
        Column::new("personal_email", "t.personal_email", Text)
            .titled("Email personnel", "Personal Email")
            .wide(28),
        Column::new("phone", "t.telephone", Text).titled("Téléphone", "Phone"),
        Column::new("personal_phone", "t.personal_phone", Text)
            .titled("Téléphone personnel", "Personal Phone"),
        Column::new("mobile", "t.mobile", Text).titled("Mobile", "Mobile"),
        Column::new("country_code", "t.country_code", Text)
            .titled("Pays", "Country")
            .wide(8),
        Column::new("language", "t.language", Text)
            .titled("Langue", "Language")
            .wide(10),
        Column::new("linkedin_url", "t.linkedin_url", Text)
            .titled("LinkedIn", "LinkedIn")
            .wide(28),
        Column::new("created_at", "t.created_at", Timestamp)
            .titled("Date de création", "Created At")
            .wide(17),
        Column::new("is_active", "t.is_active", Boolean)
            .titled("Actif", "Active")
            .wide(9),
    ],
    report: &[
        "last_name",
        "first_name",
        "role",
        "personal_email",
        "country_code",
    ],
    filters: &[
        Filter::new("role", Test::Contains(&["t.role"])),
        Filter::new("country_code", Test::AnyCase("upper(t.country_code)")),
        Filter::new("language", Test::AnyCase("upper(t.language)")),
        Filter::new("is_active", Test::Flag("t.is_active")),
        Filter::new(
            "search",
            Test::Contains(&["t.prenom", "t.nom", "t.personal_email"]),
        ),
    ],
    sorts: &[
        sort("created_at:desc", "t.created_at DESC, t.id DESC"),
        sort("created_at:asc", "t.created_at, t.id"),
        sort("last_name:asc", "t.nom, t.id"),
        sort("last_name:desc", "t.nom DESC, t.id DESC"),
    ],
    active: Some("t.is_active"),
    statistics: &[],
};
