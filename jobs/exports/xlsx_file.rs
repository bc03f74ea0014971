//! A workbook: one sheet of rows that filters and calculates, one of statistics with charts.
//!
//! Rows go to an unnamed temporary file in the export folder as they arrive, so memory does not
//! grow with them; at the end everything is packed into the output. Texts are written as texts:
//! nothing that somebody typed becomes a formula, and what looks like one is marked as text, so
//! that it stays one when its cell is edited.

use anyhow::Context;
use rust_xlsxwriter::{
    ConditionalFormatFormula, DocProperties, Format as Style, FormatAlign, FormatBorder, Workbook,
    Worksheet,
};
use sqlx::postgres::PgRow;

use crate::exports::artifact::Output;
use crate::exports::cells::{self, Cell, Value};
use crate::exports::columns::Column;
use crate::exports::labels;
use crate::exports::request::Language;
use crate::exports::statistics_sheet;
use crate::exports::writing::{Plan, Rendering};

/// Rows below the header that a sheet can hold.
pub(super) const MOST_ROWS: u64 = 1_048_575;
/// Characters (UTF-16) a cell can hold.
const LONGEST_TEXT: usize = 32_767;
/// Digits a number of a sheet keeps; a longer one stays a text rather than losing its end.
const EXACT_DIGITS: usize = 15;
/// The day number of 2000-01-01, where PostgreSQL counts from.
const DAY_OF_2000: f64 = 36_526.0;
const MICROS_A_DAY: f64 = 86_400_000_000.0;
/// Bytes of markup around a cell's value before it is packed.
const MARKUP: u64 = 24;
/// How much smaller than its content a packed workbook is at most; keeps the temporary file
/// bounded long before the workbook is packed and its real size known.
const PACKED: u64 = 8;

const MONEY: &str = "#,##0.00 \"€\"";
const DATE: &str = "dd/mm/yyyy";

/// A workbook in the making.
pub(super) struct XlsxFile<'p> {
    plan: &'p Plan,
    workbook: Workbook,
    output: Output,
    like_a_formula: Style,
    row: u32,
    /// Bytes that went to the temporary file, more or less.
    unpacked: u64,
}

impl<'p> XlsxFile<'p> {
    /// The sheet with its header, filter and styles.
    pub(super) fn start(output: Output, plan: &'p Plan) -> anyhow::Result<Self> {
        let mut workbook = Workbook::new();
        workbook
            .set_tempdir(&plan.dir)
            .context("begin the workbook")?;
        let title = plan.dataset.title(plan.language);
        workbook.set_properties(&DocProperties::new().set_title(title));
        let sheet = workbook
            .add_worksheet_with_constant_memory()
            .context("begin the workbook")?;
        lay_out(sheet, plan).context("lay out the sheet")?;
        Ok(Self {
            plan,
            workbook,
            output,
            like_a_formula: Style::new().set_quote_prefix(),
            row: 1,
            unpacked: 0,
        })
    }
}

/// Title, widths, formats, header, filter and stripes of the sheet of rows.
fn lay_out(sheet: &mut Worksheet, plan: &Plan) -> anyhow::Result<()> {
    sheet.set_name(plan.dataset.title(plan.language))?;
    sheet.set_freeze_panes(1, 0)?;
    sheet
        .set_landscape()
        .set_paper_size(9)
        .set_repeat_rows(0, 0)?;
    let header = header(plan);
    for (index, column) in (0..).zip(&plan.columns) {
        sheet.set_column_width(index, column.width)?;
        if let Some(style) = style_of(column) {
            sheet.set_column_format(index, &style)?;
        }
    }
    for (index, column) in (0..).zip(&plan.columns) {
        sheet.write_string_with_format(0, index, column.title(plan.language), &header)?;
    }
    let last_row = u32::try_from(plan.total)?;
    let last_column = u16::try_from(plan.columns.len() - 1)?;
    sheet.autofilter(0, 0, last_row, last_column)?;
    if last_row > 0 {
        // One rule for all rows costs nothing, a style for every other cell would.
        let stripe = ConditionalFormatFormula::new()
            .set_rule("=MOD(ROW(),2)=1")
            .set_format(Style::new().set_background_color("F2F2F2"));
        sheet.add_conditional_format(1, 0, last_row, last_column, &stripe)?;
    }
    Ok(())
}

/// As the CRM's own workbooks: two blues.
fn header(plan: &Plan) -> Style {
    let (size, color) = match plan.dataset.name {
        "people" => (12, "4472C4"),
        _ => (11, "366092"),
    };
    Style::new()
        .set_bold()
        .set_font_size(size)
        .set_font_color("FFFFFF")
        .set_background_color(color)
        .set_align(FormatAlign::Center)
        .set_align(FormatAlign::VerticalCenter)
        .set_border(FormatBorder::Thin)
        .set_border_color("FFFFFF")
}

/// The style of a whole column, which its cells then need not name.
fn style_of(column: &Column) -> Option<Style> {
    match column.cell {
        Cell::Money => Some(Style::new().set_num_format(MONEY)),
        Cell::Timestamp => Some(Style::new().set_num_format(DATE)),
        Cell::Boolean => Some(Style::new().set_align(FormatAlign::Center)),
        Cell::Integer | Cell::Text | Cell::Verbatim | Cell::Label => None,
    }
}

