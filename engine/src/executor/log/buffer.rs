//! The lines of an attempt that are not written yet: bounded, the newest win.

use std::collections::VecDeque;

use crate::inspect::{MAX_LOG_BYTES, MAX_LOG_LINES};

/// Lines in the words of `reports.lua`.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    waiting: VecDeque<String>,
    /// Their bytes, line breaks included.
    bytes: usize,
    dropped: u64,
}

impl Lines {
    /// Adds a line, which must have no line break.
    pub(crate) fn push(&mut self, line: String) {
        self.bytes += line.len() + 1;
        self.waiting.push_back(line);
        self.shorten();
    }

    /// Takes everything as one text; `None` if there is nothing.
    pub(crate) fn take(&mut self) -> Option<String> {
        if self.waiting.is_empty() {
            return None;
        }
        let Self {
            waiting, dropped, ..
        } = std::mem::take(self);
        let mut text = dropped.to_string();
        for line in waiting {
            text.push('\n');
            text.push_str(&line);
        }
        Some(text)
    }

    /// Puts back what was taken and could not be written, before what came meanwhile.
    pub(crate) fn put_back(&mut self, taken: &str) {
        let mut lines = taken.lines();
        let dropped: u64 = lines.next().and_then(|n| n.parse().ok()).unwrap_or(0);
        self.dropped += dropped;
        for line in lines.rev() {
            self.bytes += line.len() + 1;
            self.waiting.push_front(line.to_owned());
        }
        self.shorten();
    }

    fn shorten(&mut self) {
        while self.waiting.len() > MAX_LOG_LINES || self.bytes > MAX_LOG_BYTES {
            let Some(oldest) = self.waiting.pop_front() else {
                return;
            };
            self.bytes -= oldest.len() + 1;
            self.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(lines: std::ops::Range<usize>) -> Lines {
        let mut buffer = Lines::default();
        lines.for_each(|n| buffer.push(format!("line {n}")));
        buffer
    }

    #[test]
    fn the_newest_lines_are_kept_and_the_others_counted() {
        let text = filled(0..205).take().unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            (lines.len(), lines[0], lines[1], lines[200]),
            (201, "5", "line 5", "line 204")
        );
        let mut heavy = Lines::default();
        (0..50).for_each(|_| heavy.push("x".repeat(500)));
        let text = heavy.take().unwrap();
        assert!(
            text.len() <= MAX_LOG_BYTES && text.starts_with("18\n"),
            "{}",
            text.len()
        );
    }

    #[test]
    fn what_could_not_be_written_comes_before_what_came_meanwhile() {
        let mut buffer = filled(0..2);
        let taken = buffer.take().unwrap();
        assert_eq!(buffer.take(), None);
        buffer.push("line 2".to_owned());
        buffer.put_back(&taken);
        assert_eq!(buffer.take().as_deref(), Some("0\nline 0\nline 1\nline 2"));
        let mut full = filled(0..200);
        full.put_back("3\nolder");
        assert!(full.take().unwrap().starts_with("4\nline 0\n"));
    }
}
