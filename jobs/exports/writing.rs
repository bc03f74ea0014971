//! The thread that turns rows into a file, whatever the format.
//!
//! Rendering, hashing and writing are CPU and disk work: they happen on a blocking thread,
//! fed with batches of rows through a short channel. A slow disk therefore slows down the
//! reading of rows instead of filling memory, and no other job waits for it.

use std::path::PathBuf;

use rouage::{JobContext, JobError};
use sqlx::postgres::PgRow;
use tokio::sync::mpsc;

use crate::exports::artifact::{Output, Written, check_size};
use crate::exports::columns::Column;
use crate::exports::csv_file::CsvFile;
use crate::exports::dataset::Dataset;
use crate::exports::format::Format;
use crate::exports::json_file::JsonFile;
use crate::exports::pdf_file::{PdfFile, Summary};
use crate::exports::request::Language;
use crate::exports::statistics::Counts;
use crate::exports::xlsx_file::XlsxFile;

/// What the writing thread needs to know.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) dir: PathBuf,
    pub(super) dataset: &'static Dataset,
    pub(super) format: Format,
    /// The file's name inside an archive; `None` for no archive.
    pub(super) inside: Option<String>,
    pub(super) columns: Vec<&'static Column>,
    pub(super) language: Language,
    /// For the sheet of statistics; empty for none.
    pub(super) statistics: Vec<Counts>,
    /// For the heading of a report.
    pub(super) summary: Summary,
    pub(super) total: u64,
    pub(super) max_bytes: u64,
}

/// A format at work.
pub(super) trait Rendering {
    /// Adds rows.
    fn batch(&mut self, rows: &[PgRow]) -> anyhow::Result<()>;

    /// Bytes that were written, or that stand for what is kept until the end.
    fn bytes(&self) -> u64;

    /// Ends the file.
    fn finish(self: Box<Self>) -> anyhow::Result<Output>;
}

/// Writes every row that arrives, until the channel is closed.
pub(super) fn write(
    plan: &Plan,
    cx: &JobContext,
    batches: mpsc::Receiver<Vec<PgRow>>,
) -> Result<Written, JobError> {
    let written = fill(plan, cx, batches);
    // A file that could not be written because it was to stop is no failure.
    cx.check()?;
    written
}

fn fill(
    plan: &Plan,
    cx: &JobContext,
    mut batches: mpsc::Receiver<Vec<PgRow>>,
) -> Result<Written, JobError> {
    let mut rendering = begin(plan, cx)?;
    let mut rows = 0;
    cx.progress(0, Some(plan.total), "rows written");
    while let Some(batch) = batches.blocking_recv() {
        cx.check()?;
        rendering.batch(&batch)?;
        rows += batch.len() as u64;
        check_size(rendering.bytes(), plan.max_bytes)?;
        cx.progress(rows, Some(plan.total), "rows written");
    }
    cx.check()?;
    rendering.finish()?.finish(rows, plan.max_bytes)
}

fn begin<'p>(plan: &'p Plan, cx: &JobContext) -> anyhow::Result<Box<dyn Rendering + 'p>> {
    let output = Output::create(&plan.dir, plan.inside.as_deref(), cx)?;
    Ok(match plan.format {
        Format::Csv => Box::new(CsvFile::start(output, plan)?),
        Format::Xlsx => Box::new(XlsxFile::start(output, plan)?),
        Format::Pdf => Box::new(PdfFile::start(output, plan, cx)?),
        Format::Json => Box::new(JsonFile::start(output)?),
    })
}
