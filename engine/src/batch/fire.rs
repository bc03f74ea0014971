//! Enqueueing the jobs at a batch's end.
//!
//! The batch says what is due, again and again, until it is told that the job was enqueued. The
//! job's id is made from the batch's, so a second enqueue of it is nothing.

use super::{BatchId, Member};
use crate::client::{Client, ClientError, NewJob};
use crate::scripts::{BATCH_SENT, BATCH_TELL};
use crate::state::State;
use crate::step::Step;

/// Callbacks that are due: name and job.
pub(crate) type Due = Vec<(String, String)>;

/// What is told of one member.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) member: Member,
    /// `None` if it is live again.
    pub(crate) state: Option<State>,
    /// What comes after it in its chain.
    pub(crate) follower: Option<Member>,
}

impl Client {
    /// Enqueues what is due and says so.
    pub(crate) async fn fire(&self, id: &BatchId, due: Due) -> Result<(), ClientError> {
        if due.is_empty() {
            return Ok(());
        }
        let mut jobs = Vec::with_capacity(due.len());
        let mut call = BATCH_SENT.call(self.keyspace().batch(id).base());
        for (name, job) in due {
            jobs.push(NewJob::from_step(
                Step::from_json(&job)?,
                id.callback(&name)?,
            ));
            call.push(name);
        }
        self.enqueue_all(jobs).await?;
        #[cfg(feature = "faults")]
        crate::faults::reach(crate::faults::Point::BeforeSent);
        let _sent: u8 = self.link().call(call).await?;
        Ok(())
    }

    /// Tells a batch what became of members, at most 100, and enqueues what is due. Answers per
    /// member whether what follows it is to be enqueued.
    pub(crate) async fn tell_batch(
        &self,
        id: &BatchId,
        members: &[Told],
    ) -> Result<Vec<bool>, ClientError> {
        if members.is_empty() {
            return Ok(Vec::new());
        }
        let mut call = BATCH_TELL.call_sized(
            self.keyspace().batch(id).base(),
            3 * members.len(),
            80 * members.len(),
        );
        for told in members {
            call.push(told.member.to_string());
            call.push(told.state.map_or("live", State::name));
            let follower = told.follower.as_ref().map(Member::to_string);
            call.push(follower.unwrap_or_default());
        }
        let (goes_on, due): (Vec<bool>, Due) = self.link().call(call).await?;
        self.fire(id, due).await?;
        Ok(goes_on)
    }
}
