//! What a running attempt reports besides its end: progress, checkpoint, log.
//!
//! A report is a value that is stored in the context and written by whoever comes first: the beat
//! thread, twice a second, or the end of the attempt. Only the newest progress and checkpoint
//! count; of the log it is every line, within bounds.

use serde::{Deserialize, Serialize};

use crate::executor::error::JobError;
use crate::executor::log::Lines;

/// Largest checkpoint kept, in bytes of JSON.
const MAX_CHECKPOINT_BYTES: usize = 16 * 1024;
/// Longest progress text kept, in characters.
const MAX_PROGRESS_TEXT: usize = 200;

/// How far a job is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Units done so far.
    pub done: u64,
    /// Units in all, if that is known.
    pub total: Option<u64>,
    /// What is being done, for a person; never personal data.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

impl Progress {
    pub(super) fn new(done: u64, total: Option<u64>, text: &str) -> Self {
        let text = text.chars().take(MAX_PROGRESS_TEXT).collect();
        Self { done, total, text }
    }
}

/// A report on its way to Redis: which table, and its text.
pub(crate) type Report = (&'static str, String);

/// What is said faster than it is written.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    pub(super) progress: Option<Progress>,
    checkpoint: Option<String>,
    pub(super) log: Lines,
}

impl Unwritten {
    pub(super) fn set_checkpoint<T: Serialize>(&mut self, value: &T) -> Result<(), JobError> {
        let text = serde_json::to_string(value)?;
        if text.len() > MAX_CHECKPOINT_BYTES {
            let bytes = text.len();
            return Err(JobError::discard(format!(
                "checkpoint has {bytes} bytes, the limit is {MAX_CHECKPOINT_BYTES}; hint: store the data and keep a reference"
            )));
        }
        self.checkpoint = Some(text);
        Ok(())
    }

    /// Everything, each in the words of its table.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Report> + use<> {
        let progress = self.progress.take();
        let progress = progress.and_then(|progress| serde_json::to_string(&progress).ok());
        let reports = [
            progress.map(|json| ("progress", json)),
            self.checkpoint.take().map(|json| ("checkpoint", json)),
            self.log.take().map(|lines| ("log", lines)),
        ];
        reports.into_iter().flatten()
    }

    /// Takes back a report that could not be written, unless a newer one replaces it.
    pub(super) fn put_back(&mut self, report: &Report) {
        match report {
            ("log", lines) => self.log.put_back(lines),
            ("checkpoint", json) => {
                self.checkpoint.get_or_insert_with(|| json.clone());
            }
            (_, json) => {
                if self.progress.is_none() {
                    self.progress = serde_json::from_str(json).ok();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_written_comes_back_unless_something_newer_is_there() {
        let mut unwritten = Unwritten::default();
        let report = |unwritten: &mut Unwritten, done: u64, line: &str| {
            unwritten.progress = Some(Progress::new(done, None, ""));
            unwritten.set_checkpoint(&done).unwrap();
            unwritten.log.push(line.to_owned());
        };
        report(&mut unwritten, 1, "one");
        let taken: Vec<Report> = unwritten.take().collect();
        assert_eq!((taken.len(), unwritten.take().count()), (3, 0));
        for report in &taken {
            unwritten.put_back(report);
        }
        assert_eq!(unwritten.take().collect::<Vec<_>>(), taken);

        report(&mut unwritten, 2, "two");
        for report in &taken {
            unwritten.put_back(report);
        }
        let texts: Vec<String> = unwritten.take().map(|(_, text)| text).collect();
        assert_eq!(texts, [r#"{"done":2,"total":null}"#, "2", "0\none\ntwo"]);
    }
}
