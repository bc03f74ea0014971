//! One key of a queue at a time, step by step: what is wrong with its entries.

use crate::client::{Client, ClientError};
use crate::fsck::Report;
use crate::fsck::flaw::Flaw;
use crate::scripts::FSCK_CHECK;

/// Entries per step: a few milliseconds of Redis' time.
const STEP: usize = 1000;

/// The parts whose entries are checked after `job`; a script's function for each is in `check.lua`.
pub(super) const PARTS: [&str; 23] = [
    "scheduled",
    "ready",
    "lease",
    "retrying",
    "held",
    "completed",
    "cancelled",
    "discarded",
    "run",
    "result",
    "error",
    "progress",
    "checkpoint",
    "log",
    "replayed",
    "group_of",
    "follow",
    "cancelling",
    "unique",
    "unique_key",
    "groups",
    "asides",
    "turns",
];

impl Client {
    /// Checks one part of a queue's keys; returns how many entries it has.
    pub(super) async fn check_part(
        &self,
        queue: &str,
        part: &str,
        report: &mut Report,
    ) -> Result<u64, ClientError> {
        let keys = self.queue(queue);
        let mut looked_at = 0;
        let mut cursor = "0".to_owned();
        loop {
            let call = FSCK_CHECK
                .call(keys.base())
                .arg(part)
                .arg(&cursor)
                .arg(STEP);
            let mut answer: Vec<String> = self.link().call(call).await?;
            if answer.len() < 2 {
                let message = format!("answer of {} words to a check", answer.len());
                return Err(ClientError::Protocol(message));
            }
            let flaws = Flaw::read(answer.split_off(2));
            looked_at += answer[1].parse::<u64>().unwrap_or(0);
            report.note_flaws(queue, flaws);
            cursor.clone_from(&answer[0]);
            if cursor == "0" {
                return Ok(looked_at);
            }
        }
    }
}
