//! An event as one line of text: the message, then `name=value` for each field.

use std::fmt::{self, Write};

use tracing::Event;
use tracing::field::{Field, Visit};

use crate::executor::message::presentable;
use crate::inspect::MAX_LOG_TEXT;

/// Bytes that are looked at; an address behind them is not masked but cut off.
const MAX_RAW: usize = 4 * MAX_LOG_TEXT;

/// The event's line, without addresses and line breaks.
pub(super) fn text(event: &Event<'_>) -> String {
    let mut parts = Parts::default();
    event.record(&mut parts);
    let Parts { message, fields } = parts;
    let mut text = presentable(&(message.0 + &fields.0));
    if text.len() > MAX_LOG_TEXT {
        text.truncate(text.floor_char_boundary(MAX_LOG_TEXT - '…'.len_utf8()));
        text.push('…');
    }
    text.trim_start().to_owned()
}

#[derive(Default)]
struct Parts {
    message: Raw,
    fields: Raw,
}

impl Visit for Parts {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }
}

impl Parts {
    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // Writing into a Raw does not fail.
        let _ = match field.name() {
            "message" => self.message.write_fmt(value),
            // What comes from the `log` crate says its place in fields.
            name if name.starts_with("log.") => Ok(()),
            name => write!(self.fields, " {name}={value}"),
        };
    }
}

/// Text that stops to grow.
#[derive(Default)]
struct Raw(String);

impl Write for Raw {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_RAW.saturating_sub(self.0.len());
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        Ok(())
    }
}
