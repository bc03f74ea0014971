//! `/workers`: who runs jobs, what each is doing, and sending it home.

use askama::Template;
use axum::response::Response;
use rouage::inspect::{RunningJob, WorkerView, span};

use super::frame::{Frame, Screen};
use super::show::{bytes, instant, short};
use super::trouble::{Ask, Trouble, rendered};
use crate::words::Words;

#[derive(Template)]
#[template(path = "workers.html")]
struct Page {
    frame: Frame,
    workers: Vec<Card>,
}

struct Card {
    instance: String,
    host: String,
    facts: Vec<(&'static str, String)>,
    actions: Vec<Action>,
    jobs: Vec<Job>,
}

struct Action {
    path: &'static str,
    name: &'static str,
    class: &'static str,
}

struct Job {
    kind: String,
    path: String,
    short_id: String,
    queue: String,
    since: String,
}

pub(crate) async fn workers(ask: Ask) -> Response {
    let Ask { frame, panel } = ask;
    let views = match panel.client().workers().await {
        Ok(views) => views,
        Err(error) => return Trouble::from(error).page(frame),
    };
    let now = panel.now_ms();
    let page = Page {
        workers: views
            .iter()
            .map(|view| card(view, now, frame.words))
            .collect(),
        frame: frame.at(Screen::Workers),
    };
    rendered(&page)
}

fn card(view: &WorkerView, now: u64, words: &'static Words) -> Card {
    let info = &view.info;
    let slots = info.queues.iter().map(|(_, slots)| slots).sum();
    let served: Vec<String> = info
        .queues
        .iter()
        .map(|(queue, slots)| format!("{queue} {slots}"))
        .collect();
    let mut facts = vec![
        (words.slots, (words.runs_of)(info.running, slots)),
        (words.nav_queues, served.join(", ")),
        (words.version, info.version.clone()),
        (words.memory, bytes(info.rss_bytes)),
        (words.up_since, instant(info.started)),
        (
            words.last_beat,
            (words.ago)(&span(now.saturating_sub(view.last_beat_ms))),
        ),
    ];
    if info.draining {
        facts.push((words.state, words.draining.to_owned()));
    } else if info.quiet {
        facts.push((words.state, words.is_quiet.to_owned()));
    }
    let action = |path, name, class| Action { path, name, class };
    let steer = if info.quiet {
        action("resume", words.claim_again, "first")
    } else {
        action("quiet", words.quiet, "")
    };
    Card {
        instance: info.instance.clone(),
        host: info.host.clone(),
        facts,
        actions: vec![steer, action("stop", words.stop, "danger")],
        jobs: info.jobs.iter().map(|job| running(job, now)).collect(),
    }
}

fn running(job: &RunningJob, now: u64) -> Job {
    Job {
        kind: job.kind.clone(),
        path: format!("/jobs/{}/{}", job.queue, job.id),
        short_id: short(job.id.as_str()),
        queue: job.queue.clone(),
        since: span(now.saturating_sub(job.since)),
    }
}
