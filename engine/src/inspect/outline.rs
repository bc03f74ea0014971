//! A job as lists show it: everything but what may be large.

use super::JobView;
use super::view::{Parts, view};
use crate::state::State;

/// How an envelope goes on behind its head.
const PAYLOAD: &str = ",\"payload\":";

/// What `heads.lua` says of a job: envelope up to its payload, its size in bytes, run record,
/// progress, last error line.
pub(super) type Head = (
    Option<Vec<u8>>,
    usize,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// The view of a job; `None` if it went meanwhile.
pub(super) fn outline(
    queue: &str,
    id: &str,
    state: State,
    score: u64,
    head: &Head,
) -> Option<JobView> {
    let (Some(envelope), size, run, progress, error) = head else {
        return None;
    };
    let parts = Parts {
        run: run.clone(),
        progress: progress.clone(),
        errors: error.clone(),
        ..Parts::default()
    };
    let is_whole = envelope.len() == *size;
    let payload_bytes = size.saturating_sub(envelope.len() + PAYLOAD.len() + "}".len());
    let envelope = if is_whole {
        envelope.clone()
    } else {
        [envelope, PAYLOAD.as_bytes(), b"null}"].concat()
    };
    let mut job = view(queue, id.parse().ok()?, state, score, &envelope, &parts);
    job.payload = None;
    if !is_whole && job.offloaded.is_none() {
        job.payload_bytes = payload_bytes;
    }
    Some(job)
}
