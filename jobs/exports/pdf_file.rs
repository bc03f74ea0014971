//! A report: title, summary, and a table over as many A4 pages as it takes.
//!
//! Rows are broken into lines as they arrive and kept until the end, because the foot of every page
//! tells how many pages there are. That is why a report has fewer rows than other files.

use std::io::Write;

use anyhow::Context;
use chrono::DateTime;
use krilla::Document;
use krilla::metadata::Metadata;
use rouage::JobContext;
use sqlx::postgres::PgRow;

use crate::exports::artifact::Output;
use crate::exports::cells::{Cell, EPOCH_OFFSET, Value};
use crate::exports::columns::Column;
use crate::exports::labels;
use crate::exports::report_font::drawable;
use crate::exports::report_page::{Align, Heading, LEADING, Lane, Line, PADDING, Sheet};
use crate::exports::request::Language;
use crate::exports::writing::{Plan, Rendering};

/// Rows of a report: more than anybody reads, and few enough to be kept.
pub(super) const MOST_ROWS: u64 = 50_000;
/// Lines of one cell; the rest is cut with an ellipsis.
const MOST_LINES: usize = 4;

/// What is told above the table.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// Date and time of the snapshot in the reader's time zone.
    pub(super) generated: (String, String),
    /// Rows that count as active, if the data set has such a thing.
    pub(super) active: Option<u64>,
}

/// A report in the making.
pub(super) struct PdfFile<'p> {
    plan: &'p Plan,
    cx: JobContext,
    output: Output,
    sheet: Sheet,
    heading: Heading,
    pages: Vec<Vec<Line>>,
    /// Height left on the last page.
    room: f32,
    /// Bytes of text kept.
    kept: u64,
}

impl<'p> PdfFile<'p> {
    /// The columns and the heading.
    pub(super) fn start(output: Output, plan: &'p Plan, cx: &JobContext) -> anyhow::Result<Self> {
        let body = if plan.dataset.name == "people" {
            8.0
        } else {
            9.0
        };
        let mut sheet = Sheet::of(plan.columns.len(), body)?;
        sheet.lanes = lanes(&mut sheet, plan);
        let heading = heading(plan);
        let room = sheet.room(Some(&heading));
        Ok(Self {
            plan,
            cx: cx.clone(),
            output,
            sheet,
            heading,
            pages: vec![Vec::new()],
            room,
            kept: 0,
        })
    }

    fn add(&mut self, row: &PgRow) -> anyhow::Result<()> {
        let mut cells = Vec::with_capacity(self.plan.columns.len());
        for (index, column) in self.plan.columns.iter().enumerate() {
            let value = column
                .cell
                .value(row, index)
                .with_context(|| format!("read column {}", column.name))?;
            let text = shown(value, self.plan.language);
            let width = self.sheet.lanes[index].width - 2.0 * PADDING;
            let lines = self
                .sheet
                .regular
                .wrap(&text, self.sheet.body, width, MOST_LINES);
            self.kept += lines.iter().map(|line| line.len() as u64).sum::<u64>();
            cells.push(lines);
        }
        let lines = cells.iter().map(Vec::len).max().unwrap_or(1).max(1);
        let height = lines as f32 * self.sheet.body * LEADING + 2.0 * PADDING;
        if height > self.room {
            self.pages.push(Vec::new());
            self.room = self.sheet.room(None);
        }
        self.room -= height;
        if let Some(page) = self.pages.last_mut() {
            page.push(Line { cells, height });
        }
        Ok(())
    }
}

impl Rendering for PdfFile<'_> {
    fn batch(&mut self, rows: &[PgRow]) -> anyhow::Result<()> {
        rows.iter().try_for_each(|row| self.add(row))
    }

    fn bytes(&self) -> u64 {
        self.kept
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<Output> {
        let mut document = Document::new();
        document.set_metadata(
            Metadata::new()
                .title(self.heading.title.clone())
                .language(self.plan.language.code().to_owned())
                .creator("crm-worker".to_owned()),
        );
        let total = self.pages.len();
        for (number, page) in (1_usize..).zip(&self.pages) {
            anyhow::ensure!(!self.cx.token().is_cancelled(), "stopped");
            let heading = (number == 1).then_some(&self.heading);
            let foot = format!("Page {number} / {total}");
            self.sheet
                .draw(&mut document, heading, page, &foot)
                .context("draw a page")?;
        }
        let pdf = document
            .finish()
            .map_err(|error| anyhow::anyhow!("end the report: {error:?}"))?;
        self.output.write_all(&pdf).context("write the export")?;
        Ok(self.output)
    }
}

