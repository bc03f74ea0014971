//! The columns of a file: what they are called, where they come from, which ones are wanted.

use rouage::JobError;

use crate::exports::cells::Cell;
use crate::exports::unknown::{quote, unknown};

/// One column a data set offers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name in the header and in the payload.
    pub(super) name: &'static str,
    /// The expression it is selected by; `t` is the data set's table.
    pub(super) sql: &'static str,
    /// How its values are read and written.
    pub(super) cell: Cell,
}

impl Column {
    pub(super) const fn new(name: &'static str, sql: &'static str, cell: Cell) -> Self {
        Self { name, sql, cell }
    }
}

/// The wanted columns in the wanted order; all of them if none is named.
pub(super) fn choose(
    offered: &'static [Column],
    wanted: &[String],
    dataset: &str,
) -> Result<Vec<&'static Column>, JobError> {
    if wanted.is_empty() {
        return Ok(offered.iter().collect());
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
        let chosen = choose(OFFERED, &wanted, "people").map_err(|error| error.to_string())?;
        Ok(chosen.iter().map(|column| column.name).collect())
    }

    #[test]
    fn no_wish_means_all_columns_in_their_order() {
        assert_eq!(names(&[]).unwrap(), ["id", "name"]);
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
