//! `/jobs/{queue}/{id}`: what one job did, why it waits, and what can be done about it.

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use rouage::inspect::{JobLog, JobView, Waiting};
use rouage::{Client, ClientError, JobId, State};
use serde::Deserialize;
use serde_json::Value;

use super::frame::{Frame, Screen};
use super::jobs::{Tag, quote, search_of};
use super::show::{bytes, instant, number, short, time};
use super::trouble::{Ask, Trouble, rendered};
use crate::words::Words;

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    payload: Option<String>,
}

#[derive(Template)]
#[template(path = "job.html")]
struct Page {
    frame: Frame,
    id: String,
    short_id: String,
    queue: String,
    kind: String,
    state: &'static str,
    state_name: &'static str,
    health: &'static str,
    sentence: String,
    progress: Option<Progress>,
    actions: Vec<Action>,
    life: Vec<Step>,
    log: Vec<Line>,
    facts: Vec<(&'static str, String)>,
    tags: Vec<Tag>,
    payload: String,
    payload_link: String,
    payload_action: &'static str,
    output: String,
    /// Whether it can be run again with another payload.
    can_replay: bool,
}

struct Progress {
    percent: u64,
    text: String,
}

/// A button; its path is behind the job's.
struct Action {
    path: &'static str,
    name: &'static str,
    icon: &'static str,
    class: &'static str,
}

/// One thing that happened.
struct Step {
    when: String,
    mark: &'static str,
    text: String,
    detail: String,
}

struct Line {
    at: String,
    level: String,
    text: String,
}

/// Everything that is known about a job.
struct Known {
    job: JobView,
    waiting: Waiting,
    log: JobLog,
}

pub(crate) async fn job(
    ask: Ask,
    Path((queue, id)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Response {
    let Ask { frame, panel } = ask;
    let known = match find(panel.client(), &queue, &id).await {
        Ok(Some(known)) => known,
        Ok(None) => return Trouble::Missing.page(frame),
        Err(error) => return Trouble::from(error).page(frame),
    };
    let shown = asked.payload.is_some() && frame.can_see_payloads;
    if shown {
        let target = format!("{queue}/{id}");
        panel
            .desk()
            .note(&frame.deed("payload.show", &target, ""))
            .await;
    }
    let payload = if shown {
        match panel.client().payload(&known.job).await {
            Ok(payload) => pretty(payload.as_ref()),
            Err(error) => error.to_string(),
        }
    } else {
        let size = bytes(known.job.payload_bytes as u64);
        let why = if frame.can_see_payloads {
            frame.words.payload_masked
        } else {
            frame.words.payload_hidden
        };
        format!("{size}\n{why}")
    };
    rendered(&page(frame, known, panel.now_ms(), payload, shown))
}

async fn find(client: &Client, queue: &str, id: &str) -> Result<Option<Known>, ClientError> {
    let Ok(id) = id.parse::<JobId>() else {
        return Ok(None);
    };
    let Some(job) = client.job(queue, &id).await? else {
        return Ok(None);
    };
    Ok(Some(Known {
        waiting: client.why(queue, &id).await?,
        log: client.log(queue, &id).await?,
        job,
    }))
}

fn page(frame: Frame, known: Known, now: u64, payload: String, shown: bool) -> Page {
    let Known { job, waiting, log } = known;
    let words = frame.words;
    let path = format!("/jobs/{}/{}", quote(&job.queue), job.id);
    let (payload_link, payload_action) = match (frame.can_see_payloads, shown) {
        (false, _) => (String::new(), ""),
        (true, false) => (format!("{path}?payload=shown"), words.show_payload),
        (true, true) => (path, words.hide_payload),
    };
    Page {
        short_id: short(job.id.as_str()),
        id: job.id.to_string(),
        queue: job.queue.clone(),
        kind: job.kind.clone(),
        state: job.state.name(),
        state_name: (words.state_name)(job.state),
        health: match job.state {
            State::Held | State::Discarded => "bad",
            State::Retrying => "wary",
            State::Completed => "",
            _ => "plain",
        },
        sentence: waiting.sentence,
        progress: job.progress.as_ref().and_then(progress),
        actions: actions(job.state, words),
        life: life(&job, now, words),
        log: log.lines.into_iter().map(line).collect(),
        facts: facts(&job, words),
        tags: job.tags.iter().map(|tag| search_of(tag)).collect(),
        payload,
        payload_link,
        payload_action,
        output: match &job.result {
            Some(output) if frame.can_see_payloads => pretty(Some(output)),
            Some(_) => words.payload_hidden.to_owned(),
            None => String::new(),
        },
        can_replay: matches!(
            job.state,
            State::Held | State::Completed | State::Cancelled | State::Discarded
        ),
        frame: frame.at(Screen::Jobs),
    }
}

pub(super) fn pretty(value: Option<&Value>) -> String {
    value
        .and_then(|value| serde_json::to_string_pretty(value).ok())
        .unwrap_or_default()
}

fn progress(value: &Value) -> Option<Progress> {
    let done = value["done"].as_u64()?;
    let total = value["total"].as_u64().filter(|total| *total > 0);
    let text = value["text"].as_str().unwrap_or_default();
    Some(match total {
        Some(total) => Progress {
            percent: (done.saturating_mul(100) / total).min(100),
            text: format!("{} / {} {text}", number(done), number(total)),
        },
        None => Progress {
            percent: 0,
            text: format!("{} {text}", number(done)),
        },
    })
}

/// What can be done to a job in that state.
fn actions(state: State, words: &Words) -> Vec<Action> {
    let action = |path, name, icon, class| Action {
        path,
        name,
        icon,
        class,
    };
    let retry = |class| action("retry", words.retry, "retrying", class);
    let cancel = action("cancel", words.cancel, "cancelled", "danger");
    let discard = action("discard", words.discard, "discarded", "danger");
    match state {
        State::Held => vec![
            action("retry", words.release, "play", "first"),
            discard,
            cancel,
        ],
        State::Discarded | State::Cancelled => vec![retry("first")],
        State::Scheduled | State::Retrying => vec![retry("first"), cancel],
        State::Available | State::Running => vec![cancel],
        State::Completed => Vec::new(),
    }
}

/// What happened, in order.
fn life(job: &JobView, now: u64, words: &Words) -> Vec<Step> {
    let step = |at: u64, mark, text: String, detail: String| Step {
        when: if at == 0 {
            String::new()
        } else {
            time(at, now, words)
        },
        mark,
        text,
        detail,
    };
    let mut steps = vec![step(
        job.enqueued_at,
        "",
        words.enqueued.to_owned(),
        String::new(),
    )];
    for error in &job.errors {
        let text = format!("{}: {}", (words.attempt)(error.attempt), error.kind);
        steps.push(step(error.at, "bad", text, error.message.clone()));
    }
    let failed = job.errors.last().map_or(0, |error| error.attempt);
    if job.started > 0 && job.attempt > failed {
        let text = format!(
            "{}: {} · {}",
            (words.attempt)(job.attempt),
            words.started,
            job.worker
        );
        let mark = if job.state == State::Running {
            "now"
        } else {
            ""
        };
        steps.push(step(job.started, mark, text, String::new()));
    }
    let mark = match job.state {
        State::Completed => "good",
        State::Discarded | State::Held => "bad",
        State::Running | State::Available => return steps,
        _ => "wait",
    };
    let text = (words.state_name)(job.state).to_owned();
    steps.push(step(job.since, mark, text, job.reason.clone()));
    steps
}

fn line(line: rouage::inspect::LogLine) -> Line {
    let at = instant(line.at);
    Line {
        at: at.get(11..23).unwrap_or_default().to_owned(),
        level: line.level,
        text: line.text,
    }
}

fn facts(job: &JobView, words: &'static Words) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        (words.queue, job.queue.clone()),
        (words.priority, job.priority.to_string()),
        (words.attempts, job.attempt.to_string()),
        (words.enqueued, instant(job.enqueued_at)),
    ];
    let mut add = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    add(
        words.started,
        (job.started > 0).then(|| instant(job.started)),
    );
    add(
        words.ended,
        (job.finished > 0).then(|| instant(job.finished)),
    );
    add(
        words.worker,
        (!job.worker.is_empty()).then(|| job.worker.clone()),
    );
    add(words.expires, job.expires_at.map(instant));
    add(words.unique, job.unique.clone());
    add(
        words.group,
        job.group.as_ref().map(|group| group.key.clone()),
    );
    add(
        words.batch,
        job.lineage.batch.as_ref().map(ToString::to_string),
    );
    add(
        words.follows,
        job.lineage.follows.as_ref().map(ToString::to_string),
    );
    add(
        words.replay_of,
        job.replay_of.as_ref().map(ToString::to_string),
    );
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    #[test]
    fn what_is_over_and_well_offers_nothing_and_what_is_held_offers_a_decision() {
        let words = Language::English.words();
        assert!(actions(State::Completed, words).is_empty());
        let held: Vec<&str> = actions(State::Held, words)
            .iter()
            .map(|action| action.path)
            .collect();
        assert_eq!(held, ["retry", "discard", "cancel"]);
    }

    #[test]
    fn progress_never_passes_its_end() {
        let shown =
            progress(&serde_json::json!({ "done": 12, "total": 10, "text": "rows" })).unwrap();
        assert_eq!((shown.percent, shown.text.as_str()), (100, "12 / 10 rows"));
        let open =
            progress(&serde_json::json!({ "done": 1200, "total": null, "text": "rows" })).unwrap();
        assert_eq!(open.text, "1\u{202f}200 rows");
    }
}
