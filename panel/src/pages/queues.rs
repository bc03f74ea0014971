//! `/queues` and `/queues/{queue}`: what is in them, and stopping them for a while.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use rouage::inspect::{GroupView, QueueView, span};
use rouage::{ClientError, State};

use super::frame::{Frame, Screen};
use super::jobs::quote;
use super::overview::{Tile, search, tiles};
use super::show::{instant, number};
use super::trouble::{Ask, Trouble, rendered};
use crate::words::Words;

#[derive(Template)]
#[template(path = "queues.html")]
struct QueuesPage {
    frame: Frame,
    states: Vec<&'static str>,
    queues: Vec<Row>,
}

struct Row {
    name: String,
    paused: bool,
    cells: Vec<Cell>,
    oldest: String,
}

struct Cell {
    n: u64,
    shown: String,
    path: String,
}

#[derive(Template)]
#[template(path = "queue.html")]
struct QueuePage {
    frame: Frame,
    name: String,
    pause: Option<String>,
    tiles: Vec<Tile>,
    facts: Vec<(&'static str, String)>,
    groups: Vec<Group>,
    /// Slots that are set for every worker; empty for none.
    slots: String,
}

struct Group {
    name: String,
    path: String,
    waiting: String,
    running: String,
    limit: String,
}

pub(crate) async fn queues(ask: Ask) -> Response {
    let Ask { frame, panel } = ask;
    let views = match panel.queues().await {
        Ok(views) => views,
        Err(error) => return Trouble::from(error).page(frame),
    };
    let page = QueuesPage {
        states: State::ALL.map(frame.words.state_name).into(),
        queues: views.iter().map(row).collect(),
        frame: frame.at(Screen::Queues),
    };
    rendered(&page)
}

fn row(view: &QueueView) -> Row {
    let cell = |state: State| Cell {
        n: view.in_state(state),
        shown: number(view.in_state(state)),
        path: search(state, &view.queue),
    };
    Row {
        name: view.queue.clone(),
        paused: view.paused.is_some(),
        cells: State::ALL.map(cell).into(),
        oldest: oldest(view),
    }
}

fn oldest(view: &QueueView) -> String {
    if view.oldest_ms == 0 {
        String::new()
    } else {
        span(view.oldest_ms)
    }
}

pub(crate) async fn queue(ask: Ask, Path(name): Path<String>) -> Response {
    let Ask { frame, panel } = ask;
    let client = panel.client();
    let looked = async {
        if !client.queue_names().await?.contains(&name) {
            return Ok::<_, ClientError>(None);
        }
        let view = client.queue_view(&name).await?;
        let slots = client.standing_slots().await?;
        Ok(Some((view, client.groups(&name).await?, slots)))
    };
    let (view, groups, slots) = match looked.await {
        Ok(Some(found)) => found,
        Ok(None) => return Trouble::Missing.page(frame),
        Err(error) => return Trouble::from(error).page(frame),
    };
    let words = frame.words;
    let page = QueuePage {
        pause: view
            .paused
            .as_ref()
            .map(|pause| (words.paused_by)(&pause.by, &instant(pause.at), &pause.reason)),
        tiles: tiles(std::slice::from_ref(&view), &name, words),
        slots: slots
            .get(&name)
            .map(ToString::to_string)
            .unwrap_or_default(),
        facts: facts(&view, words),
        groups: groups.iter().map(|view| group(view, &name)).collect(),
        frame: frame.at(Screen::Queues),
        name,
    };
    rendered(&page)
}

fn facts(view: &QueueView, words: &Words) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        (words.oldest, oldest(view)),
        (words.enqueued, number(view.enqueued_total)),
        (
            (words.state_name)(State::Completed),
            number(view.completed_total),
        ),
        (
            (words.state_name)(State::Discarded),
            number(view.discarded_total),
        ),
    ];
    for (kind, pause) in &view.paused_kinds {
        facts.push((words.paused, format!("{kind} ({})", pause.by)));
    }
    facts
}

fn group(view: &GroupView, queue: &str) -> Group {
    let quoted = quote(&view.group);
    Group {
        name: view.group.clone(),
        path: format!("/jobs?q=queue%3A{queue}+group%3A%22{quoted}%22"),
        waiting: number(view.waiting),
        running: number(view.running),
        limit: view.limit.map_or_else(|| "∞".to_owned(), number),
    }
}
