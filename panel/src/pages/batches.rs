//! `/batches`: jobs that belong together, how far each batch is, and its failed members.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use rouage::{BatchView, State};

use super::frame::{Frame, Screen};
use super::jobs::{Tag, quote, search_of};
use super::show::{number, short, time};
use super::trouble::{Ask, Trouble, rendered};
use crate::words::Words;

/// Batches that are listed.
const MOST: usize = 50;

#[derive(Template)]
#[template(path = "batches.html")]
struct List {
    frame: Frame,
    batches: Vec<Row>,
}

#[derive(Template)]
#[template(path = "batch.html")]
struct Page {
    frame: Frame,
    batch: Row,
    facts: Vec<(&'static str, String)>,
    tags: Vec<Tag>,
    failures: Vec<Failure>,
}

struct Row {
    id: String,
    path: String,
    total: String,
    pending: String,
    completed: String,
    failed: String,
    has_failed: bool,
    is_over: bool,
    /// Of a hundred.
    percent: u64,
    created: String,
}

struct Failure {
    path: String,
    short_id: String,
    queue: String,
    state: &'static str,
    state_name: &'static str,
}

pub(crate) async fn batches(ask: Ask) -> Response {
    let Ask { frame, panel } = ask;
    let views = match panel.client().batches(MOST).await {
        Ok(views) => views,
        Err(error) => return Trouble::from(error).page(frame),
    };
    let (now, words) = (panel.now_ms(), frame.words);
    let page = List {
        batches: views.iter().map(|view| row(view, now, words)).collect(),
        frame: frame.at(Screen::Batches),
    };
    rendered(&page)
}

pub(crate) async fn batch(ask: Ask, Path(id): Path<String>) -> Response {
    let Ask { frame, panel } = ask;
    let view = match panel.client().batch_view(&id).await {
        Ok(Some(view)) => view,
        Ok(None) | Err(rouage::ClientError::InvalidBatch(_)) => {
            return Trouble::Missing.page(frame);
        }
        Err(error) => return Trouble::from(error).page(frame),
    };
    let (now, words) = (panel.now_ms(), frame.words);
    let page = Page {
        batch: row(&view, now, words),
        facts: facts(&view, now, words),
        tags: view.tags.iter().map(|tag| search_of(tag)).collect(),
        failures: failures(&view, words),
        frame: frame.at(Screen::Batches),
    };
    rendered(&page)
}

fn row(view: &BatchView, now: u64, words: &Words) -> Row {
    let over = view.completed + view.failed;
    Row {
        id: view.id.to_string(),
        path: format!("/batches/{}", quote(view.id.as_str())),
        total: number(view.total),
        pending: number(view.pending),
        completed: number(view.completed),
        failed: number(view.failed),
        has_failed: view.failed > 0,
        is_over: view.finished.is_some() || view.cancelled.is_some(),
        percent: (over * 100).checked_div(view.total).unwrap_or(0),
        created: time(view.created, now, words),
    }
}

/// Instants are HTML.
fn facts(view: &BatchView, now: u64, words: &'static Words) -> Vec<(&'static str, String)> {
    let mut facts = vec![(words.created, time(view.created, now, words))];
    let mut add = |name, at: Option<u64>| facts.extend(at.map(|at| (name, time(at, now, words))));
    add(words.sealed, view.sealed);
    add(words.ended, view.finished);
    add((words.state_name)(State::Cancelled), view.cancelled);
    facts
}

fn failures(view: &BatchView, words: &Words) -> Vec<Failure> {
    let failure = |failed: &rouage::FailedMember| {
        let id = failed.member.id.as_str();
        Failure {
            path: format!("/jobs/{}/{}", failed.member.queue, quote(id)),
            short_id: short(id),
            queue: failed.member.queue.clone(),
            state: failed.state.name(),
            state_name: (words.state_name)(failed.state),
        }
    };
    view.failures.iter().map(failure).collect()
}
