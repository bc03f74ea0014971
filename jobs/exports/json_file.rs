//! JSON: an object with a list for each section, one record a line.
//!
//! Rows arrive in the order of the sections; each has its section's number and its record, which
//! PostgreSQL has written as JSON already.

use std::io::{BufWriter, Write};

use anyhow::Context;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::exports::artifact::Output;
use crate::exports::datasets::SECTIONS;
use crate::exports::writing::Rendering;

/// Bytes collected before each write and each step of the hash.
const BUFFER: usize = 128 * 1024;

/// A JSON file in the making.
pub(super) struct JsonFile {
    out: BufWriter<Output>,
    /// Sections whose list was opened.
    opened: usize,
    is_first_record: bool,
}

impl JsonFile {
    /// The beginning of the object.
    pub(super) fn start(output: Output) -> anyhow::Result<Self> {
        let mut out = BufWriter::with_capacity(BUFFER, output);
        out.write_all(b"{\n").context("write the export")?;
        Ok(Self {
            out,
            opened: 0,
            is_first_record: true,
        })
    }

    /// Opens the lists up to and including this one; those in between stay empty.
    fn open(&mut self, section: usize) -> std::io::Result<()> {
        while self.opened <= section {
            if self.opened > 0 {
                self.out.write_all(b"\n  ],\n")?;
            }
            let name = SECTIONS.get(self.opened).copied().unwrap_or("more");
            write!(self.out, "  \"{name}\": [")?;
            self.opened += 1;
            self.is_first_record = true;
        }
        Ok(())
    }

    fn record(&mut self, section: usize, record: &str) -> std::io::Result<()> {
        self.open(section)?;
        let separator = if self.is_first_record {
            "\n    "
        } else {
            ",\n    "
        };
        self.is_first_record = false;
        self.out.write_all(separator.as_bytes())?;
        self.out.write_all(record.as_bytes())
    }
}

impl Rendering for JsonFile {
    fn batch(&mut self, rows: &[PgRow]) -> anyhow::Result<()> {
        for row in rows {
            let section: i32 = row.try_get(0).context("read the section of a record")?;
            let record: &str = row.try_get(1).context("read a record")?;
            let section = usize::try_from(section).context("read the section of a record")?;
            self.record(section, record).context("write the export")?;
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.out.get_ref().bytes()
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<Output> {
        self.open(SECTIONS.len() - 1)
            .and_then(|()| self.out.write_all(b"\n  ]\n}\n"))
            .context("write the export")?;
        self.out
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)
            .context("write the export")
    }
}
