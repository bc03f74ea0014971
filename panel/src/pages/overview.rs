//! `/`: is it working, and if not, what is wrong?

use askama::Template;
use axum::response::Response;
use rouage::inspect::{QueueView, WorkerView, span};
use rouage::{ClientError, State};

use super::chart::Chart;
use super::frame::{Frame, Screen};
use super::show::{count, number, time};
use super::trouble::{Ask, Trouble, rendered};
use crate::words::Words;

/// A job that has waited for longer is worth a word.
const LONG_MS: u64 = 10 * 60 * 1000;
/// Most points under the sentence.
const MOST_POINTS: usize = 6;

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    now: String,
    health: Health,
    tiles: Vec<Tile>,
    queues: Vec<Queue>,
    workers: Vec<WorkerLine>,
    chart: Chart,
}

/// The sentence of health and what it stands on.
struct Health {
    class: &'static str,
    icon: &'static str,
    sentence: String,
    /// Where it leads; empty for nowhere.
    path: String,
    points: Vec<Point>,
}

struct Point {
    path: String,
    text: String,
}

/// A number with its name, and where it leads.
pub(super) struct Tile {
    pub(super) state: &'static str,
    pub(super) name: &'static str,
    pub(super) path: String,
    pub(super) value: String,
}

struct Queue {
    name: String,
    paused: bool,
    available: String,
    oldest: String,
    running: String,
    retrying: String,
    held: String,
}

struct WorkerLine {
    instance: String,
    host: String,
    doing: String,
}

pub(crate) async fn overview(ask: Ask) -> Response {
    let Ask { frame, panel } = ask;
    let looked =
        async { Ok::<_, ClientError>((panel.queues().await?, panel.client().workers().await?)) };
    let (queues, workers) = match looked.await {
        Ok(found) => found,
        Err(error) => return Trouble::from(error).page(frame),
    };
    let now = panel.now_ms();
    let words = frame.words;
    let page = Page {
        now: time(now, now, words),
        health: judge(&queues, &workers, words),
        tiles: tiles(&queues, "", words),
        queues: queues.iter().map(queue).collect(),
        workers: workers.iter().map(|view| worker(view, words)).collect(),
        chart: Chart::of(&panel.desk().throughput().passed()),
        frame: frame.at(Screen::Overview),
    };
    rendered(&page)
}

/// The sentence, pure: from what is there now.
fn judge(queues: &[QueueView], workers: &[WorkerView], words: &Words) -> Health {
    let mut points = Vec::new();
    for queue in queues {
        let name = &queue.queue;
        let path = format!("/queues/{name}");
        let mut point = |text| {
            points.push(Point {
                path: path.clone(),
                text,
            });
        };
        let serves = |view: &&WorkerView| view.info.queues.iter().any(|(served, _)| served == name);
        if queue.available > 0 && !workers.is_empty() && !workers.iter().any(|view| serves(&view)) {
            point((words.unserved)(queue.available, name));
        } else if queue.oldest_ms >= LONG_MS && queue.paused.is_none() {
            point((words.waits_long)(name, &span(queue.oldest_ms)));
        }
        if queue.paused.is_some() {
            point((words.queue_is_paused)(name));
        }
    }
    points.truncate(MOST_POINTS);
    let held: u64 = queues.iter().map(|queue| queue.held).sum();
    if held > 0 {
        let (path, text) = ("/held".to_owned(), (words.need_a_person)(held));
        points.insert(0, Point { path, text });
    }
    let (class, icon) = match (workers.is_empty(), held, points.is_empty()) {
        (true, ..) => ("bad", "trouble"),
        (false, 1.., _) => ("wary", "held"),
        (false, 0, false) => ("wary", "trouble"),
        (false, 0, true) => ("", "well"),
    };
    // The worst is the sentence, and leads to its place.
    let (path, sentence) = if workers.is_empty() {
        ("/workers".to_owned(), words.nothing_runs.to_owned())
    } else if points.is_empty() {
        (String::new(), words.all_is_well.to_owned())
    } else {
        let first = points.remove(0);
        (first.path, first.text)
    };
    Health {
        class,
        icon,
        sentence,
        path,
        points,
    }
}

/// One tile a state; `queue` narrows the searches they lead to.
pub(super) fn tiles(queues: &[QueueView], queue: &str, words: &Words) -> Vec<Tile> {
    let tile = |state: State| Tile {
        state: state.name(),
        name: (words.state_name)(state),
        path: search(state, queue),
        value: number(queues.iter().map(|queue| queue.in_state(state)).sum()),
    };
    State::ALL.map(tile).into()
}

/// The search for the jobs of a state, and of a queue unless it is empty.
pub(super) fn search(state: State, queue: &str) -> String {
    if queue.is_empty() {
        format!("/jobs?q=state%3A{state}")
    } else {
        format!("/jobs?q=state%3A{state}+queue%3A{queue}")
    }
}

fn queue(view: &QueueView) -> Queue {
    Queue {
        name: view.queue.clone(),
        paused: view.paused.is_some(),
        available: count(view.available),
        oldest: if view.oldest_ms == 0 {
            String::new()
        } else {
            span(view.oldest_ms)
        },
        running: count(view.running),
        retrying: count(view.retrying),
        held: count(view.held),
    }
}

fn worker(view: &WorkerView, words: &Words) -> WorkerLine {
    let slots = view.info.queues.iter().map(|(_, slots)| slots).sum();
    WorkerLine {
        instance: view.info.instance.clone(),
        host: view.info.host.clone(),
        doing: (words.runs_of)(view.info.running, slots),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    #[test]
    fn without_a_worker_nothing_is_well() {
        let health = judge(&[], &[], Language::English.words());
        assert_eq!((health.class, health.path.as_str()), ("bad", "/workers"));
        assert_eq!(health.sentence, "No worker runs.");
    }
}
