//! What a job belongs to: its batch, and its chain.

use serde::Serialize;

use crate::batch::BatchId;
use crate::envelope::Envelope;
use crate::follower::Follower;
use crate::id::JobId;

/// A job's batch and its place in its chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Lineage {
    /// The batch it is a member of.
    pub batch: Option<BatchId>,
    /// The job before it in its chain.
    pub follows: Option<JobId>,
    /// The kinds of the steps behind it, in their order. After it was discarded or cancelled: those
    /// that are not enqueued, unless it is retried.
    pub then: Vec<String>,
}

impl Lineage {
    pub(crate) fn of(envelope: &Envelope) -> Self {
        let steps = envelope.then.iter();
        Self {
            batch: envelope.batch.clone(),
            follows: envelope.follows.clone(),
            then: steps.map(|step| step.envelope.kind.clone()).collect(),
        }
    }

    /// Who must be told of the job's end.
    pub(crate) fn follower(&self) -> Option<Follower> {
        Follower::new(self.batch.clone(), !self.then.is_empty())
    }
}
