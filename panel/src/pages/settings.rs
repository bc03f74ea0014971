//! `POST /settings`: appearance and language, kept in the browser.

use axum::extract::Form;
use axum::http::header::SET_COOKIE;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::frame::Theme;
use super::trouble::Ask;
use crate::words::Language;

/// A year.
const MAX_AGE: u32 = 31_536_000;

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    theme: Option<String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    back: String,
}

pub(crate) async fn settings(ask: Ask, Form(asked): Form<Asked>) -> Response {
    let base = &ask.frame.base;
    let cookie = |name: &str, value: &str| {
        let value = format!(
            "rouage_{name}={value}; Path={base}/; Max-Age={MAX_AGE}; SameSite=Strict; HttpOnly"
        );
        (SET_COOKIE, value)
    };
    let mut cookies = Vec::new();
    if let Some(theme) = asked.theme {
        let theme = Theme::of_name(&theme).name().unwrap_or("system");
        cookies.push(cookie("theme", theme));
    }
    if let Some(language) = asked.language.as_deref().and_then(Language::of_code) {
        cookies.push(cookie("language", language.words().code));
    }
    let back = format!("{base}{}", within(&asked.back));
    (AppendHeaders(cookies), Redirect::to(&back)).into_response()
}

/// A path of ours; anything else leads home.
fn within(path: &str) -> &str {
    let ours =
        path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n']);
    if ours { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_back_to_our_own_pages_only() {
        assert_eq!(within("/jobs?q=a"), "/jobs?q=a");
        for foreign in [
            "https://evil.example",
            "//evil.example",
            "/\\evil",
            "",
            "/a\r\nb",
        ] {
            assert_eq!(within(foreign), "/", "{foreign:?}");
        }
    }
}
