//! What can be exported, as tables: columns, filters and orders of each data set.
//!
//! Adding a column or a filter is one line here. Column order and filter names are those of the
//! CRM's own export pages. Codes of countries and languages are compared whatever their case:
//! the CRM's pages send upper case, its tables hold both.

use rouage::JobError;

use crate::exports::cells::Cell::{Boolean, Decimal, Integer, Label, Text, Timestamp};
use crate::exports::columns::Column;
use crate::exports::filters::{Filter, Test};
use crate::exports::labels;
use crate::exports::unknown::unknown;

/// One data set.
#[derive(Debug)]
pub(super) struct Dataset {
    /// Its name in the payload and in the file's name.
    pub(super) name: &'static str,
    /// The table, called `t` in every expression.
    pub(super) table: &'static str,
    /// Who may see a row.
    pub(super) owner: Owner,
    /// All columns in their usual order.
    pub(super) columns: &'static [Column],
    /// All filters.
    pub(super) filters: &'static [Filter],
    /// All orders, the usual one first; each ends in the id, so that no two runs differ.
    pub(super) sorts: &'static [Sort],
}

/// Where the owner of a row is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// In the row itself.
    Own,
    /// In any organisation the person is linked to.
    Linked,
}

/// One order of rows.
#[derive(Debug)]
pub(super) struct Sort {
    /// Its name in the payload.
    pub(super) name: &'static str,
    /// The expression after `ORDER BY`.
    pub(super) sql: &'static str,
}

const fn sort(name: &'static str, sql: &'static str) -> Sort {
    Sort { name, sql }
}

static DATASETS: [&Dataset; 2] = [&PEOPLE, &ORGANISATIONS];

static PEOPLE: Dataset = Dataset {
    name: "people",
    table: "public.people",
    owner: Owner::Linked,
    columns: &[
        Column::new("id", "t.id", Integer),
        Column::new("first_name", "t.prenom", Text),
        Column::new("last_name", "t.nom", Text),
        Column::new("role", "t.role", Text),
        Column::new("job_title", "t.fonction", Text),
        Column::new("email", "t.email", Text),
        Column::new("personal_email", "t.personal_email", Text),
        Column::new("phone", "t.telephone", Text),
        Column::new("personal_phone", "t.personal_phone", Text),
        Column::new("mobile", "t.mobile", Text),
        Column::new("country_code", "t.country_code", Text),
        Column::new("language", "t.language", Text),
        Column::new("linkedin_url", "t.linkedin_url", Text),
        Column::new("created_at", "t.created_at", Timestamp),
        Column::new("is_active", "t.is_active", Boolean),
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
};

static ORGANISATIONS: Dataset = Dataset {
    name: "organisations",
    table: "public.organisations",
    owner: Owner::Own,
    columns: &[
        Column::new("id", "t.id", Integer),
        Column::new("name", "t.nom", Text),
        Column::new("type", "t.type::text", Label),
        Column::new("category", "t.category::text", Label),
        Column::new("pipeline_stage", "t.pipeline_stage::text", Label),
        Column::new("email", "t.email", Text),
        Column::new("phone", "t.telephone", Text),
        Column::new("website", "t.website", Text),
        Column::new("address", "t.adresse", Text),
        Column::new("city", "t.ville", Text),
        Column::new("country_code", "t.country_code", Text),
        Column::new("language", "t.language", Text),
        Column::new("aum", "t.aum::text", Decimal),
        Column::new("domicile", "t.domicile", Text),
        Column::new("created_at", "t.created_at", Timestamp),
        Column::new("is_active", "t.is_active", Boolean),
    ],
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
};

impl Dataset {
    /// The data set of that name.
    pub(super) fn named(name: &str) -> Result<&'static Self, JobError> {
        DATASETS
            .into_iter()
            .find(|dataset| dataset.name == name)
            .ok_or_else(|| unknown("data set", name, &DATASETS.map(|dataset| dataset.name)))
    }

    /// The order of that name; the usual one if none is named.
    pub(super) fn sort(&self, name: Option<&str>) -> Result<&'static str, JobError> {
        let Some(name) = name else {
            return Ok(self.sorts[0].sql);
        };
        let found = self.sorts.iter().find(|sort| sort.name == name);
        found.map(|sort| sort.sql).ok_or_else(|| {
            let names: Vec<_> = self.sorts.iter().map(|sort| sort.name).collect();
            unknown(&format!("order of {}", self.name), name, &names)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_data_sets_and_orders_are_named() {
        let error = Dataset::named("organizations").unwrap_err().to_string();
        assert!(
            error.contains(r#"did you mean "organisations"?"#),
            "{error}"
        );
        let error = PEOPLE.sort(Some("created_at")).unwrap_err().to_string();
        assert!(
            error.starts_with(r#"unknown order of people "created_at"; did you mean "created_at:"#),
            "{error}"
        );
    }

    #[test]
    fn every_order_is_total() {
        for dataset in DATASETS {
            for sort in dataset.sorts {
                assert!(
                    sort.sql.contains(", t.id"),
                    "{} {}",
                    dataset.name,
                    sort.name
                );
            }
        }
    }

    #[test]
    fn no_name_is_offered_twice() {
        for dataset in DATASETS {
            let names = dataset.columns.iter().map(|column| column.name);
            let names: Vec<_> = names
                .chain(dataset.sorts.iter().map(|sort| sort.name))
                .collect();
            let mut unique = names.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(unique.len(), names.len(), "{}", dataset.name);
        }
    }
}
