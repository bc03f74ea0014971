//! The steps of a chain: jobs that are enqueued one after the other, each when the one before it
//! completed.
//!
//! A chain is not stored anywhere of its own. The first job's envelope carries all later steps, the
//! second one's the rest, and so on, so that a chain lives exactly as long as its current job. Ids
//! are derived from the job before: telling of the same end twice names the same next job.

use serde::{Deserialize, Serialize};

use crate::envelope::Envelope;
#[cfg(feature = "worker")]
use crate::id::InvalidJobId;
#[cfg(feature = "client")]
use crate::id::JobId;

/// Most steps behind the first job of a chain: all of them travel in its envelope.
pub const MAX_STEPS: usize = 20;

/// A job that waits for the end of others: a later step of a chain, or a callback of a batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// The queue it will wait in.
    pub queue: String,
    /// Not before this long after it is enqueued, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Not before this instant, in ms since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// How long its unique key stays taken, in ms; without one while it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_ms: Option<u64>,
    /// What will be stored.
    pub envelope: Envelope,
}

/// The id of the step behind a job: `FIRST.1`, `FIRST.2`, and so on.
#[cfg(feature = "worker")]
pub(crate) fn next_id(id: &JobId, is_step: bool) -> Result<JobId, InvalidJobId> {
    let counted = id.as_str().rsplit_once('.').filter(|_| is_step);
    let counted = counted.and_then(|(first, n)| Some((first, n.parse::<usize>().ok()?)));
    match counted {
        Some((first, n)) => format!("{first}.{}", n + 1).parse(),
        None => format!("{id}.1").parse(),
    }
}

/// Whether all steps of a chain that begins with this id can have theirs.
#[cfg(feature = "client")]
pub(crate) fn has_room_for_steps(first: &JobId) -> bool {
    format!("{first}.{MAX_STEPS}").parse::<JobId>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> JobId {
        text.parse().unwrap()
    }

    #[test]
    fn steps_are_counted_behind_the_first_id() {
        assert_eq!(next_id(&id("job"), false), Ok(id("job.1")));
        assert_eq!(next_id(&id("job.9"), true), Ok(id("job.10")));
    }

    #[test]
    fn a_first_job_whose_id_looks_like_a_step_gets_a_number_of_its_own() {
        assert_eq!(next_id(&id("nightly.7"), false), Ok(id("nightly.7.1")));
    }

    #[test]
    fn an_id_without_room_for_the_last_step_is_found_before_the_first_one() {
        assert!(has_room_for_steps(&id(&"x".repeat(61))));
        assert!(!has_room_for_steps(&id(&"x".repeat(62))));
    }
}
