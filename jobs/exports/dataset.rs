//! What can be exported, as tables: columns, filters and orders of each data set.
//!
//! This file says what a data set is; `datasets` has one file with the tables of each. Adding a
//! column or a filter is one line there. Column order and filter names are those of the CRM's own
//! export pages. Codes of countries and languages are compared whatever their case: the CRM's
//! pages send upper case, its tables hold both.

use rouage::JobError;

use crate::exports::columns::Column;
use crate::exports::datasets::DATASETS;
use crate::exports::filters::Filter;
use crate::exports::format::Format;
use crate::exports::request::Language;
use crate::exports::unknown::unknown;

/// One data set.
#[derive(Debug)]
pub(super) struct Dataset {
    /// Its name in the payload and in the file's name.
    pub(super) name: &'static str,
    /// What a sheet and a report call it, in French and in English.
    pub(super) titles: [&'static str; 2],
    /// The table, called `t` in every expression.
    pub(super) table: &'static str,
    /// Who may see a row.
    pub(super) owner: Owner,
    /// The resource of the CRM's permission to export it.
    pub(super) resource: &'static str,
    /// How it can be written, the usual way first.
    pub(super) formats: &'static [Format],
    /// All columns in their usual order.
    pub(super) columns: &'static [Column],
    /// The columns of a report, which a page has room for.
    pub(super) report: &'static [&'static str],
    /// All filters.
    pub(super) filters: &'static [Filter],
    /// All orders, the usual one first; each ends in the id, so that no two runs differ.
    pub(super) sorts: &'static [Sort],
    /// The condition under which a row counts as active in the summary of a report.
    pub(super) active: Option<&'static str>,
    /// What the statistics sheet counts.
    pub(super) statistics: &'static [Statistic],
}

/// Where the owner of a row is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// In this column of the row.
    Column(&'static str),
    /// In any organisation the person is linked to.
    Linked,
    /// In the campaign the row belongs to.
    Campaign,
    /// The row is about this account, who may see it; so may administrators.
    Subject,
}

/// Rows counted by a value, with a chart.
#[derive(Debug)]
pub(super) struct Statistic {
    /// The titles of the chart, in French and in English.
    pub(super) titles: [&'static str; 2],
    /// The title of the column of values.
    pub(super) values: [&'static str; 2],
    /// The expression of the value; an enum as text.
    pub(super) sql: &'static str,
    /// How it is drawn.
    pub(super) shape: Shape,
}

/// How counts are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A bar for each value.
    Bars,
    /// A slice for each value.
    Pie,
}

/// One order of rows.
#[derive(Debug)]
pub(super) struct Sort {
    /// Its name in the payload.
    pub(super) name: &'static str,
    /// The expression after `ORDER BY`.
    pub(super) sql: &'static str,
}

/// An order.
pub(super) const fn sort(name: &'static str, sql: &'static str) -> Sort {
    Sort { name, sql }
}

impl Dataset {
    /// What people call it.
    pub(super) fn title(&self, language: Language) -> &'static str {
        language.of_two(self.titles)
    }

    /// The data set of that name.
    pub(super) fn named(name: &str) -> Result<&'static Self, JobError> {
        DATASETS
            .into_iter()
            .find(|dataset| dataset.name == name)
            .ok_or_else(|| unknown("data set", name, &DATASETS.map(|dataset| dataset.name)))
    }

    /// The format of that name.
    pub(super) fn format(&self, name: &str) -> Result<Format, JobError> {
        let found = self.formats.iter().find(|format| format.name() == name);
        found.copied().ok_or_else(|| {
            let names: Vec<_> = self.formats.iter().map(|format| format.name()).collect();
            unknown(&format!("format of {}", self.name), name, &names)
        })
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
        let people = Dataset::named("people").unwrap();
        let error = people.sort(Some("created_at")).unwrap_err().to_string();
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
    fn every_column_of_a_report_exists() {
        for dataset in DATASETS {
            for name in dataset.report {
                let known = dataset.columns.iter().any(|column| column.name == *name);
                assert!(known, "{} {name}", dataset.name);
            }
            let is_reported = dataset.formats.contains(&Format::Pdf);
            assert_eq!(is_reported, !dataset.report.is_empty(), "{}", dataset.name);
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
