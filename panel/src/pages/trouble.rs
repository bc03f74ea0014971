//! Pages that say what went wrong.

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Response};
use rouage::ClientError;

use super::frame::Frame;
use crate::panel::Panel;

/// What went wrong; becomes a page in [`Trouble::page`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// There is no such thing.
    Missing,
    /// The visitor's role may not.
    NotAllowed,
    /// Redis does not answer.
    Away,
    /// What was asked for cannot be.
    Refused,
    /// Something else; the log has it.
    Failed,
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct Page {
    frame: Frame,
    title: &'static str,
    hint: &'static str,
}

impl Trouble {
    /// The page in the visitor's language.
    pub(crate) fn page(self, frame: Frame) -> Response {
        let words = frame.words;
        let (status, title, hint) = match self {
            Self::Missing => (
                StatusCode::NOT_FOUND,
                words.page_missing,
                words.page_missing_hint,
            ),
            Self::NotAllowed => (
                StatusCode::FORBIDDEN,
                words.not_allowed,
                words.not_allowed_hint,
            ),
            Self::Away => (
                StatusCode::SERVICE_UNAVAILABLE,
                words.redis_away,
                words.redis_away_hint,
            ),
            Self::Refused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                words.refused,
                words.refused_hint,
            ),
            Self::Failed => (StatusCode::INTERNAL_SERVER_ERROR, words.failed, ""),
        };
        let page = Page { frame, title, hint };
        (status, rendered(&page)).into_response()
    }
}

/// Without a frame: in English, as text.
impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::UnknownJob { .. }
            | ClientError::UnknownBatch(_)
            | ClientError::UnknownQueue(_)
            | ClientError::UnknownGate { .. }
            | ClientError::InvalidBatch(_)
            | ClientError::InvalidName { .. }
            | ClientError::InvalidLabel { .. }
            | ClientError::UnknownWorker(_) => Self::Missing,
            ClientError::InvalidSlots { .. } => Self::Refused,
            ClientError::Link(_) => {
                tracing::warn!(%error, "a page could not be shown");
                Self::Away
            }
            error => {
                tracing::error!(%error, "a page could not be shown");
                Self::Failed
            }
        }
    }
}

/// The page for everything that is not there.
pub(crate) async fn missing(frame: Frame) -> Response {
    Trouble::Missing.page(frame)
}

/// A template as an answer.
pub(crate) fn rendered(page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// An extractor that gives a page its frame and its panel at once keeps handlers short.
pub(crate) struct Ask {
    pub(crate) frame: Frame,
    pub(crate) panel: Panel,
}

impl FromRequestParts<Panel> for Ask {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, panel: &Panel) -> Result<Self, Trouble> {
        let frame = Frame::from_request_parts(parts, panel).await?;
        Ok(Self {
            frame,
            panel: panel.clone(),
        })
    }
}
