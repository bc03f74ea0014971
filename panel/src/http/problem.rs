//! Errors as callers get them: `application/problem+json` (RFC 9457).
//!
//! `code` is stable: programs may match it. `type` is the same as a URN, since there is no page that
//! would be there for ever. Nothing in a problem quotes a payload, an address or a token.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use rouage::ClientError;
use schemars::JsonSchema;
use serde::Serialize;

use super::decode::Fault;

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// Faults that are told of one request.
const MOST_FAULTS: usize = 20;

/// An error on its way to a caller.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    body: Box<ProblemBody>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What went wrong, as a caller gets it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct ProblemBody {
    /// The code as a URN.
    r#type: String,
    /// What `code` means, in a few words.
    title: &'static str,
    /// The HTTP status.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// What went wrong, for programs.
    code: &'static str,
    /// What went wrong this time; quotes no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Where, if it is one place: a JSON pointer into the body, a header, a query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// Everything that is wrong with the request, at most 20 of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
}

/// Every code there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    BodyTooLarge,
    Forbidden,
    Internal,
    InvalidBody,
    InvalidHeader,
    InvalidQuery,
    JobOver,
    KeyReused,
    MalformedBody,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    SlowBody,
    TooManyJobs,
    Unauthenticated,
    Unavailable,
    UnknownJob,
    UnknownKind,
    UnsupportedMediaType,
}

impl Code {
    pub(crate) const ALL: [Self; 19] = [
        Self::BodyTooLarge,
        Self::Forbidden,
        Self::Internal,
        Self::InvalidBody,
        Self::InvalidHeader,
        Self::InvalidQuery,
        Self::JobOver,
        Self::KeyReused,
        Self::MalformedBody,
        Self::MethodNotAllowed,
        Self::NotFound,
        Self::RateLimited,
        Self::SlowBody,
        Self::TooManyJobs,
        Self::Unauthenticated,
        Self::Unavailable,
        Self::UnknownJob,
        Self::UnknownKind,
        Self::UnsupportedMediaType,
    ];

    /// Its name, status and title.
    pub(crate) const fn parts(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::BodyTooLarge => ("body-too-large", 413, "The body is too large"),
            Self::Forbidden => ("forbidden", 403, "The token may not do this"),
            Self::Internal => ("internal", 500, "Something went wrong here"),
            Self::InvalidBody => ("invalid-body", 422, "The body is not what is asked for"),
            Self::InvalidHeader => ("invalid-header", 400, "A header is not valid"),
            Self::InvalidQuery => ("invalid-query", 400, "The query is not valid"),
            Self::JobOver => ("job-over", 409, "The job is over"),
            Self::KeyReused => (
                "idempotency-key-reused",
                422,
                "The idempotency key was used for another request",
            ),
            Self::MalformedBody => ("malformed-body", 400, "The body is not JSON"),
            Self::MethodNotAllowed => ("method-not-allowed", 405, "The method is not allowed here"),
            Self::NotFound => ("not-found", 404, "There is nothing here"),
            Self::RateLimited => ("rate-limited", 429, "Too many requests"),
            Self::SlowBody => ("slow-body", 408, "The body did not come in time"),
            Self::TooManyJobs => ("too-many-jobs", 422, "Too many jobs in one request"),
            Self::Unauthenticated => ("unauthenticated", 401, "A valid token is needed"),
            Self::Unavailable => ("unavailable", 503, "Not available now"),
            Self::UnknownJob => ("unknown-job", 404, "There is no such job"),
            Self::UnknownKind => ("unknown-kind", 404, "There is no such kind"),
            Self::UnsupportedMediaType => (
                "unsupported-media-type",
                415,
                "The body is not application/json",
            ),
        }
    }
}

impl Problem {
    pub(crate) fn new(code: Code) -> Self {
        let (code, status, title) = code.parts();
        let body = ProblemBody {
            r#type: format!("urn:rouage:problem:{code}"),
            title,
            status,
            code,
            detail: None,
            field: None,
            hint: None,
            errors: Vec::new(),
        };
        Self {
            body: Box::new(body),
            headers: Vec::new(),
        }
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.body.detail = Some(detail.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.body.hint = Some(hint.into());
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// One fault.
    pub(crate) fn at(self, fault: Fault) -> Self {
        self.all(vec![fault])
    }

    /// Many faults; the first is told at the top too.
    pub(crate) fn all(mut self, mut faults: Vec<Fault>) -> Self {
        faults.truncate(MOST_FAULTS);
        if let Some(first) = faults.first().cloned() {
            let (field, detail, hint) = first.into_parts();
            self.body.detail = Some(format!("{field}: {detail}"));
            self.body.field = Some(field);
            self.body.hint = hint;
        }
        self.body.errors = faults;
        self
    }

    /// Come again in so many seconds.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.header(RETRY_AFTER, &seconds.to_string())
    }

    /// Who asks has no valid token.
    pub(crate) fn unauthenticated(challenge: &str, detail: &str) -> Self {
        Self::new(Code::Unauthenticated)
            .detail(detail)
            .hint("send Authorization: Bearer TOKEN; crm-worker tokens create makes one")
            .header(WWW_AUTHENTICATE, challenge)
    }

    pub(crate) fn unknown_job() -> Self {
        Self::new(Code::UnknownJob)
            .detail("no job of that id is known here, or this token may not see it")
            .hint("finished jobs are kept for a limited time")
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Link(_) | ClientError::Payloads(_) => {
                tracing::warn!(%error, "a request could not be served");
                Self::new(Code::Unavailable)
                    .detail("the store of the jobs does not answer")
                    .hint("repeat the request with the same Idempotency-Key: no job is doubled")
                    .retry_after(1)
            }
            ClientError::UnknownJob { .. } => Self::unknown_job(),
            error => {
                // What a caller can do wrong was refused before.
                tracing::error!(%error, "a request could not be served");
                Self::new(Code::Internal)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { body, mut headers } = self;
        let (status, code) = (StatusCode::from_u16(body.status), body.code);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(body)).into_response();
        headers.push((CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)));
        for (name, value) in headers {
            response.headers_mut().insert(name, value);
        }
        response.extensions_mut().insert(Told(code));
        response
    }
}

/// The code of the problem a response tells, for the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told(pub(crate) &'static str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_sorted() {
        let codes = Code::ALL.map(|code| code.parts().0);
        let mut sorted = codes.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), codes.len());
    }

    #[test]
    fn a_problem_has_its_media_type_and_headers_once() {
        let response = Problem::new(Code::RateLimited)
            .retry_after(3)
            .into_response();
        let headers = response.headers();
        assert_eq!(response.status(), 429);
        assert_eq!(headers.get_all(CONTENT_TYPE).iter().count(), 1);
        assert_eq!(headers[CONTENT_TYPE], MEDIA_TYPE);
        assert_eq!(headers[RETRY_AFTER], "3");
    }
}
