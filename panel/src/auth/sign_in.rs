//! The layer before the pages: basic auth, and no request that another site sent.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::accounts::Refused;
use super::origin::{Origin, origin};
use crate::http::server::Peer;
use crate::panel::Panel;

/// Longest header of credentials.
const MOST_HEADER: usize = 1024;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets in who brings a name and its password, and says to the pages who it is.
pub(crate) async fn sign_in(
    State(panel): State<Panel>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    let peer = origin(peer, request.headers(), panel.desk().trusted());
    request.extensions_mut().insert(Origin(peer));
    if panel.accounts().is_empty() {
        return nobody();
    }
    let Some((name, password)) = credentials(request.headers()) else {
        return ask();
    };
    match panel.accounts().admit(&name, &password, peer).await {
        Ok(visitor) => request.extensions_mut().insert(visitor),
        Err(Refused::Wrong) => {
            tracing::warn!(peer = ?peer, "a wrong name or password for the panel");
            return ask();
        }
        Err(Refused::Slowed(wait)) => return slow(wait.as_secs() + 1),
    };
    let safe = request.method().is_safe();
    if !safe && !is_from_here(request.headers()) {
        tracing::warn!(peer = ?peer, "a form of another site was refused");
        return (StatusCode::FORBIDDEN, "forms of other sites are refused\n").into_response();
    }
    next.run(request).await
}

/// Name and password.
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > MOST_HEADER {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

/// Whether a browser sent the request from one of our own pages. Programs say nothing of the kind
/// and have no cookies or passwords that another site could use.
fn is_from_here(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get(FETCH_SITE) {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let named = origin.split_once("://").map(|(_, host)| host);
    !host.is_empty() && named == Some(host)
}

fn ask() -> Response {
    let challenge = HeaderValue::from_static(r#"Basic realm="panel", charset="UTF-8""#);
    let headers = [(WWW_AUTHENTICATE, challenge)];
    (
        StatusCode::UNAUTHORIZED,
        headers,
        "sign in with name and password\n",
    )
        .into_response()
}

/// Without accounts there is nobody to let in.
fn nobody() -> Response {
    let said =
        "the panel has no accounts; hint: crm-worker panel hash-password, then panel.users\n";
    (StatusCode::FORBIDDEN, said).into_response()
}

fn slow(seconds: u64) -> Response {
    let headers = [(RETRY_AFTER, seconds.to_string())];
    let said = "too many wrong passwords came from this address\n";
    (StatusCode::TOO_MANY_REQUESTS, headers, said).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()));
        pairs.collect()
    }

    #[test]
    fn a_form_of_another_site_is_told_from_ours() {
        let cases: [(&[(HeaderName, &str)], bool); 6] = [
            (&[(FETCH_SITE, "same-origin")], true),
            (&[(FETCH_SITE, "cross-site")], false),
            (&[(FETCH_SITE, "same-site")], false),
            (
                &[(ORIGIN, "https://jobs.example"), (HOST, "jobs.example")],
                true,
            ),
            (
                &[(ORIGIN, "https://evil.example"), (HOST, "jobs.example")],
                false,
            ),
            (&[(HOST, "jobs.example")], true),
        ];
        for (given, ours) in cases {
            assert_eq!(is_from_here(&headers(given)), ours, "{given:?}");
        }
    }

    #[test]
    fn a_password_may_have_colons() {
        let encoded = format!("Basic {}", STANDARD.encode("ana:a:b"));
        let found = credentials(&headers(&[(AUTHORIZATION, &encoded)]));
        assert_eq!(found, Some(("ana".to_owned(), "a:b".to_owned())));
        assert_eq!(credentials(&headers(&[(AUTHORIZATION, "Bearer x")])), None);
    }
}
