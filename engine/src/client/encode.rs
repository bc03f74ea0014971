//! The bytes that are stored for a job, after everything about it was checked.

use super::error::check_label;
use super::{ClientError, NewJob};
use crate::envelope::{Envelope, MAX_PAYLOAD_BYTES, MAX_TAGS};
use crate::step::{MAX_STEPS, has_room_for_steps};

impl NewJob {
    /// Whether it can be stored: its labels, its chain and its size are within their bounds. Storing it
    /// checks the same; who stores many may want to know before the first is stored.
    pub fn check(&self) -> Result<(), ClientError> {
        check(self)
    }
}

/// Checks a job and writes it down.
pub(crate) fn encode(job: &NewJob) -> Result<Vec<u8>, ClientError> {
    let envelope = &job.envelope;
    check(job)?;
    let unique = job.unique.as_ref().map(|unique| unique.key.clone());
    let wrong = |source| ClientError::Encode {
        kind: envelope.kind.clone(),
        source,
    };
    let v = envelope.needed_version();
    if unique.is_none() && v == envelope.v {
        return serde_json::to_vec(envelope).map_err(wrong);
    }
    serde_json::to_vec(&Envelope {
        v,
        unique,
        ..envelope.clone()
    })
    .map_err(wrong)
}

/// Refuses what no job may have: labels that cannot be, and chains that are too long or too large.
pub(crate) fn check(job: &NewJob) -> Result<(), ClientError> {
    check_labels(&job.envelope)?;
    if let Some(unique) = &job.unique {
        check_label("unique key", &unique.key)?;
    }
    let steps = &job.envelope.then;
    if steps.is_empty() {
        return Ok(());
    }
    if steps.len() > MAX_STEPS {
        return Err(ClientError::ChainTooLong {
            id: job.id.clone(),
            steps: steps.len(),
        });
    }
    // A later step has the length of its number already.
    if job.envelope.follows.is_none() && !has_room_for_steps(&job.id) {
        return Err(ClientError::ChainIdTooLong(job.id.clone()));
    }
    for step in steps {
        check_labels(&step.envelope)?;
    }
    let later: usize = steps
        .iter()
        .map(|step| step.envelope.payload.get().len())
        .sum();
    let bytes = job.envelope.payload.get().len() + later;
    if bytes > MAX_PAYLOAD_BYTES {
        return Err(ClientError::PayloadTooLarge {
            kind: job.envelope.kind.clone(),
            bytes,
        });
    }
    Ok(())
}

fn check_labels(envelope: &Envelope) -> Result<(), ClientError> {
    if envelope.tags.len() > MAX_TAGS {
        check_label("tag", "")?;
    }
    for tag in &envelope.tags {
        check_label("tag", tag)?;
    }
    if let Some(key) = &envelope.unique {
        check_label("unique key", key)?;
    }
    if let Some(group) = &envelope.group {
        check_label("group", &group.key)?;
    }
    Ok(())
}