impl Rendering for XlsxFile<'_> {
    fn batch(&mut self, rows: &[PgRow]) -> anyhow::Result<()> {
        let sheet = self
            .workbook
            .worksheet_from_index(0)
            .context("find the sheet")?;
        for row in rows {
            for (index, column) in (0..).zip(&self.plan.columns) {
                let value = column
                    .cell
                    .value(row, usize::from(index))
                    .with_context(|| format!("read column {}", column.name))?;
                let place = (self.row, index);
                let bytes = write(
                    sheet,
                    place,
                    value,
                    self.plan.language,
                    &self.like_a_formula,
                )
                .with_context(|| format!("write column {}", column.name))?;
                self.unpacked += bytes as u64 + MARKUP;
            }
            self.row += 1;
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.unpacked / PACKED
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<Output> {
        if !self.plan.statistics.is_empty() {
            statistics_sheet::add(&mut self.workbook, self.plan).context("write the statistics")?;
        }
        self.workbook
            .save_to_writer(&mut self.output)
            .context("write the workbook")?;
        Ok(self.output)
    }
}

/// Writes one value; answers about how many bytes it takes.
fn write(
    sheet: &mut Worksheet,
    (row, index): (u32, u16),
    value: Value<'_>,
    language: Language,
    like_a_formula: &Style,
) -> anyhow::Result<usize> {
    match value {
        Value::Null => return Ok(0),
        Value::Integer(number) => {
            sheet.write_number(row, index, number)?;
        }
        Value::Text(text) if cells::is_like_a_formula(text) => {
            sheet.write_string_with_format(row, index, fitting(text), like_a_formula)?;
            return Ok(text.len());
        }
        Value::Text(text) | Value::Verbatim(text) => {
            sheet.write_string(row, index, fitting(text))?;
            return Ok(text.len());
        }
        Value::Label(label) => {
            sheet.write_string(row, index, labels::value_of(label))?;
        }
        Value::Money(text) => {
            match exact(text) {
                Some(number) => sheet.write_number(row, index, number)?,
                None => sheet.write_string(row, index, text)?,
            };
        }
        Value::Boolean(value) => {
            sheet.write_string(row, index, yes_or_no(value, language))?;
        }
        Value::Timestamp(micros) => {
            match day_number(micros) {
                Some(number) => sheet.write_number(row, index, number)?,
                None => sheet.write_string(row, index, value.csv()?)?,
            };
        }
    }
    Ok(8)
}

/// What people read for a boolean.
pub(super) fn yes_or_no(value: bool, language: Language) -> &'static str {
    match (language, value) {
        (Language::French, true) => "Oui",
        (Language::French, false) => "Non",
        (Language::English, true) => "Yes",
        (Language::English, false) => "No",
    }
}

/// The text, cut where a cell ends.
fn fitting(text: &str) -> &str {
    // Bytes are never fewer than UTF-16 units.
    if text.len() <= LONGEST_TEXT {
        return text;
    }
    let mut units = 0;
    for (at, character) in text.char_indices() {
        units += character.len_utf16();
        if units > LONGEST_TEXT {
            return &text[..at];
        }
    }
    text
}

/// The number, if a sheet's numbers can hold all of its digits.
fn exact(text: &str) -> Option<f64> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
    let leading = text.trim_start_matches(['-', '0', '.']).len();
    (is_plain && digits > 0 && leading <= EXACT_DIGITS + 1)
        .then(|| text.parse().ok())
        .flatten()
}

/// Days since the beginning of a sheet's calendar; `None` for times it does not have.
fn day_number(micros: i64) -> Option<f64> {
    let number = DAY_OF_2000 + micros as f64 / MICROS_A_DAY;
    // Before March 1900 sheets count a day that was not; after 9999 they do not count.
    (61.0..2_958_466.0).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_too_long_for_a_sheet_stays_a_text() {
        assert_eq!(exact("1234567.50"), Some(1_234_567.5));
        assert_eq!(exact("-0.10"), Some(-0.1));
        assert_eq!(exact("0.00"), Some(0.0));
        assert_eq!(exact("1234567890123.45"), Some(1_234_567_890_123.45));
        for text in ["12345678901234567.89", "NaN", "Infinity", "", "-"] {
            assert_eq!(exact(text), None, "{text}");
        }
    }

    #[test]
    fn days_are_counted_as_sheets_do() {
        assert_eq!(day_number(0), Some(36_526.0));
        assert_eq!(
            day_number(820_886_400_000_000 + 43_200_000_000),
            Some(46_027.5)
        );
        for micros in [i64::MAX, i64::MIN, -3_200_000_000_000_000] {
            assert_eq!(day_number(micros), None, "{micros}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters_where_a_cell_ends() {
        assert_eq!(fitting("é"), "é");
        let long = "é".repeat(LONGEST_TEXT);
        assert_eq!(fitting(&long), long);
        let longer = "😀".repeat(LONGEST_TEXT);
        assert_eq!(fitting(&longer).encode_utf16().count(), LONGEST_TEXT - 1);
    }
}
