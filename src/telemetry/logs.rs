//! Log lines on standard error, and what a panic looks like in them.
//!
//! One JSON object a line for collectors, or lines for people. A panic is logged with its place
//! and without its message: the message of a panicking handler is kept with the job, where
//! whoever may see the job can read it.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// Starts logging for the life of the process. `level` is a list of `EnvFilter` directives.
pub(crate) fn start(json: Option<bool>, level: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(level).map_err(|error| error.to_string())?;
    let terminal = stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr);
    let started = if json.unwrap_or(!terminal) {
        builder
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .try_init()
    } else {
        builder.compact().with_ansi(terminal).try_init()
    };
    started.map_err(|error| error.to_string())?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(place, "panic");
    }));
    Ok(())
}