/// Widths are shares of the page.
fn lanes(sheet: &mut Sheet, plan: &Plan) -> Vec<Lane> {
    let shares: f32 = plan
        .columns
        .iter()
        .map(|column| f32::from(column.width))
        .sum();
    let page = sheet.width();
    let lane = |column: &&'static Column| {
        let width = f32::from(column.width) / shares * page;
        Lane {
            title: sheet.title_lines(column.title(plan.language), width),
            align: align(column.cell),
            width,
        }
    };
    plan.columns.iter().map(lane).collect()
}

fn align(cell: Cell) -> Align {
    match cell {
        Cell::Integer | Cell::Money => Align::Right,
        Cell::Boolean | Cell::Timestamp => Align::Center,
        Cell::Text | Cell::Verbatim | Cell::Label => Align::Left,
    }
}

fn heading(plan: &Plan) -> Heading {
    let (day, time) = &plan.summary.generated;
    let total = grouped(&plan.total.to_string(), plan.language);
    let mut lines = match plan.language {
        Language::French => [
            format!("Généré le {day} à {time}"),
            format!("Total : {total}"),
        ],
        Language::English => [
            format!("Generated on {day} at {time}"),
            format!("Total: {total}"),
        ],
    };
    if let Some(active) = plan.summary.active.filter(|_| plan.total > 0) {
        let percent = (active * 1000 / plan.total) as f64 / 10.0;
        let active = grouped(&active.to_string(), plan.language);
        let more = match plan.language {
            Language::French => {
                let percent = percent.to_string().replace('.', ",");
                format!("   ·   Actifs : {active} ({percent} %)")
            }
            Language::English => format!("   ·   Active: {active} ({percent}%)"),
        };
        lines[1].push_str(&more);
    }
    Heading {
        title: plan.dataset.title(plan.language).to_owned(),
        lines: lines.into(),
    }
}

/// What people read for a value.
fn shown(value: Value<'_>, language: Language) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) | Value::Verbatim(text) => drawable(text),
        Value::Label(label) => capitalised(&labels::value_of(label)),
        Value::Money(text) => money(text, language),
        Value::Boolean(value) => (if value { "✓" } else { "✗" }).to_owned(),
        Value::Timestamp(micros) => day(micros),
    }
}

fn capitalised(label: &str) -> String {
    let words = label.replace('_', " ");
    let mut letters = words.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

/// The day of a local time; nothing for the ends of time.
fn day(micros: i64) -> String {
    micros
        .checked_add(EPOCH_OFFSET)
        .and_then(DateTime::from_timestamp_micros)
        .map(|time| time.format("%d/%m/%Y").to_string())
        .unwrap_or_default()
}

fn money(text: &str, language: Language) -> String {
    let (whole, cents) = text.split_once('.').unwrap_or((text, "00"));
    let (sign, digits) = whole
        .strip_prefix('-')
        .map_or(("", whole), |digits| ("-", digits));
    let whole = grouped(digits, language);
    match language {
        Language::French => format!("{sign}{whole},{cents}\u{a0}€"),
        Language::English => format!("{sign}€{whole}.{cents}"),
    }
}

/// Digits in groups of three.
fn grouped(digits: &str, language: Language) -> String {
    let separator = match language {
        Language::French => '\u{a0}',
        Language::English => ',',
    };
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_the_reader_s_language_does() {
        let cases = [
            (
                Value::Money("1234567.50"),
                "1\u{a0}234\u{a0}567,50\u{a0}€",
                "€1,234,567.50",
            ),
            (Value::Money("-12.00"), "-12,00\u{a0}€", "-€12.00"),
            (
                Value::Label("CONTACT_PRINCIPAL"),
                "Contact principal",
                "Contact principal",
            ),
            (
                Value::Timestamp(820_915_200_000_000),
                "05/01/2026",
                "05/01/2026",
            ),
            (Value::Timestamp(i64::MAX), "", ""),
            (Value::Boolean(true), "✓", "✓"),
            (Value::Null, "", ""),
        ];
        for (value, french, english) in cases {
            assert_eq!(shown(value, Language::French), french, "{value:?}");
            assert_eq!(shown(value, Language::English), english, "{value:?}");
        }
    }
}
