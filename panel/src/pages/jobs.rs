//! `/jobs` and `/held`: finding jobs with the filter language, a page at a time.

use std::fmt::Write;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::response::Response;
use rouage::filter::{Completion, Filter, FilterError, Known, complete};
use rouage::inspect::{JobView, Page as Found, QueueView};
use rouage::{ClientError, State};
use serde::Deserialize;

use super::frame::{Frame, Screen};
use super::show::{number, short, time};
use super::trouble::{Ask, Trouble, rendered};
use crate::panel::Panel;
use crate::words::Words;

/// Jobs of one page.
const PAGE: usize = 50;

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct Page {
    frame: Frame,
    heading: &'static str,
    lead: &'static str,
    query: String,
    problem: Option<Problem>,
    chips: Vec<Chip>,
    jobs: Vec<Row>,
    complete: bool,
    looked_at: String,
    next: Option<String>,
    bulk: [(&'static str, &'static str); 3],
}

/// What is wrong with a filter, and a pointer at the place.
struct Problem {
    message: String,
    pointer: String,
}

struct Chip {
    state: &'static str,
    name: &'static str,
    path: String,
    here: bool,
    count: String,
}

/// A job as lists show it.
pub(super) struct Row {
    pub(super) state: &'static str,
    pub(super) state_name: &'static str,
    pub(super) kind: String,
    pub(super) path: String,
    pub(super) short_id: String,
    pub(super) when: String,
    pub(super) attempts: u32,
    pub(super) message: String,
    pub(super) tags: Vec<Tag>,
}

/// A tag and the search for it.
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) path: String,
}

pub(crate) async fn jobs(ask: Ask, Query(asked): Query<Asked>) -> Response {
    list(ask, Screen::Jobs, &asked).await
}

/// Held jobs, with the words for whoever has to decide.
pub(crate) async fn held(ask: Ask, Query(asked): Query<Asked>) -> Response {
    let asked = Asked {
        q: "state:held".to_owned(),
        after: asked.after,
    };
    list(ask, Screen::Held, &asked).await
}

async fn list(ask: Ask, screen: Screen, asked: &Asked) -> Response {
    let Ask { frame, panel } = ask;
    let query = asked.q.trim();
    let (filter, problem) = match query.parse::<Filter>() {
        Ok(filter) => (Some(filter), None),
        Err(error) => (None, Some(point_at(&error))),
    };
    let looked = look(&panel, filter.as_ref(), asked.after.as_deref()).await;
    let (queues, found) = match looked {
        Ok(found) => found,
        Err(error) => return Trouble::from(error).page(frame),
    };
    let words = frame.words;
    let now = panel.now_ms();
    let counts = |state: State| queues.iter().map(|queue| queue.in_state(state)).sum();
    let path = if screen == Screen::Held {
        "/held"
    } else {
        "/jobs"
    };
    let (heading, lead) = match screen {
        Screen::Held => (words.nav_held, words.held_lead),
        _ => (words.nav_jobs, ""),
    };
    let page = Page {
        heading,
        lead,
        chips: chips(query, counts, words),
        jobs: found.jobs.iter().map(|job| row(job, now, words)).collect(),
        complete: found.complete,
        looked_at: (words.looked_at)(&number(found.looked_at as u64), found.complete),
        next: found.cursor.map(|cursor| {
            let cursor = quote(&cursor.to_string());
            format!("{path}?q={}&after={cursor}", quote(query))
        }),
        query: query.to_owned(),
        problem,
        bulk: [
            ("retry", words.retry),
            ("cancel", words.cancel),
            ("discard", words.discard),
        ],
        frame: frame.at(screen),
    };
    rendered(&page)
}

/// The queues, and the jobs of a filter that is one.
async fn look(
    panel: &Panel,
    filter: Option<&Filter>,
    after: Option<&str>,
) -> Result<(Arc<Vec<QueueView>>, Found), ClientError> {
    let queues = panel.queues().await?;
    let nothing = Found {
        jobs: Vec::new(),
        cursor: None,
        looked_at: 0,
        complete: true,
    };
    let Some(filter) = filter else {
        return Ok((queues, nothing));
    };
    // A cursor that is none begins again: it can only come from an address made by hand.
    let cursor = after.and_then(|after| after.parse().ok());
    let found = panel.client().search(filter, cursor.as_ref(), PAGE).await?;
    Ok((queues, found))
}

