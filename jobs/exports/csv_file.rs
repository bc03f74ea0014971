//! Writes rows into a CSV file, on a thread of its own.
//!
//! Rendering, hashing and writing are CPU and disk work: they happen on a blocking thread,
//! fed with batches of rows through a short channel. A slow disk therefore slows down the
//! reading of rows instead of filling memory, and no other job waits for it.
//!
//! The rows go into a hidden part file that removes itself unless [`put_in_place`] renames it.
//! Its name is drawn at random: if an attempt that lost its lease still writes, the next one
//! has a file of its own, and neither can rename the other's.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use csv::{QuoteStyle, Terminator, WriterBuilder};
use rouage::{JobContext, JobError};
use sha2::{Digest, Sha256};
use sqlx::postgres::PgRow;
use tempfile::NamedTempFile;
use tokio::sync::mpsc;
use tokio::task;

use crate::exports::columns::Column;

/// Without it, spreadsheets take UTF-8 for something else.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// Bytes collected before each write and each step of the hash.
const BUFFER: usize = 128 * 1024;
/// End of a part file's name; its start is the job's id between dots.
const PART: &str = ".part";

/// What the writing thread needs to know.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) dir: PathBuf,
    pub(super) columns: Vec<&'static Column>,
    pub(super) total: u64,
    pub(super) max_bytes: u64,
}

