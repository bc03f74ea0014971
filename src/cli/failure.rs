//! Errors for people: an `error:` line, `hint:` lines, an exit code.

use std::io::{Write, stderr};
use std::process::ExitCode;

use super::output::Closed;
use crate::config::Invalid;
use crate::explain::explain;

/// Wrong settings, as in `sysexits.h`.
const CONFIGURATION: u8 = 78;

/// Writes the error and answers the exit code.
pub(super) fn report(error: &anyhow::Error) -> ExitCode {
    if error.downcast_ref::<Closed>().is_some() {
        // Whoever read our output has seen enough.
        return ExitCode::SUCCESS;
    }
    if let Some(Invalid(problems)) = error.downcast_ref() {
        let each = problems
            .iter()
            .map(|problem| lines(&problem.message, [&problem.hint]));
        write(&each.collect::<String>());
        return ExitCode::from(CONFIGURATION);
    }
    let explained = explain(error);
    write(&lines(&explained.message, &explained.hints));
    ExitCode::FAILURE
}

/// A hint beside a success.
pub(super) fn hint(text: &str) {
    write(&format!("hint: {text}\n"));
}

fn lines<'h>(message: &str, hints: impl IntoIterator<Item = &'h String>) -> String {
    let hints = hints.into_iter().filter(|hint| !hint.is_empty());
    let hints: String = hints.map(|hint| ["hint: ", hint, "\n"].concat()).collect();
    format!("error: {message}\n{hints}")
}

fn write(text: &str) {
    // Without a standard error there is nobody to tell.
    let _ = stderr().lock().write_all(text.as_bytes());
}
