//! Sheet, script and icon: embedded, named by their content, kept by browsers for ever.

use std::fmt::Write;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::http::problem::{Code, Problem};

const CSS: &str = include_str!("../assets/panel.css");
const JS: &str = include_str!("../assets/panel.js");
const ICON: &str = include_str!("../assets/icon.svg");

/// The names under `/assets/`.
pub(crate) struct Assets {
    pub(crate) css: String,
    pub(crate) js: String,
    pub(crate) icon: String,
}

/// The names of this release.
pub(crate) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    css: name(CSS, "css"),
    js: name(JS, "js"),
    icon: name(ICON, "svg"),
});

fn name(content: &str, ending: &str) -> String {
    let mut name = String::from("panel-");
    for byte in Sha256::digest(content.as_bytes()).iter().take(6) {
        // Writing to a String does not fail.
        let _ = write!(name, "{byte:02x}");
    }
    name + "." + ending
}

/// `GET /assets/{name}`.
pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    let found = [
        (&ASSETS.css, "text/css; charset=utf-8", CSS),
        (&ASSETS.js, "text/javascript; charset=utf-8", JS),
        (&ASSETS.icon, "image/svg+xml", ICON),
    ]
    .into_iter()
    .find(|(known, ..)| **known == name);
    let Some((_, kind, content)) = found else {
        return Problem::new(Code::NotFound).into_response();
    };
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, content).into_response()
}
