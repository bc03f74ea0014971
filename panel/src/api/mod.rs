//! The JSON under `/api/v1`, and the document that describes it.

mod answer;
mod enqueue;
mod idempotency;
mod jobs;
mod kinds;
pub mod openapi;
mod parameters;
mod request;
mod texts;
mod view;
mod waiting;

use axum::Router;
use axum::routing::{get, post};

use crate::panel::Panel;

/// Every route of the API.
pub(crate) fn routes() -> Router<Panel> {
    Router::new()
        .route("/api/v1/jobs", post(enqueue::enqueue))
        .route("/api/v1/jobs/{id}", get(jobs::by_id))
        .route("/api/v1/jobs/{id}/cancel", post(jobs::cancel_by_id))
        .route("/api/v1/queues/{queue}/jobs/{id}", get(jobs::in_queue))
        .route(
            "/api/v1/queues/{queue}/jobs/{id}/cancel",
            post(jobs::cancel_in_queue),
        )
        .route("/api/v1/kinds", get(kinds::list))
        .route("/api/v1/kinds/{kind}", get(kinds::one))
        .route("/api/v1/openapi.json", get(openapi::serve))
}
