//! What everything that is served stands on, and the router.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use rouage::inspect::QueueView;
use rouage::{Client, ClientError};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::api;
use crate::assets;
use crate::auth::gate::authenticate;
use crate::auth::sign_in::sign_in;
use crate::auth::{Accounts, TokenStore, Tokens};
use crate::catalog::KindCatalog;
use crate::desk::Desk;
use crate::http::observe::observe;
use crate::http::problem::{Code, Problem};
use crate::limits::Limits;
use crate::pages;

/// What the router stands on. Cheap to clone.
#[derive(Clone)]
pub struct Panel(Arc<Parts>, Arc<Desk>);

struct Parts {
    client: Client,
    kinds: Arc<dyn KindCatalog>,
    tokens: Tokens,
    limits: Limits,
    /// Places for callers that wait for a job.
    waiting: Semaphore,
    drain: CancellationToken,
}

impl fmt::Debug for Panel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Panel({:?})", self.0.client)
    }
}

impl Panel {
    /// Over the engine's client, what kinds there are, and who may come in. Whoever waits for a job
    /// is answered when `drain` is cancelled.
    pub fn new(
        client: Client,
        kinds: Arc<dyn KindCatalog>,
        tokens: Arc<dyn TokenStore>,
        limits: Limits,
        drain: CancellationToken,
    ) -> Self {
        let parts = Parts {
            client,
            kinds,
            tokens: Tokens::new(tokens, limits.requests_per_second),
            waiting: Semaphore::new(limits.waiting),
            limits,
            drain,
        };
        Self(Arc::new(parts), Arc::default())
    }

    /// The same with pages for people: who they are, and what the pages stand on.
    #[must_use]
    pub fn with_desk(mut self, desk: Desk) -> Self {
        self.1 = Arc::new(desk);
        self
    }

    /// Writes down now and then which tokens were used, and how many jobs ended; until the drain.
    pub async fn upkeep(&self) {
        let (tokens, throughput) = (&self.0.tokens, self.1.throughput());
        tokio::join!(
            tokens.upkeep(&self.0.drain),
            throughput.watch(&self.0.client, &self.0.drain),
        );
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(crate) fn kinds(&self) -> &dyn KindCatalog {
        &*self.0.kinds
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn waiting(&self) -> &Semaphore {
        &self.0.waiting
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        self.1.accounts()
    }

    pub(crate) fn base(&self) -> &str {
        self.1.base()
    }

    /// All queues, as they were a moment ago.
    pub(crate) async fn queues(&self) -> Result<Arc<Vec<QueueView>>, ClientError> {
        self.1.glance().queues(self.client()).await
    }

    /// What time it is, ms since 1970: good enough to say how long ago something was.
    #[expect(
        clippy::unused_self,
        reason = "time is asked of what everything stands on"
    )]
    pub(crate) fn now_ms(&self) -> u64 {
        chrono::Utc::now().timestamp_millis().unsigned_abs()
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.1
    }

    pub(crate) fn drain(&self) -> &CancellationToken {
        &self.0.drain
    }
}

/// Everything that is served, to be mounted wherever its user likes: the API for programs, and
/// the pages for people, each behind its own door.
pub fn router(panel: &Panel) -> Router {
    let programs = api::routes()
        .route("/api/v1/{*rest}", any(nothing))
        .method_not_allowed_fallback(async || Problem::new(Code::MethodNotAllowed))
        .layer(from_fn_with_state(panel.clone(), authenticate));
    let people = pages::routes()
        .route("/assets/{name}", get(assets::asset))
        .layer(from_fn_with_state(panel.clone(), sign_in));
    let all = programs
        .merge(people)
        // Behind the layers above: the one page without a token or a password.
        .route("/healthz", get(async || "ok\n"))
        .layer(from_fn_with_state(panel.clone(), observe))
        .with_state(panel.clone());
    under(panel.base().to_owned(), all)
}

async fn nothing() -> Problem {
    Problem::new(Code::NotFound).hint("GET /api/v1/openapi.json lists what there is")
}

/// The same router below a path; the check of its health is at the root too.
fn under(base: String, all: Router) -> Router {
    if base.is_empty() {
        return all;
    }
    let base: Arc<str> = base.into();
    Router::new().fallback(async move |mut request: Request| {
        if request.uri().path() != "/healthz" {
            let Some(inner) = within(&base, request.uri()) else {
                return Problem::new(Code::NotFound).into_response();
            };
            *request.uri_mut() = inner;
        }
        // A router never fails.
        match all.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        }
    })
}

/// The address without the path that everything is below.
fn within(base: &str, uri: &Uri) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(base)?;
    match rest.chars().next() {
        None => "/".parse().ok(),
        Some('/') => rest.parse().ok(),
        Some('?') => format!("/{rest}").parse().ok(),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_is_taken_off_and_nothing_beside_it_answers() {
        let inner = |uri: &str| {
            let inner = within("/panel", &uri.parse().unwrap())?;
            Some(inner.to_string())
        };
        assert_eq!(inner("/panel").unwrap(), "/");
        assert_eq!(inner("/panel?a=b").unwrap(), "/?a=b");
        assert_eq!(inner("/panel/jobs?q=a").unwrap(), "/jobs?q=a");
        assert_eq!(inner("/panels"), None);
        assert_eq!(inner("/"), None);
    }
}
