//! Finding out what became of members that were noted: are their jobs stored, and over?

use super::{BatchId, Member, Told};
use crate::client::{Client, ClientError};
use crate::envelope::Envelope;
use crate::state::State;

/// What a look at a member's job showed.
enum Found {
    /// It is a member and lives, or its end will be told by a courier.
    Stored,
    /// There is no such job, or it belongs to another batch or to none.
    Absent,
    /// It is over.
    Over(State),
}

impl Client {
    /// Looks at each member's job and tells the batch.
    pub(crate) async fn check_members(
        &self,
        id: &BatchId,
        members: &[Member],
    ) -> Result<(), ClientError> {
        let (mut words, mut over) = (Vec::new(), Vec::new());
        for member in members {
            match self.look_for(id, member).await? {
                Found::Stored => words.push((member.clone(), "stored")),
                Found::Absent => words.push((member.clone(), "absent")),
                Found::Over(state) => over.push(Told {
                    member: member.clone(),
                    state: Some(state),
                    follower: None,
                }),
            }
        }
        self.tell_batch(id, &over).await?;
        self.settle_members(id, words).await
    }

    async fn look_for(&self, id: &BatchId, member: &Member) -> Result<Found, ClientError> {
        let keys = self.queue(&member.queue);
        let look = self.look(&keys, member.id.as_str()).await?;
        let envelope = look.parts.envelope.as_deref().map(Envelope::decode);
        let Some(Ok(envelope)) = envelope else {
            return Ok(Found::Absent);
        };
        if envelope.batch.as_ref() != Some(id) {
            return Ok(Found::Absent);
        }
        let state = look.states.first().map(|(state, _)| *state);
        let Some(state) = state.filter(|state| state.is_final()) else {
            return Ok(Found::Stored);
        };
        // Only a courier tells of the end of a job that has a next step, together with that step.
        let signal = redis::cmd("HEXISTS")
            .arg(keys.signals())
            .arg(member.id.as_str())
            .to_owned();
        let untold: bool = self.link().command(&signal).await?;
        Ok(if untold {
            Found::Stored
        } else {
            Found::Over(state)
        })
    }
}