/// A whole file that is not in its place yet; dropping it removes it.
#[derive(Debug)]
pub(super) struct Written {
    part: NamedTempFile,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// Where the finished file of a job is.
pub(super) fn path_of(dir: &Path, job_id: &str) -> PathBuf {
    dir.join(format!("{job_id}.csv"))
}

/// Writes a header and every row that arrives, until the channel is closed.
pub(super) fn write(
    plan: &Plan,
    cx: &JobContext,
    mut batches: mpsc::Receiver<Vec<PgRow>>,
) -> Result<Written, JobError> {
    let part = create_part(&plan.dir, cx.id().as_str())?;
    let mut writer = CsvWriter::start(part, plan)?;
    cx.progress(0, Some(plan.total), "rows written");
    while let Some(batch) = batches.blocking_recv() {
        cx.check()?;
        writer.batch(&batch)?;
        cx.progress(writer.rows, Some(plan.total), "rows written");
    }
    cx.check()?;
    writer.finish()
}

/// Renames the part file to `path` and makes the name survive a power cut.
pub(super) async fn put_in_place(written: Written, path: PathBuf) -> Result<(), JobError> {
    task::spawn_blocking(move || {
        written
            .part
            .persist(&path)
            .context("move the export into place")?;
        let dir = path.parent().context("find the folder of the export")?;
        File::open(dir)
            .and_then(|dir| dir.sync_all())
            .context("sync the export folder")
    })
    .await??;
    Ok(())
}

fn create_part(dir: &Path, job_id: &str) -> anyhow::Result<NamedTempFile> {
    let context = || {
        format!(
            "open the export folder {}; hint: it must exist and be writable",
            dir.display()
        )
    };
    remove_parts(dir, job_id).with_context(context)?;
    // Only the owner may read it: tempfile creates it with mode 0600, and the name keeps it.
    tempfile::Builder::new()
        .prefix(&format!(".{job_id}."))
        .suffix(PART)
        .tempfile_in(dir)
        .with_context(context)
}

/// Removes what attempts of the same job left when they were killed.
fn remove_parts(dir: &Path, job_id: &str) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry
            .file_name()
            .to_str()
            .is_some_and(|name| is_part_of(name, job_id))
        {
            match std::fs::remove_file(entry.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Whether `name` is `.<job id>.<random>.part`; ids may contain dots themselves.
fn is_part_of(name: &str, job_id: &str) -> bool {
    let rest = name
        .strip_prefix('.')
        .and_then(|name| name.strip_prefix(job_id));
    let random = rest
        .and_then(|rest| rest.strip_prefix('.'))
        .and_then(|rest| rest.strip_suffix(PART));
    random.is_some_and(|random| !random.contains('.'))
}

struct CsvWriter<'a> {
    plan: &'a Plan,
    csv: csv::Writer<Hashed>,
    rows: u64,
}

impl<'a> CsvWriter<'a> {
    fn start(part: NamedTempFile, plan: &'a Plan) -> anyhow::Result<Self> {
        let mut hashed = Hashed {
            part,
            digest: Sha256::new(),
            bytes: 0,
        };
        hashed
            .write_all(BYTE_ORDER_MARK)
            .context("write the export")?;
        let mut csv = writer(hashed);
        csv.write_record(plan.columns.iter().map(|column| column.name))
            .context("write the export")?;
        Ok(Self { plan, csv, rows: 0 })
    }

    fn batch(&mut self, rows: &[PgRow]) -> Result<(), JobError> {
        for row in rows {
            for (index, column) in self.plan.columns.iter().enumerate() {
                let text = column
                    .cell
                    .text(row, index)
                    .with_context(|| format!("read column {}", column.name))?;
                self.csv
                    .write_field(text.as_bytes())
                    .context("write the export")?;
            }
            self.csv
                .write_record(None::<&[u8]>)
                .context("write the export")?;
        }
        self.rows += rows.len() as u64;
        check_size(self.csv.get_ref().bytes, self.plan.max_bytes)
    }

    fn finish(self) -> Result<Written, JobError> {
        let hashed = self
            .csv
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)
            .context("write the export")?;
        check_size(hashed.bytes, self.plan.max_bytes)?;
        hashed
            .part
            .as_file()
            .sync_all()
            .context("sync the export")?;
        Ok(Written {
            part: hashed.part,
            rows: self.rows,
            bytes: hashed.bytes,
            sha256: format!("{:x}", hashed.digest.finalize()),
        })
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

fn check_size(bytes: u64, max_bytes: u64) -> Result<(), JobError> {
    if bytes <= max_bytes {
        return Ok(());
    }
    Err(JobError::discard(format!(
        "the file exceeds {max_bytes} bytes, the limit of one export; hint: narrow it by filters or ids, or name fewer columns"
    )))
}

/// A part file with the hash and the number of the bytes that went into it.
struct Hashed {
    part: NamedTempFile,
    digest: Sha256,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.part.write(data)?;
        self.digest.update(&data[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.part.flush()
    }
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

    #[test]
    fn parts_of_another_job_are_not_taken_for_ours() {
        assert!(is_part_of(".a.X1y2z3.part", "a"));
        assert!(is_part_of(".a.b.X1y2z3.part", "a.b"));
        for name in [
            ".a.b.X1y2z3.part",
            "a.csv",
            ".ab.X1y2z3.part",
            "a.X1y2z3.part",
            ".a.X1y2z3.part2",
        ] {
            assert!(!is_part_of(name, "a"), "{name}");
        }
    }

    #[test]
    fn parts_of_killed_attempts_are_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        for name in [".a.X1y2z3.part", ".a.b.X1y2z3.part", "a.csv"] {
            File::create(dir.path().join(name)).unwrap();
        }
        let part = create_part(dir.path(), "a").unwrap();
        assert!(!dir.path().join(".a.X1y2z3.part").exists());
        assert!(dir.path().join(".a.b.X1y2z3.part").exists() && dir.path().join("a.csv").exists());
        drop(part);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_missing_folder_is_named_with_a_hint() {
        let error = create_part(Path::new("/nowhere/exports"), "a").unwrap_err();
        assert!(
            format!("{error:#}").contains("open the export folder /nowhere/exports; hint:"),
            "{error:#}"
        );
    }

    #[test]
    fn a_file_above_the_limit_is_a_permanent_failure_that_says_how_to_narrow_it() {
        assert!(check_size(10, 10).is_ok());
        let error = check_size(11, 10).unwrap_err();
        assert!(matches!(error, JobError::Discard(_)));
        assert!(error.to_string().contains("exceeds 10 bytes"), "{error}");
    }
}
