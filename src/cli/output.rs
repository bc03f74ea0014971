//! Standard output, written in one piece and without panicking.
//!
//! A closed pipe (`crm-worker jobs list | head`) is not an error: [`Closed`] travels up as one
//! and ends the command with success.

use std::fmt;
use std::io::{ErrorKind, Write, stdout};

use anyhow::Context;
use serde::Serialize;

/// Whoever read the output stopped.
#[derive(Debug)]
pub(super) struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output is closed")
    }
}

impl std::error::Error for Closed {}

/// Writes text as it is.
pub(super) fn text(text: &str) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Closed.into()),
        written => written.context("write to standard output"),
    }
}

/// Writes a line.
pub(super) fn line(line: impl fmt::Display) -> anyhow::Result<()> {
    text(&format!("{line}\n"))
}

/// Writes one JSON object a line.
pub(super) fn json<T: Serialize>(items: &[T]) -> anyhow::Result<()> {
    let mut lines = String::new();
    for item in items {
        lines.push_str(&serde_json::to_string(item).context("write as JSON")?);
        lines.push('\n');
    }
    text(&lines)
}
