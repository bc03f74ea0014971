//! `/operations`: what was done to many jobs at once, how far it is, and taking it back.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use rouage::inspect::JobView;
use rouage::{ClientError, Job, JobId, Operation, State, Tally};

use super::frame::{Frame, Screen};
use super::show::{number, short, time};
use super::trouble::{Ask, Trouble, rendered};
use crate::panel::Panel;
use crate::words::Words;

/// Operations of one state that are listed.
const MOST: usize = 50;

#[derive(Template)]
#[template(path = "operations.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "operation.html")]
struct Page {
    frame: Frame,
    row: Row,
    /// What the button that takes it back says; empty if there is nothing to take back.
    undo: &'static str,
    /// Whether it has not begun.
    waits: bool,
    counts: Vec<(String, String)>,
    message: String,
}

/// One operation.
struct Row {
    id: String,
    short_id: String,
    action: &'static str,
    filter: String,
    by: String,
    state: &'static str,
    state_name: &'static str,
    when: String,
    done: String,
    /// Of a hundred, if that is known.
    percent: Option<u64>,
    progress: String,
}

pub(crate) async fn operations(ask: Ask) -> Response {
    let Ask { frame, panel } = ask;
    let views = match all(&panel).await {
        Ok(views) => views,
        Err(error) => return Trouble::from(error).page(frame),
    };
    let (now, words) = (panel.now_ms(), frame.words);
    let page = List {
        rows: views.iter().map(|view| row(view, now, words)).collect(),
        frame: frame.at(Screen::Operations),
    };
    rendered(&page)
}

/// The newest first.
async fn all(panel: &Panel) -> Result<Vec<JobView>, ClientError> {
    let mut found = Vec::new();
    for state in State::ALL {
        let listed = panel
            .client()
            .list(Operation::QUEUE, state, 0, MOST)
            .await?;
        found.extend(listed.into_iter().filter(|job| job.kind == Operation::KIND));
    }
    found.sort_unstable_by_key(|job| std::cmp::Reverse(job.enqueued_at));
    found.truncate(MOST);
    Ok(found)
}

pub(crate) async fn operation(ask: Ask, Path(id): Path<String>) -> Response {
    let Ask { frame, panel } = ask;
    let Ok(id) = id.parse::<JobId>() else {
        return Trouble::Missing.page(frame);
    };
    let view = match panel.client().job(Operation::QUEUE, &id).await {
        Ok(Some(view)) if view.kind == Operation::KIND => view,
        Ok(_) => return Trouble::Missing.page(frame),
        Err(error) => return Trouble::from(error).page(frame),
    };
    let words = frame.words;
    let page = Page {
        row: row(&view, panel.now_ms(), words),
        undo: match view.state {
            State::Scheduled | State::Available => words.undo,
            State::Running | State::Retrying => words.stop,
            _ => "",
        },
        waits: matches!(view.state, State::Scheduled | State::Available),
        counts: counts(&view, words),
        message: view.last_message(),
        frame: frame.at(Screen::Operations),
    };
    rendered(&page)
}

fn row(view: &JobView, now: u64, words: &Words) -> Row {
    let asked = view.payload.clone();
    let asked: Option<Operation> = asked.and_then(|asked| serde_json::from_value(asked).ok());
    let progress = view.progress.as_ref();
    let number_of = |key| progress.and_then(|progress| progress[key].as_u64());
    let (done, total) = (number_of("done"), number_of("total"));
    Row {
        id: view.id.to_string(),
        short_id: short(view.id.as_str()),
        action: asked
            .as_ref()
            .map_or("?", |asked| words.of_action(asked.action)),
        filter: asked
            .as_ref()
            .map(|asked| asked.filter.clone())
            .unwrap_or_default(),
        by: asked.map(|asked| asked.by).unwrap_or_default(),
        state: view.state.name(),
        state_name: (words.state_name)(view.state),
        when: time(view.enqueued_at, now, words),
        done: tally(view).map_or_else(
            || done.map(number).unwrap_or_default(),
            |tally| number(tally.done),
        ),
        percent: match (view.state, done, total) {
            (State::Running | State::Retrying, Some(done), Some(total)) if total > 0 => {
                Some((done.saturating_mul(100) / total).min(100))
            }
            _ => None,
        },
        progress: match (done, total) {
            (Some(done), Some(total)) => format!("{} / {}", number(done), number(total)),
            (Some(done), None) => number(done),
            _ => String::new(),
        },
    }
}

fn tally(view: &JobView) -> Option<Tally> {
    serde_json::from_value(view.result.clone()?).ok()
}

/// What became of the jobs, by why.
fn counts(view: &JobView, words: &Words) -> Vec<(String, String)> {
    let Some(tally) = tally(view) else {
        return Vec::new();
    };
    let of = |word: &str, by: &std::collections::BTreeMap<String, u64>| {
        by.iter()
            .map(|(why, jobs)| (format!("{word}: {why}"), number(*jobs)))
            .collect::<Vec<_>>()
    };
    let mut counts = vec![(words.changed.to_owned(), number(tally.done))];
    counts.extend(of(words.left_alone, &tally.skipped));
    counts.extend(of(words.did_not_work, &tally.failed));
    counts
}
