//! What everything that is served stands on, and the router.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use rouage::Client;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::api;
use crate::auth::gate::authenticate;
use crate::auth::{TokenStore, Tokens};
use crate::catalog::KindCatalog;
use crate::http::observe::observe;
use crate::http::problem::{Code, Problem};
use crate::limits::Limits;

/// What the router stands on. Cheap to clone.
#[derive(Clone)]
pub struct Panel(Arc<Parts>);

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
        Self(Arc::new(Parts {
            client,
            kinds,
            tokens: Tokens::new(tokens, limits.requests_per_second),
            waiting: Semaphore::new(limits.waiting),
            limits,
            drain,
        }))
    }

    /// Writes down now and then which tokens were used, until the drain and once more then.
    pub async fn upkeep(&self) {
        self.0.tokens.upkeep(&self.0.drain).await;
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

    pub(crate) fn drain(&self) -> &CancellationToken {
        &self.0.drain
    }
}

/// Everything that is served, to be mounted wherever its user likes.
pub fn router(panel: &Panel) -> Router {
    let closed = api::routes()
        .fallback(async || {
            Problem::new(Code::NotFound).hint("GET /api/v1/openapi.json lists what there is")
        })
        .method_not_allowed_fallback(async || Problem::new(Code::MethodNotAllowed))
        .layer(from_fn_with_state(panel.clone(), authenticate));
    closed
        // Behind the layer above: the one page without a token.
        .route("/healthz", get(async || "ok\n"))
        .layer(from_fn_with_state(panel.clone(), observe))
        .with_state(panel.clone())
}
