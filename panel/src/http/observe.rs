//! Around every request: what it took, a limit to that, the headers every answer has, and an answer
//! even if the handler panics.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::time::Instant;

use super::problem::{Code, Problem, Told};
use crate::metrics;
use crate::panel::Panel;

/// How long a request may take, besides what its caller waits for on purpose.
const PATIENCE: Duration = Duration::from_secs(30);

/// What every answer says: keep nothing, guess nothing, embed nothing.
const HEADERS: [(HeaderName, &str); 4] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("content-security-policy"),
        "default-src 'none'; frame-ancestors 'none'",
    ),
];

/// The outermost layer.
pub(crate) async fn observe(State(panel): State<Panel>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let method = word(request.method());
    let limit = PATIENCE + panel.limits().longest_wait;
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind();
    let mut response = match tokio::time::timeout(limit, handled).await {
        Ok(Ok(response)) => response,
        // The hook has logged where it was.
        Ok(Err(_)) => Problem::new(Code::Internal).into_response(),
        Err(_) => Problem::new(Code::Unavailable)
            .retry_after(1)
            .into_response(),
    };
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().entry(name).or_insert(value);
    }
    let status = response.status().as_u16();
    let code = response
        .extensions()
        .get::<Told>()
        .map_or("", |told| told.0);
    tracing::debug!(method, route, status, code, "request");
    metrics::request(method, route, status, start.elapsed());
    response
}

/// A method as a label: those there are, and one for all others.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
