//! Rows in COPY's text format, sent while they are made.
//!
//! One buffer is filled to [`CHUNK`] and sent, then filled again; memory stays the same for 200
//! rows and for 500,000. The format is tab-separated lines with backslash escapes and `\N` for
//! null, see the "COPY" page of the PostgreSQL manual.

use std::fmt::{Display, Write};

use sqlx::PgConnection;

/// Large enough that a send costs little per row, small enough to stay in the cache.
const CHUNK: usize = 256 * 1024;

/// The rows not yet sent.
#[derive(Debug, Default)]
pub(super) struct Rows {
    buffer: String,
    started: bool,
}

impl Rows {
    /// Adds a text value.
    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        self.separate();
        let mut rest = value;
        while let Some(at) = rest.find(['\\', '\n', '\r', '\t']) {
            self.buffer.push_str(&rest[..at]);
            self.buffer.push_str(match rest.as_bytes()[at] {
                b'\n' => "\\n",
                b'\r' => "\\r",
                b'\t' => "\\t",
                _ => "\\\\",
            });
            rest = &rest[at + 1..];
        }
        self.buffer.push_str(rest);
        self
    }

    /// Adds a text value or null.
    pub(super) fn optional(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    /// Adds a value whose text form needs no escapes: a number, a date, a label.
    pub(super) fn value(&mut self, value: impl Display) -> &mut Self {
        self.separate();
        // Writing to a string cannot fail.
        let _ = write!(self.buffer, "{value}");
        self
    }

    /// Adds a value whose text form needs no escapes, or null.
    pub(super) fn maybe(&mut self, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.value(value),
            None => self.null(),
        }
    }

    /// Adds null.
    pub(super) fn null(&mut self) -> &mut Self {
        self.separate();
        self.buffer.push_str("\\N");
        self
    }

    /// Ends the row.
    pub(super) fn end(&mut self) {
        self.buffer.push('\n');
        self.started = false;
    }

    fn separate(&mut self) {
        if self.started {
            self.buffer.push('\t');
        }
        self.started = true;
    }
}

/// Calls `write` for the numbers 1 to `count` and copies what it writes into `target`, a table
/// with its list of columns. Returns the number of rows, of which one call may write any number.
pub(super) async fn load(
    connection: &mut PgConnection,
    target: &str,
    count: u64,
    mut write: impl FnMut(u64, &mut Rows) + Send,
) -> sqlx::Result<u64> {
    let mut copy = connection
        .copy_in_raw(&format!("COPY {target} FROM STDIN"))
        .await?;
    let mut rows = Rows::default();
    for number in 1..=count {
        write(number, &mut rows);
        if rows.buffer.len() >= CHUNK {
            copy.send(rows.buffer.as_bytes()).await?;
            rows.buffer.clear();
        }
    }
    copy.send(rows.buffer.as_bytes()).await?;
    copy.finish().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_are_escaped_and_null_differs_from_its_look_alike() {
        let mut rows = Rows::default();
        rows.text("a\tb\r\nc\\d")
            .null()
            .text("\\N")
            .text("")
            .value(7)
            .end();
        rows.text("é").end();
        assert_eq!(rows.buffer, "a\\tb\\r\\nc\\\\d\t\\N\t\\\\N\t\t7\né\n");
    }
}
