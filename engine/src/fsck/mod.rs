//! Checks the invariants on a live Redis, read-only, and repairs what can be repaired without guessing.
//!
//! What a consistent Redis looks like, per queue:
//!
//! - I1 every stored job is in exactly one index, the one of its state;
//! - I2 every index entry has a stored job;
//! - I3 every lease names the fence in its job's run record;
//! - I4 every unique key belongs to a live job that names it, or its window is open;
//! - I5 what is counted by group and by kind is what is there, and who may start has a turn;
//! - I6 a batch waits for exactly those of its members that are not over;
//! - I7 every key is known to `keys`, has its type, and holds nothing of jobs that are gone;
//! - I8 jobs ever stored = jobs stored now + jobs pruned.
//!
//! The work is done where the data is: `check.lua` goes through a key step by step and answers
//! flaws only, so that a million jobs cost no memory here, and each step is true at one moment,
//! so that it can run beside workers. [`Client::repair`] takes the flaws back one by one (`repair.rs`).

mod batches;
mod counters;
mod flaw;
mod keys;
mod repair;
mod steps;

use serde::Serialize;

use self::flaw::Flaw;
use self::keys::Found;
pub use self::repair::Repair;
use crate::client::{Client, ClientError};

/// Violations that a check lists per queue; more are counted only.
const MAX_LISTED: usize = 100;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which invariant: I1 to I8.
    pub invariant: &'static str,
    /// In which queue; empty for the installation.
    pub queue: String,
    /// One sentence.
    pub message: String,
    /// The same for `repair.lua`; none if only a human can repair it.
    #[serde(skip)]
    flaw: Option<Flaw>,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Queues looked at.
    pub queues: usize,
    /// Jobs looked at.
    pub jobs: u64,
    /// What is wrong, at most 100 per queue.
    pub violations: Vec<Violation>,
    /// Violations that were not listed.
    pub more: u64,
    /// Most violations to list per queue, and how many are listed of the latest one.
    #[serde(skip)]
    room: usize,
    #[serde(skip)]
    listed: usize,
}

impl Report {
    fn with_room(room: usize) -> Self {
        Self {
            room,
            ..Self::default()
        }
    }

    /// Whether everything holds.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.more == 0
    }

    /// Notes a violation that only a human can repair.
    fn add(&mut self, invariant: &'static str, queue: &str, message: String) {
        self.note(Violation {
            invariant,
            queue: queue.to_owned(),
            message,
            flaw: None,
        });
    }

    fn note(&mut self, violation: Violation) {
        // One queue after the other is checked.
        let latest = self.violations.last();
        if latest.is_none_or(|latest| latest.queue != violation.queue) {
            self.listed = 0;
        }
        if self.listed < self.room {
            self.listed += 1;
            self.violations.push(violation);
        } else {
            self.more += 1;
        }
    }

    fn note_flaws(&mut self, queue: &str, flaws: Vec<Flaw>) {
        for flaw in flaws {
            self.note(Violation {
                invariant: flaw.invariant(),
                queue: queue.to_owned(),
                message: flaw.to_string(),
                flaw: Some(flaw),
            });
        }
    }
}

impl Client {
    /// Checks all queues. Takes some seconds for a million jobs.
    pub async fn fsck(&self) -> Result<Report, ClientError> {
        self.check(MAX_LISTED).await
    }

    async fn check(&self, room: usize) -> Result<Report, ClientError> {
        let mut report = Report::with_room(room);
        let found = self.check_keys(&mut report).await?;
        for queue in self.queue_names().await? {
            report.queues += 1;
            self.check_queue(&queue, &found, &mut report).await?;
        }
        self.check_batches(&mut report).await?;
        Ok(report)
    }

    async fn check_queue(
        &self,
        queue: &str,
        found: &Found,
        report: &mut Report,
    ) -> Result<(), ClientError> {
        if found.is_spoiled(queue) {
            // Every script of it would fail as well.
            return Ok(());
        }
        report.jobs += self.check_part(queue, "job", report).await?;
        for part in steps::PARTS {
            self.check_part(queue, part, report).await?;
        }
        for line in found.lines_of(queue) {
            self.check_part(queue, line, report).await?;
        }
        self.check_counters(queue, report).await
    }
}
