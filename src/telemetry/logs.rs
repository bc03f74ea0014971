//! Log lines on standard error, and what a panic looks like in them.
//!
//! What handlers log is kept with their jobs besides, whatever the process' own level is.
//!
//! One JSON object a line for collectors, or lines for people. A panic is logged with its place
//! and without its message: the message of a panicking handler is kept with the job, where
//! whoever may see the job can read it.

use std::io::{IsTerminal, stderr};

use rouage::JobLogLayer;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging for the life of the process. `level` is a list of `EnvFilter` directives.
pub(crate) fn start(json: Option<bool>, level: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(level).map_err(|error| error.to_string())?;
    let terminal = stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr);
    let lines = if json.unwrap_or(!terminal) {
        let lines = lines.json().flatten_event(true).with_span_list(false);
        lines.with_filter(filter).boxed()
    } else {
        let lines = lines.compact().with_ansi(terminal);
        lines.with_filter(filter).boxed()
    };
    registry()
        .with(lines)
        .with(JobLogLayer::default().with_filter(LevelFilter::INFO))
        .try_init()
        .map_err(|error| error.to_string())?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(place, "panic");
    }));
    Ok(())
}