fn point_at(error: &FilterError) -> Problem {
    Problem {
        message: error.to_string(),
        pointer: format!("{}↑", " ".repeat(error.at().saturating_sub(1))),
    }
}

/// One chip a state, and one for all of them; each keeps what else the filter says.
fn chips(query: &str, counts: impl Fn(State) -> u64, words: &Words) -> Vec<Chip> {
    let rest: Vec<&str> = query
        .split_whitespace()
        .filter(|term| !term.starts_with("state:"))
        .collect();
    let chosen: Vec<&str> = query
        .split_whitespace()
        .filter_map(|term| term.strip_prefix("state:"))
        .collect();
    let path = |state: Option<State>| {
        let mut terms: Vec<String> = state
            .map(|state| format!("state:{state}"))
            .into_iter()
            .collect();
        terms.extend(rest.iter().map(|term| (*term).to_owned()));
        format!("/jobs?q={}", quote(&terms.join(" ")))
    };
    let all = Chip {
        state: "",
        name: words.all,
        path: path(None),
        here: chosen.is_empty(),
        count: String::new(),
    };
    let chip = |state: State| Chip {
        state: state.name(),
        name: (words.state_name)(state),
        path: path(Some(state)),
        here: chosen == [state.name()],
        count: number(counts(state)),
    };
    std::iter::once(all).chain(State::ALL.map(chip)).collect()
}

pub(super) fn row(job: &JobView, now: u64, words: &Words) -> Row {
    Row {
        state: job.state.name(),
        state_name: (words.state_name)(job.state),
        kind: job.kind.clone(),
        path: format!("/jobs/{}/{}", job.queue, job.id),
        short_id: short(job.id.as_str()),
        when: time(job.since, now, words),
        attempts: job.attempt,
        message: job.last_message().replace('\n', " "),
        tags: job.tags.iter().map(|tag| search_of(tag)).collect(),
    }
}

/// The search for a tag.
pub(super) fn search_of(tag: &str) -> Tag {
    Tag {
        name: tag.to_owned(),
        path: format!("/jobs?q={}", quote(&format!("tag:\"{tag}\""))),
    }
}

/// A text for an address.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                quoted.push(char::from(byte));
            }
            b' ' => quoted.push('+'),
            // Writing to a String does not fail.
            byte => drop(write!(quoted, "%{byte:02X}")),
        }
    }
    quoted
}

/// What the search box may be completed with: `GET /jobs/complete?q=`.
pub(crate) async fn completions(
    Shared(panel): Shared<Panel>,
    Query(asked): Query<Asked>,
) -> axum::Json<Vec<String>> {
    // Completion is a convenience: without Redis it knows the kinds only.
    let queues = panel.client().queue_names().await.unwrap_or_default();
    let kinds: Vec<String> = panel
        .kinds()
        .kinds()
        .iter()
        .map(|info| info.kind.clone())
        .collect();
    let known = Known {
        kinds: &kinds,
        queues: &queues,
        ..Known::default()
    };
    let completions = complete(&asked.q, asked.q.len(), &known);
    let whole = |completion: Completion| {
        let mut text = asked.q.clone();
        text.replace_range(completion.replaces, &completion.text);
        text
    };
    axum::Json(completions.into_iter().map(whole).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    #[test]
    fn a_chip_changes_the_state_and_keeps_the_rest() {
        let words = Language::English.words();
        let chips = chips("state:held kind:exports.*", |_| 0, words);
        let held = chips.iter().find(|chip| chip.state == "held").unwrap();
        assert!(held.here && !chips[0].here);
        let discarded = chips.iter().find(|chip| chip.state == "discarded").unwrap();
        assert_eq!(
            discarded.path,
            "/jobs?q=state%3Adiscarded+kind%3Aexports.%2A"
        );
        assert_eq!(chips[0].path, "/jobs?q=kind%3Aexports.%2A");
    }

    #[test]
    fn the_pointer_is_under_the_mistake() {
        let error = "kind:a stat:held".parse::<Filter>().unwrap_err();
        assert_eq!(point_at(&error).pointer, "       ↑");
    }
}
