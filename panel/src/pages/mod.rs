//! The pages: one file a screen, a handler and a typed view in each.
//!
//! A handler asks the engine's client, turns what it got into a view, and a template shows that.
//! Everything works without the script; forms post, and lead back. Roles are checked in the
//! extractors of [`actions`], never in a template alone.

mod actions;
mod batches;
mod bulk;
mod chart;
mod deeds;
mod flower;
mod frame;
mod icons;
mod job;
mod jobs;
mod limits;
mod operations;
mod overview;
mod queues;
mod replay;
mod settings;
mod show;
mod system;
mod trouble;
mod workers;

use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, X_FRAME_OPTIONS};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};

use crate::live::live;
use crate::panel::Panel;

/// Every page and form.
pub(crate) fn routes() -> Router<Panel> {
    Router::new()
        .route("/", get(overview::overview))
        .route("/queues", get(queues::queues))
        .route("/queues/{queue}", get(queues::queue))
        .route("/queues/{queue}/pause", post(actions::pause))
        .route("/queues/{queue}/resume", post(actions::resume))
        .route("/queues/{queue}/slots", post(actions::set_slots))
        .route("/jobs", get(jobs::jobs))
        .route("/jobs/complete", get(jobs::completions))
        .route("/jobs/preview", post(bulk::preview))
        .route("/jobs/bulk", post(bulk::start))
        .route("/jobs/{queue}/{id}", get(job::job))
        .route("/jobs/{queue}/{id}/edit", get(replay::edit))
        .route("/jobs/{queue}/{id}/replay", post(replay::replay))
        .route("/jobs/{queue}/{id}/{action}", post(actions::change))
        .route("/held", get(jobs::held))
        .route("/operations", get(operations::operations))
        .route("/operations/{id}", get(operations::operation))
        .route("/operations/{id}/undo", post(actions::undo))
        .route("/batches", get(batches::batches))
        .route("/batches/{id}", get(batches::batch))
        .route("/batches/{id}/{action}", post(actions::change_batch))
        .route("/system", get(system::system))
        .route("/system/fsck", post(system::fsck))
        .route("/audit", get(deeds::audit))
        .route("/live", get(live))
        .route("/healthcheck", get(flower::healthcheck))
        .route("/api/workers", get(flower::workers))
        .route("/api/tasks", get(flower::tasks))
        .route("/api/task/types", get(flower::types))
        .route("/api/task/info/{id}", get(flower::info))
        .route("/api/task/revoke/{id}", post(flower::revoke))
        .route("/api/queues/length", get(flower::queues))
        .route("/workers", get(workers::workers))
        .route("/workers/{instance}/{order}", post(actions::order))
        .route("/limits", get(limits::limits))
        .route("/limits/reset", post(actions::reset_limit))
        .route("/breakers/close", post(actions::close_breaker))
        .route("/settings", post(settings::settings))
        .fallback(trouble::missing)
        .layer(map_response(dressed))
}

/// What browsers are told about every page: nothing from elsewhere, no script in the page itself,
/// no frame around it.
const HEADERS: [(HeaderName, &str); 3] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

async fn dressed(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}
