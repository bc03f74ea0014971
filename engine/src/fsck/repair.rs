//! Takes flaws back that can be taken back without guessing.
//!
//! Each is repaired by one atomic script that looks again first. What must never happen is that a
//! job runs twice, or not at all, because of a guess: a job whose place is not certain is held with
//! reason `fsck`, for a human. Keys that nobody knows are never touched, nor is a unique key that
//! two live jobs claim.

use serde::Serialize;

use crate::client::{Client, ClientError};
use crate::fsck::{Report, Violation};
use crate::scripts::FSCK_REPAIR;

/// Flaws of a queue that one round takes back.
const MAX_A_ROUND: usize = 10_000;
/// One flaw may hide another, and a round is bounded: so many rounds at most.
const MAX_ROUNDS: usize = 100;

/// A flaw that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// Which invariant holds again.
    pub invariant: &'static str,
    /// In which queue.
    pub queue: String,
    /// What was wrong.
    pub message: String,
    /// What was done.
    pub done: String,
}

impl Client {
    /// Checks and repairs until nothing is left to repair, and says what it did as it does it.
    /// Returns the last check: what only a human can repair.
    pub async fn repair(&self, mut say: impl FnMut(&Repair)) -> Result<Report, ClientError> {
        let mut report = self.check(MAX_A_ROUND).await?;
        for _ in 0..MAX_ROUNDS {
            let mut repaired = 0;
            for violation in &report.violations {
                if let Some(done) = self.repair_one(violation).await? {
                    repaired += 1;
                    say(&Repair {
                        invariant: violation.invariant,
                        queue: violation.queue.clone(),
                        message: violation.message.clone(),
                        done,
                    });
                }
            }
            if repaired == 0 {
                break;
            }
            report = self.check(MAX_A_ROUND).await?;
        }
        Ok(report)
    }

    /// What was done about it, if anything was.
    async fn repair_one(&self, violation: &Violation) -> Result<Option<String>, ClientError> {
        let Some(flaw) = &violation.flaw else {
            return Ok(None);
        };
        if flaw.is_counter() {
            let repaired = self.repair_counters(&violation.queue).await?;
            return Ok((!repaired.is_empty()).then(|| "counted anew".to_owned()));
        }
        let call = FSCK_REPAIR
            .call(self.queue(&violation.queue).base())
            .arg(&flaw.what)
            .arg(&flaw.name)
            .arg(&flaw.detail);
        let done: String = self.link().call(call).await?;
        Ok((!done.is_empty()).then_some(done))
    }
}
