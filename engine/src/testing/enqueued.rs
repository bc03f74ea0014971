//! Assertions about what was enqueued, with a message that shows what was enqueued instead.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

use crate::client::NewJob;

/// Most jobs that a message lists.
const MAX_LISTED: usize = 20;

/// Asserts that a job of a type was enqueued, with these fields in its payload; other fields may
/// be anything.
///
/// ```
/// # use rouage::{Job, NewJob};
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # struct SendBatch { campaign_id: i32, size: u32 }
/// # impl Job for SendBatch {
/// #     type Output = ();
/// #     const KIND: &'static str = "campaigns.send_batch";
/// #     const QUEUE: &'static str = "campaigns";
/// # }
/// # let jobs = vec![NewJob::from_job(&SendBatch { campaign_id: 12, size: 500 })?];
/// rouage::assert_enqueued!(jobs, SendBatch, campaign_id: 12);
/// # Ok::<(), rouage::ClientError>(())
/// ```
#[macro_export]
macro_rules! assert_enqueued {
    ($jobs:expr, $job:ty $(, $field:ident: $value:expr)* $(,)?) => {
        $crate::testing::assert_enqueued(
            &$jobs[..],
            <$job as $crate::Job>::KIND,
            &[$($crate::testing::field(stringify!($field), &$value)),*],
        )
    };
}

/// Asserts that no job of a type with these fields in its payload was enqueued.
#[macro_export]
macro_rules! assert_not_enqueued {
    ($jobs:expr, $job:ty $(, $field:ident: $value:expr)* $(,)?) => {
        $crate::testing::assert_not_enqueued(
            &$jobs[..],
            <$job as $crate::Job>::KIND,
            &[$($crate::testing::field(stringify!($field), &$value)),*],
        )
    };
}

/// A field of a payload and what it must be.
pub type Field = (&'static str, Value);

/// What [`assert_enqueued!`](crate::assert_enqueued) makes of `name: value`.
#[track_caller]
pub fn field(name: &'static str, value: &impl Serialize) -> Field {
    match serde_json::to_value(value) {
        Ok(value) => (name, value),
        Err(error) => panic!("value of field {name} cannot be written as JSON: {error}"),
    }
}

/// What [`assert_enqueued!`](crate::assert_enqueued) calls, for kinds without a type.
#[track_caller]
pub fn assert_enqueued(jobs: &[NewJob], kind: &str, fields: &[Field]) {
    let nearest = jobs
        .iter()
        .filter(|job| job.envelope.kind == kind)
        .map(|job| differences(&payload(job), fields))
        .min_by_key(Vec::len);
    let why = match nearest {
        Some(nearest) if nearest.is_empty() => return,
        Some(nearest) => format!("nearest: {}", nearest.join(", ")),
        None => "no job of this kind".to_owned(),
    };
    let (wanted, list) = (describe(kind, fields), list(jobs));
    panic!(
        "not enqueued: {wanted}\n  {why}\n  enqueued were {}:{list}",
        jobs.len()
    );
}

/// What [`assert_not_enqueued!`](crate::assert_not_enqueued) calls, for kinds without a type.
#[track_caller]
pub fn assert_not_enqueued(jobs: &[NewJob], kind: &str, fields: &[Field]) {
    let found = jobs
        .iter()
        .find(|job| job.envelope.kind == kind && differences(&payload(job), fields).is_empty());
    if let Some(found) = found {
        let payload = found.envelope.payload.get();
        panic!(
            "enqueued, and must not be: {}\n  found {kind} {payload}",
            describe(kind, fields)
        );
    }
}

fn payload(job: &NewJob) -> Value {
    serde_json::from_str(job.envelope.payload.get()).unwrap_or_default()
}

/// `size is 400, not 500`, for every field that is not as wanted.
fn differences(payload: &Value, fields: &[Field]) -> Vec<String> {
    let differs = fields
        .iter()
        .filter_map(|(name, wanted)| match payload.get(name) {
            Some(found) if found == wanted => None,
            Some(found) => Some(format!("{name} is {found}, not {wanted}")),
            None => Some(format!("{name} is missing, not {wanted}")),
        });
    differs.collect()
}

fn describe(kind: &str, fields: &[Field]) -> String {
    let fields = fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}"));
    match fields.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => kind.to_owned(),
        fields => format!("{kind} with {fields}"),
    }
}

fn list(jobs: &[NewJob]) -> String {
    let mut list = String::new();
    for job in jobs.iter().take(MAX_LISTED) {
        // Writing to a String does not fail.
        let _ = write!(list, "\n    {} {}", job.envelope.kind, job.envelope.payload);
    }
    if jobs.len() > MAX_LISTED {
        let _ = write!(list, "\n    and {} more", jobs.len() - MAX_LISTED);
    }
    list
}
