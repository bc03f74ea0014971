//! Which sorted sets hold the jobs of a state.
//!
//! One for every state but `available`, whose jobs wait in three sorts of places: in `ready`, in the
//! line of their group, or aside while their kind is paused.

use crate::client::{Client, ClientError};
use crate::keys::QueueKeys;
use crate::state::State;

/// Most groups and most paused kinds that are looked at.
const MAX_LINES: usize = 10_000;

/// The index whose members are in that state; of available jobs, the one that all may be in.
pub(crate) fn index_of(keys: &QueueKeys, state: State) -> String {
    match state {
        State::Scheduled => keys.scheduled(),
        State::Available => keys.ready(),
        State::Running => keys.lease(),
        State::Retrying => keys.retrying(),
        State::Held => keys.held(),
        State::Completed => keys.completed(),
        State::Cancelled => keys.cancelled(),
        State::Discarded => keys.discarded(),
    }
}

impl Client {
    /// Every index whose members are in that state; the one that all may be in comes first. Lines
    /// that are empty by now may be among them.
    pub(crate) async fn indexes(
        &self,
        keys: &QueueKeys,
        state: State,
    ) -> Result<Vec<String>, ClientError> {
        let mut indexes = vec![index_of(keys, state)];
        if state == State::Available {
            let mut pipeline = redis::pipe();
            for names in [keys.groups(), keys.asides()] {
                let last = MAX_LINES - 1;
                pipeline.cmd("ZREVRANGE").arg(names).arg(0).arg(last);
            }
            let (groups, kinds): (Vec<String>, Vec<String>) =
                self.link().pipeline(&pipeline).await?;
            indexes.extend(groups.iter().map(|group| keys.line(group)));
            indexes.extend(kinds.iter().map(|kind| keys.aside(kind)));
        }
        Ok(indexes)
    }
}
