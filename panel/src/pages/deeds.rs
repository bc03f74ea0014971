//! `/audit`: who did what, when and from where; for administrators.

use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use serde::Deserialize;

use super::actions::Administrator;
use super::frame::{Frame, Screen};
use super::jobs::quote;
use super::show::time;
use super::trouble::rendered;
use crate::audit::{DeedSearch, NotedDeed};
use crate::desk::{Desk, PATIENCE};
use crate::words::Words;

/// Deeds of one page.
const PAGE: u16 = 100;

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    who: String,
    #[serde(default)]
    what: String,
    #[serde(default)]
    target: String,
    #[serde(default)]
    before: Option<i64>,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Page {
    frame: Frame,
    asked: Asked,
    deeds: Vec<Row>,
    next: Option<String>,
    /// Why nothing can be shown; empty if it can.
    trouble: &'static str,
}

struct Row {
    when: String,
    who: String,
    what: String,
    target: String,
    detail: String,
    from_where: String,
}

pub(crate) async fn audit(administrator: Administrator, Query(asked): Query<Asked>) -> Response {
    let (frame, panel) = administrator.looks();
    let words = frame.words;
    let (found, trouble) = match find(panel.desk(), &asked).await {
        Ok(found) => (found, ""),
        Err(Away::NotKept) => (Vec::new(), words.no_audit),
        Err(Away::Silent) => (Vec::new(), words.audit_away),
    };
    let last = found.last().map(|deed| deed.id);
    let is_full = found.len() == usize::from(PAGE);
    let now = panel.now_ms();
    let page = Page {
        deeds: found
            .into_iter()
            .map(|deed| row(deed, now, words))
            .collect(),
        next: last.filter(|_| is_full).map(|before| {
            let (who, what) = (quote(&asked.who), quote(&asked.what));
            let target = quote(&asked.target);
            format!("/audit?who={who}&what={what}&target={target}&before={before}")
        }),
        asked,
        trouble,
        frame: frame.at(Screen::Audit),
    };
    rendered(&page)
}

/// Why there is nothing.
enum Away {
    /// Nobody keeps deeds here.
    NotKept,
    /// The store does not answer.
    Silent,
}

async fn find(desk: &Desk, asked: &Asked) -> Result<Vec<NotedDeed>, Away> {
    let log = desk.audit().ok_or(Away::NotKept)?;
    let search = DeedSearch {
        who: asked.who.clone(),
        what: asked.what.clone(),
        target: asked.target.clone(),
        before: asked.before,
        limit: PAGE,
    };
    match tokio::time::timeout(PATIENCE, log.find(&search)).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the audit log cannot be read");
            Err(Away::Silent)
        }
        Err(_) => Err(Away::Silent),
    }
}

fn row(deed: NotedDeed, now: u64, words: &Words) -> Row {
    Row {
        when: time(deed.at, now, words),
        who: deed.who,
        what: deed.what,
        target: deed.target,
        detail: deed.detail,
        from_where: deed.from,
    }
}
