//! What an archive really holds: every row is unpacked and counted.
//!
//! `pg_restore` turns the archive into a script; nothing is executed. A row of `COPY` is one line of
//! the script, because line ends in values are escaped.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};

use anyhow::{Context, bail};

use crate::archive::Archive;
use crate::digest::CHUNK;
use crate::leash::Leash;
use crate::tools::Tools;

/// The start of a line that is looked at; the rest of a long row is only passed over.
const HEAD: usize = 4096;
/// Tables at most; a script with more is none.
const MOST_TABLES: usize = 100_000;

/// Rows by table, such as `public.users`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Every table whose rows are in the archive, also without a row.
    pub tables: BTreeMap<String, u64>,
}

impl Contents {
    /// Reads a whole archive.
    pub fn read(tools: &Tools, archive: &Archive, leash: &Leash) -> anyhow::Result<Self> {
        let listed = listed_tables(tools, archive, leash).context("list the archive")?;
        let mut command = tools.pg_restore();
        let running = leash.start(command.args(["--section=data", "--file=-"]))?;
        let contents = archive
            .feed(running, leash, |script| {
                count(BufReader::with_capacity(CHUNK, script))
            })
            .context("read the archive")?;
        let found = contents.tables.len();
        if found != listed {
            bail!("the archive lists {listed} tables with rows and has {found}");
        }
        Ok(contents)
    }

    /// The rows of a table, with or without its schema.
    pub fn rows(&self, table: &str) -> Option<u64> {
        let whole = if table.contains('.') {
            table.to_owned()
        } else {
            format!("public.{table}")
        };
        self.tables.get(&whole).copied()
    }

    /// The rows of all tables.
    pub fn total(&self) -> u64 {
        self.tables.values().sum()
    }
}

/// How many tables the archive says it has rows of.
fn listed_tables(tools: &Tools, archive: &Archive, leash: &Leash) -> anyhow::Result<usize> {
    let mut command = tools.pg_restore();
    let running = leash.start(command.arg("--list"))?;
    archive.feed(running, leash, |list| {
        let lines = BufReader::new(list).lines();
        let mut tables = 0;
        for line in lines {
            let line = line.context("read the list")?;
            if !line.starts_with(';') && line.contains(" TABLE DATA ") {
                tables += 1;
            }
        }
        Ok(tables)
    })
}

fn count(mut script: impl BufRead) -> anyhow::Result<Contents> {
    let mut contents = Contents::default();
    let mut head = Vec::with_capacity(HEAD);
    // The table whose rows are being read.
    let mut current: Option<(String, u64)> = None;
    while next_line(&mut script, &mut head)? {
        match &mut current {
            Some(_) if head == b"\\." => {
                if let Some((table, rows)) = current.take() {
                    contents.tables.insert(table, rows);
                }
            }
            Some((_, rows)) => *rows += 1,
            None => current = copied_table(&head).map(|table| (table, 0)),
        }
        if contents.tables.len() > MOST_TABLES {
            bail!("more than {MOST_TABLES} tables");
        }
    }
    match current {
        Some((table, _)) => bail!("the rows of {table} do not end"),
        None => Ok(contents),
    }
}

/// The table of a line `COPY public.users (id, email) FROM stdin;`.
fn copied_table(line: &[u8]) -> Option<String> {
    let rest = line.strip_prefix(b"COPY ")?;
    let rest = std::str::from_utf8(rest).unwrap_or_else(|error| {
        // The line was cut inside a character, far behind the name.
        std::str::from_utf8(&rest[..error.valid_up_to()]).unwrap_or_default()
    });
    let end = rest.find(" (").or_else(|| rest.find(" FROM stdin;"))?;
    Some(rest[..end].to_owned())
}

/// Takes one line and keeps its start; `false` at the end.
fn next_line(script: &mut impl BufRead, head: &mut Vec<u8>) -> anyhow::Result<bool> {
    head.clear();
    let mut any = false;
    loop {
        let part = script.fill_buf().context("read the script")?;
        if part.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = part.iter().position(|byte| *byte == b'\n');
        let line = &part[..end.unwrap_or(part.len())];
        head.extend_from_slice(&line[..line.len().min(HEAD - head.len())]);
        let used = end.map_or(part.len(), |end| end + 1);
        script.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

impl Contents {
    /// Counts the rows of a script, for tests of what reads one.
    #[cfg(test)]
    fn of(script: &str) -> anyhow::Result<Self> {
        // A tiny buffer, so that lines span many.
        count(BufReader::with_capacity(3, script.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_lines_between_copy_and_its_end() {
        let script = "SET x;\nCOPY public.people (id, nom) FROM stdin;\n1\tCOPY x (a) FROM stdin;\n2\t\\.\n\\.\n\n\
                      COPY public.\"Odd name\" (id) FROM stdin;\n\\.\nSELECT 1;\n";
        let contents = Contents::of(script).unwrap();
        let tables = [
            ("public.people".to_owned(), 2),
            ("public.\"Odd name\"".to_owned(), 0),
        ];
        assert_eq!(contents.tables, BTreeMap::from(tables));
        assert_eq!(
            (contents.rows("people"), contents.rows("users")),
            (Some(2), None)
        );
    }

    #[test]
    fn rows_without_an_end_are_an_error() {
        let error = Contents::of("COPY public.people (id) FROM stdin;\n1\n").unwrap_err();
        assert_eq!(error.to_string(), "the rows of public.people do not end");
    }
}
