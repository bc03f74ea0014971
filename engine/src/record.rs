//! The mutable facts of a job beside its envelope: one line of text per job.
//!
//! `attempt lost fence score started finished worker reason`, separated by single spaces.
//! Text, because the scripts that write it stay readable and an operator can read it with
//! `redis-cli`. Only jobs that were claimed or have ended have a record.

use std::fmt;

/// A job's run record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunRecord {
    /// Attempts started and not refunded.
    pub attempt: u32,
    /// Leases lost in all.
    pub lost: u32,
    /// The latest fence.
    pub fence: u64,
    /// The `ready` score the job was claimed with: its place in the line if it must go back.
    pub score: u64,
    /// Start of the latest attempt, ms since 1970; 0 for never.
    pub started: u64,
    /// When the job left the running state, ms since 1970; 0 for not yet, and for one that completed
    /// (the index `completed` says when).
    pub finished: u64,
    /// The worker of the latest attempt; empty for none.
    pub worker: String,
    /// Why the job is held, discarded or cancelled, or what it is snoozed for; empty otherwise.
    pub reason: String,
}

impl RunRecord {
    /// Reads the start of a line that a claim wrote: what differs between its jobs. The worker is
    /// left out, whoever claimed knows it.
    #[cfg(feature = "worker")]
    pub(crate) fn parse_start(line: &str) -> Option<Self> {
        let mut numbers = line.split(' ');
        let mut next = || numbers.next()?.parse::<u64>().ok();
        Some(Self {
            attempt: u32::try_from(next()?).ok()?,
            lost: u32::try_from(next()?).ok()?,
            fence: next()?,
            score: next()?,
            started: next()?,
            ..Self::default()
        })
    }

    /// Reads a stored line; `None` if it is not one.
    pub fn parse(line: &str) -> Option<Self> {
        let mut parts = line.split(' ');
        let record = Self {
            attempt: parts.next()?.parse().ok()?,
            lost: parts.next()?.parse().ok()?,
            fence: parts.next()?.parse().ok()?,
            score: parts.next()?.parse().ok()?,
            started: parts.next()?.parse().ok()?,
            finished: parts.next()?.parse().ok()?,
            worker: dash_is_empty(parts.next()?),
            reason: dash_is_empty(parts.next()?),
        };
        parts.next().is_none().then_some(record)
    }
}

fn dash_is_empty(text: &str) -> String {
    if text == "-" {
        String::new()
    } else {
        text.to_owned()
    }
}

fn empty_is_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

impl fmt::Display for RunRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {} {} {} {} {}",
            self.attempt,
            self.lost,
            self.fence,
            self.score,
            self.started,
            self.finished,
            empty_is_dash(&self.worker),
            empty_is_dash(&self.reason),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_the_round_trip() {
        let record = RunRecord {
            attempt: 2,
            lost: 1,
            fence: 77,
            score: 4_559_000_000_000_123,
            started: 1_767_600_000_000,
            finished: 0,
            worker: "host.4711.a1".to_owned(),
            reason: String::new(),
        };
        assert_eq!(RunRecord::parse(&record.to_string()), Some(record));
    }

    #[test]
    fn a_cut_or_padded_line_is_no_record() {
        assert_eq!(RunRecord::parse("1 0 2 3 4 5 w"), None);
        assert_eq!(RunRecord::parse("1 0 2 3 4 5 w r extra"), None);
        assert_eq!(RunRecord::parse(""), None);
    }
}
