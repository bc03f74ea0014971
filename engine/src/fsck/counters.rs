//! I5, I8: counters that only add up over a whole queue, looked at in one moment.

use crate::client::{Client, ClientError};
use crate::fsck::Report;
use crate::fsck::flaw::Flaw;
use crate::scripts::FSCK_COUNTERS;

impl Client {
    pub(super) async fn check_counters(
        &self,
        queue: &str,
        report: &mut Report,
    ) -> Result<(), ClientError> {
        let flaws = self.counters(queue, "check").await?;
        report.note_flaws(queue, flaws);
        Ok(())
    }

    /// Counts anew; returns what was wrong.
    pub(super) async fn repair_counters(&self, queue: &str) -> Result<Vec<Flaw>, ClientError> {
        self.counters(queue, "repair").await
    }

    async fn counters(&self, queue: &str, what: &str) -> Result<Vec<Flaw>, ClientError> {
        let call = FSCK_COUNTERS.call(self.queue(queue).base()).arg(what);
        Ok(Flaw::read(self.link().call(call).await?))
    }
}
