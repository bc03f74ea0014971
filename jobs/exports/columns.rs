//! The columns of a file: what they are called, where they come from, which ones are wanted.
//!
//! One description feeds every format: a CSV file has the name in its header, a sheet and a
//! report have the title in the reader's language.

use rouage::JobError;

use crate::exports::cells::Cell;
use crate::exports::request::Language;
use crate::exports::unknown::{quote, unknown};

/// The width of a column that says nothing else, in characters.
const WIDTH: u16 = 18;

/// One column a data set offers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name in the payload and in the header of a CSV file.
    pub(super) name: &'static str,
    /// The expression it is selected by; `t` is the data set's table.
    pub(super) sql: &'static str,
    /// How its values are read and written.
    pub(super) cell: Cell,
    /// Its width in a sheet, in characters; in a report its share of the page.
    pub(super) width: u16,
    /// Whether it is in a table that names no columns.
    is_usual: bool,
    french: &'static str,
    english: &'static str,
}

impl Column {
    /// A column that is called the same everywhere.
    pub(super) const fn new(name: &'static str, sql: &'static str, cell: Cell) -> Self {
        Self {
            name,
            sql,
            cell,
            width: WIDTH,
            is_usual: true,
            french: name,
            english: name,
        }
    }

    /// The same column with titles for people.
    pub(super) const fn titled(mut self, french: &'static str, english: &'static str) -> Self {
        self.french = french;
        self.english = english;
        self
    }

    /// The same column in another width.
    pub(super) const fn wide(mut self, width: u16) -> Self {
        self.width = width;
        self
    }

    /// The same column for those who ask for it.
    pub(super) const fn on_request(mut self) -> Self {
        self.is_usual = false;
        self
    }

    /// What it is called in the header of a sheet or a report.
    pub(super) fn title(&self, language: Language) -> &'static str {
        match language {
            Language::French => self.french,
            Language::English => self.english,
        }
    }
}

/// The wanted columns in the wanted order; if none is named, those of the `report`, or the usual
/// ones where that is empty.
pub(super) fn choose(
    offered: &'static [Column],
    report: &[&str],
    wanted: &[String],
    dataset: &str,
) -> Result<Vec<&'static Column>, JobError> {
    if wanted.is_empty() {
        if report.is_empty() {
            return Ok(offered.iter().filter(|column| column.is_usual).collect());
        }
        let reported = report
            .iter()
            .filter_map(|name| offered.iter().find(|column| column.name == *name));
        return Ok(reported.collect());
    }
    let mut chosen: Vec<&'static Column> = Vec::with_capacity(wanted.len());
    for name in wanted {
        let column = offered
            .iter()
            .find(|column| column.name == name)
            .ok_or_else(|| {
                let names: Vec<_> = offered.iter().map(|column| column.name).collect();
                unknown(&format!("column of {dataset}"), name, &names)
            })?;
        if chosen.contains(&column) {
            return Err(JobError::discard(format!(
                "column {} is named twice",
                quote(name)
            )));
        }
        chosen.push(column);
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERED: &[Column] = &[
        Column::new("id", "t.id", Cell::Integer),
        Column::new("name", "t.nom", Cell::Text),
    ];

    fn names(wanted: &[&str]) -> Result<Vec<&'static str>, String> {
        let wanted: Vec<_> = wanted.iter().map(|&name| name.to_owned()).collect();
        let chosen = choose(OFFERED, &[], &wanted, "people").map_err(|error| error.to_string())?;
        Ok(chosen.iter().map(|column| column.name).collect())
    }

    #[test]
    fn no_wish_means_all_columns_in_their_order() {
        assert_eq!(names(&[]).unwrap(), ["id", "name"]);
    }

    #[test]
    fn a_report_has_its_usual_columns_only_unless_others_are_wanted() {
        let usual = choose(OFFERED, &["name"], &[], "people").unwrap();
        assert_eq!(usual, [&OFFERED[1]]);
        let wanted = choose(OFFERED, &["name"], &["id".to_owned()], "people").unwrap();
        assert_eq!(wanted, [&OFFERED[0]]);
    }

    #[test]
    fn the_order_of_the_wish_is_the_order_of_the_file() {
        assert_eq!(names(&["name", "id"]).unwrap(), ["name", "id"]);
    }

    #[test]
    fn an_unknown_column_is_named_with_the_offered_ones() {
        let error = names(&["nam"]).unwrap_err();
        assert_eq!(
            error,
            r#"unknown column of people "nam"; did you mean "name"? (allowed: id, name)"#
        );
    }

    #[test]
    fn a_column_named_twice_is_refused() {
        assert_eq!(
            names(&["id", "id"]).unwrap_err(),
            r#"column "id" is named twice"#
        );
    }
}
