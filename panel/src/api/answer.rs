//! What a producer is answered about jobs it put in.

use axum::Json;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use rouage::{Enqueued, NewJob};
use schemars::JsonSchema;
use serde::Serialize;

use super::idempotency::REPLAYED;

/// A job that is stored.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Receipt {
    /// The job's id, or that of the job that has its unique key.
    id: String,
    /// Its queue.
    queue: String,
    /// Its kind.
    kind: String,
    /// Whether this request stored it; false if its unique key was taken, or it was there already.
    stored: bool,
    /// Where it can be looked at.
    url: String,
}

/// Jobs that are stored, in the order they were asked for.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Receipts {
    jobs: Vec<Receipt>,
}

impl Receipt {
    pub(super) fn new(job: &NewJob, enqueued: &Enqueued) -> Self {
        let Enqueued { id, stored } = enqueued;
        Self {
            id: id.to_string(),
            queue: job.queue.clone(),
            kind: job.envelope.kind.clone(),
            stored: *stored,
            url: format!("/api/v1/queues/{}/jobs/{id}", job.queue),
        }
    }
}

/// One receipt, with its place in the head.
pub(super) fn one(receipt: Receipt, replayed: bool) -> Response {
    let location = HeaderValue::from_str(&receipt.url).ok();
    let status = status(receipt.stored);
    let mut response = (status, Json(receipt)).into_response();
    if let Some(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
    mark(response, replayed)
}

/// Many receipts.
pub(super) fn many(jobs: Vec<Receipt>, replayed: bool) -> Response {
    let status = status(jobs.iter().any(|receipt| receipt.stored));
    mark((status, Json(Receipts { jobs })).into_response(), replayed)
}

/// Says that the same was answered before.
pub(super) fn mark(mut response: Response, replayed: bool) -> Response {
    if replayed {
        let yes = HeaderValue::from_static("true");
        response.headers_mut().insert(REPLAYED, yes);
    }
    response
}

fn status(stored: bool) -> StatusCode {
    if stored {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    }
}
