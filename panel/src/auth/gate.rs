//! Lets requests in that bring a good token, and says to handlers whose it is.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::bearer::Token;
use super::grant::Grant;
use super::scope::Scope;
use super::tokens::Denied;
use crate::http::problem::{Code, Problem};
use crate::http::server::Peer;
use crate::panel::Panel;

/// Whoever sent the request.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Arc<Grant>);

impl Caller {
    pub(crate) fn grant(&self) -> &Grant {
        &self.0
    }

    /// Refuses whoever may not do this to any job.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), Problem> {
        if self.0.may(scope) {
            return Ok(());
        }
        let challenge =
            format!(r#"Bearer realm="rouage", error="insufficient_scope", scope="{scope}""#);
        let problem = Problem::new(Code::Forbidden)
            .detail(format!("the token has no scope {scope}"))
            .hint("crm-worker tokens create makes one with other scopes");
        Err(problem.header(axum::http::header::WWW_AUTHENTICATE, &challenge))
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().cloned();
        // Only a route outside the gate has none.
        caller.ok_or_else(|| Problem::new(Code::Internal))
    }
}

/// The layer before everything that is not open to all.
pub(crate) async fn authenticate(
    State(panel): State<Panel>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    match admit(&panel, request.headers(), peer).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admit(
    panel: &Panel,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
) -> Result<Caller, Problem> {
    let refused = || {
        let challenge = r#"Bearer realm="rouage", error="invalid_token""#;
        Problem::unauthenticated(challenge, "the token is not known, revoked or expired")
    };
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(header), None) = (given.next(), given.next()) else {
        let challenge = r#"Bearer realm="rouage""#;
        let detail = "there is no Authorization header, or more than one";
        return Err(Problem::unauthenticated(challenge, detail));
    };
    let token = header.to_str().ok().and_then(bearer).ok_or_else(refused)?;
    let admitted = panel.tokens().admit(&token, peer).await;
    admitted.map(Caller).map_err(|denied| match denied {
        Denied::Unknown => refused(),
        Denied::Slowed => Problem::new(Code::RateLimited)
            .detail("too many unknown tokens came from this address")
            .retry_after(1),
        Denied::TooOften(wait) => Problem::new(Code::RateLimited)
            .detail("the token is used more often than it may be")
            .hint(
                "put many jobs into one request, or ask for panel.requests_per_second to be raised",
            )
            .retry_after(wait.as_secs() + 1),
        Denied::Unavailable => Problem::new(Code::Unavailable)
            .detail("tokens cannot be looked up now")
            .retry_after(1),
    })
}

fn bearer(header: &str) -> Option<Token> {
    let (scheme, token) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    Token::parse(token.trim())
}
