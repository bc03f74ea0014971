//! Who must be told when a job is over: its batch, or the courier that enqueues the next step.
//!
//! A job's follower is written beside it as a marker of a few words. The script that ends the job
//! turns the marker into a signal, `state ms marker`, which stays until a courier has told; signals
//! and markers are all that the scripts know of batches and chains.

use std::fmt;

use crate::batch::BatchId;
#[cfg(feature = "worker")]
use crate::state::State;

/// The word for a chain that goes on.
const THEN: &str = "then";
/// What stands before a batch's id.
const BATCH: &str = "batch=";
/// The word for a job that was over and was lined up again by hand.
#[cfg(feature = "worker")]
const LIVE: &str = "live";

/// Who follows a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Follower {
    /// The batch it is a member of.
    pub(crate) batch: Option<BatchId>,
    /// Whether a step comes after it.
    pub(crate) then: bool,
}

impl Follower {
    /// `None` if nobody follows.
    pub(crate) fn new(batch: Option<BatchId>, then: bool) -> Option<Self> {
        (batch.is_some() || then).then_some(Self { batch, then })
    }
}

impl fmt::Display for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.batch, self.then) {
            (Some(batch), true) => write!(f, "{THEN} {BATCH}{batch}"),
            (Some(batch), false) => write!(f, "{BATCH}{batch}"),
            (None, _) => f.write_str(THEN),
        }
    }
}

/// What became of a followed job.
#[cfg(feature = "worker")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signal {
    /// Its final state; `None` if it was over and is live again.
    pub(crate) state: Option<State>,
    /// Whom to tell.
    pub(crate) follower: Follower,
}

#[cfg(feature = "worker")]
impl Signal {
    /// Reads what a script wrote; `None` for anything else.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let state = match words.next()? {
            LIVE => None,
            state => Some(
                state
                    .parse()
                    .ok()
                    .filter(|state: &State| state.is_final())?,
            ),
        };
        let _at: u64 = words.next()?.parse().ok()?;
        let mut follower = Follower {
            batch: None,
            then: false,
        };
        for word in words {
            match word.strip_prefix(BATCH) {
                Some(batch) => follower.batch = Some(batch.parse().ok()?),
                None if word == THEN => follower.then = true,
                None => return None,
            }
        }
        Some(Self { state, follower })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_says_the_state_and_whom_to_tell() {
        let batch: BatchId = "campaign:12".parse().unwrap();
        for (batch, then) in [
            (None, true),
            (Some(batch.clone()), false),
            (Some(batch), true),
        ] {
            let follower = Follower::new(batch, then).unwrap();
            let signal = Signal::read(&format!("discarded 1767600000000 {follower}"));
            let expected = Signal {
                state: Some(State::Discarded),
                follower,
            };
            assert_eq!(signal, Some(expected));
        }
        let live = Signal::read("live 1767600000000 then").unwrap();
        assert_eq!(live.state, None);
    }

    #[test]
    fn what_no_script_writes_is_no_signal() {
        for text in [
            "",
            "completed",
            "completed then",
            "running 1 then",
            "completed 1 else",
        ] {
            assert_eq!(Signal::read(text), None, "{text:?}");
        }
    }
}
