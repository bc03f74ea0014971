//! What a job's handler logged, as it is stored with the job.
//!
//! One text per job: the number of lines that are not kept any more, then one line of text each,
//! `attempt at level text`. `reports.lua` appends to it and keeps it bounded. It is read by itself
//! and not with [`JobView`](super::JobView): lists and waiters need not carry it.

use std::fmt;

use serde::Serialize;

use crate::client::{Client, ClientError};
use crate::id::JobId;

/// Lines kept a job; of more, the newest. `reports.lua` has the same number.
pub const MAX_LOG_LINES: usize = 200;
/// Bytes kept a job. `reports.lua` has the same number.
pub const MAX_LOG_BYTES: usize = 16 * 1024;
/// Longest text of one line, in bytes.
pub const MAX_LOG_TEXT: usize = 500;

/// One line that a handler logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// In which attempt, from 1.
    pub attempt: u32,
    /// When, ms since 1970 by Redis' clock.
    pub at: u64,
    /// error, warn, info, debug or trace.
    pub level: String,
    /// The message and its fields, without line breaks and addresses.
    pub text: String,
}

impl LogLine {
    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.splitn(4, ' ');
        Some(Self {
            attempt: parts.next()?.parse().ok()?,
            at: parts.next()?.parse().ok()?,
            level: parts.next()?.to_owned(),
            text: parts.next()?.to_owned(),
        })
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (attempt, at, level, text) = (self.attempt, self.at, &self.level, &self.text);
        write!(f, "{attempt} {at} {level} {text}")
    }
}

/// The newest lines of a job.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct JobLog {
    /// Lines that are not kept any more, or were too many at once.
    pub dropped: u64,
    /// The others, oldest first.
    pub lines: Vec<LogLine>,
}

impl JobLog {
    /// Reads what is stored; lines that cannot be read are left out.
    pub(crate) fn parse(stored: &str) -> Self {
        let (dropped, lines) = stored.split_once('\n').unwrap_or((stored, ""));
        Self {
            dropped: dropped.parse().unwrap_or(0),
            lines: lines.lines().filter_map(LogLine::parse).collect(),
        }
    }
}

impl Client {
    /// What a job's handler logged, as of half a second ago while it runs; empty for a job that is
    /// unknown or whose handler logs nothing.
    pub async fn log(&self, queue: &str, id: &JobId) -> Result<JobLog, ClientError> {
        let key = self.queue(queue).log();
        let mut get = redis::cmd("HGET");
        get.arg(key).arg(id.as_str());
        let stored: Option<String> = self.link().command(&get).await?;
        Ok(stored.as_deref().map(JobLog::parse).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine {
            attempt: 2,
            at: 1_767_600_000_000,
            level: "info".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn lines_survive_the_round_trip() {
        let lines = vec![line("export ready rows=5"), line("")];
        let stored = format!("7\n{}\n{}", lines[0], lines[1]);
        assert_eq!(JobLog::parse(&stored), JobLog { dropped: 7, lines });
    }

    #[test]
    fn what_somebody_wrote_by_hand_is_left_out() {
        let stored = format!("odd\nthree words only\n{}\n", line("good"));
        let read = JobLog::parse(&stored);
        assert_eq!((read.dropped, read.lines), (0, vec![line("good")]));
    }
}
