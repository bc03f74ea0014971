//! CSV in the dialect of the CRM's files: with a byte order mark, commas, CRLF, quotes where needed.

use std::io::Write;

use anyhow::Context;
use csv::{QuoteStyle, Terminator, WriterBuilder};
use sqlx::postgres::PgRow;

use crate::exports::artifact::Output;
use crate::exports::cells::Value;
use crate::exports::columns::Column;
use crate::exports::writing::{Plan, Rendering};

/// Without it, spreadsheets take UTF-8 for something else.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// Bytes collected before each write and each step of the hash.
const BUFFER: usize = 128 * 1024;

/// A CSV file in the making.
pub(super) struct CsvFile<'p> {
    columns: &'p [&'static Column],
    csv: csv::Writer<Output>,
}

impl<'p> CsvFile<'p> {
    /// The header.
    pub(super) fn start(mut output: Output, plan: &'p Plan) -> anyhow::Result<Self> {
        output
            .write_all(BYTE_ORDER_MARK)
            .context("write the export")?;
        let mut csv = writer(output);
        csv.write_record(plan.columns.iter().map(|column| column.name))
            .context("write the export")?;
        Ok(Self {
            columns: &plan.columns,
            csv,
        })
    }
}

impl Rendering for CsvFile<'_> {
    fn batch(&mut self, rows: &[PgRow]) -> anyhow::Result<()> {
        for row in rows {
            for (index, column) in self.columns.iter().enumerate() {
                let text = column
                    .cell
                    .value(row, index)
                    .and_then(Value::csv)
                    .with_context(|| format!("read column {}", column.name))?;
                self.csv
                    .write_field(text.as_bytes())
                    .context("write the export")?;
            }
            self.csv
                .write_record(None::<&[u8]>)
                .context("write the export")?;
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.csv.get_ref().bytes()
    }

    fn finish(self: Box<Self>) -> anyhow::Result<Output> {
        self.csv
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)
            .context("write the export")
    }
}

/// The dialect of the CRM's files.
fn writer<W: Write>(to: W) -> csv::Writer<W> {
    WriterBuilder::new()
        .buffer_capacity(BUFFER)
        .terminator(Terminator::CRLF)
        .quote_style(QuoteStyle::Necessary)
        .from_writer(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cells: &[&str]) -> String {
        let mut csv = writer(Vec::new());
        csv.write_record(cells).unwrap();
        String::from_utf8(csv.into_inner().unwrap()).unwrap()
    }

    #[test]
    fn only_what_must_be_quoted_is_quoted() {
        let cases: [(&[&str], &str); 10] = [
            (&["a", "b"], "a,b\r\n"),
            (&["a,b", "c"], "\"a,b\",c\r\n"),
            (&["say \"hi\"", "c"], "\"say \"\"hi\"\"\",c\r\n"),
            (&["a\nb", "c"], "\"a\nb\",c\r\n"),
            (&["a\rb", "c"], "\"a\rb\",c\r\n"),
            (&["a\r\nb", "c"], "\"a\r\nb\",c\r\n"),
            (&["a;b", "it's"], "a;b,it's\r\n"),
            (&["", ""], ",\r\n"),
            (&[""], "\"\"\r\n"),
            (&[" a ", "é\u{a0}#\\"], " a ,é\u{a0}#\\\r\n"),
        ];
        for (cells, text) in cases {
            assert_eq!(line(cells), text, "{cells:?}");
        }
    }
}
