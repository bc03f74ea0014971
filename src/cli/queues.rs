//! `crm-worker queues`: what waits in them, pausing them, and how many of their jobs run at once.

use rouage::inspect::QueueView;
use rouage::{Client, State};
use serde::Serialize;

use super::table::Table;
use super::{Verdict, moment, output};
use crate::config::Config;

/// Who pauses, for whoever finds it paused.
const BY: &str = "crm-worker queues pause";

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    /// One JSON object a line
    #[arg(long)]
    json: bool,

    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Start no more jobs of a queue, or of one kind; what runs goes on
    Pause {
        /// The queue
        queue: String,
        /// Only this kind of it: the other kinds go on
        #[arg(long)]
        kind: Option<String>,
        /// Why, for whoever finds it paused
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Let a paused queue or kind go on
    Resume {
        /// The queue
        queue: String,
        /// Only this kind of it
        #[arg(long)]
        kind: Option<String>,
    },
    /// Set how many jobs of a queue run at once in each worker, now and after restarts
    Slots(Slots),
}

#[derive(Debug, clap::Args)]
struct Slots {
    /// The queue
    queue: String,
    /// Jobs at once, 1 to 10,000; what runs beyond it goes on to its end
    #[arg(required_unless_present = "clear", value_name = "SLOTS")]
    number: Option<usize>,
    /// Only in this worker, as long as it lives
    #[arg(long, value_name = "INSTANCE")]
    worker: Option<String>,
    /// Go back to what the worker was started with
    #[arg(long, conflicts_with = "number")]
    clear: bool,
}

pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<Verdict> {
    let client = crate::app::client(config).await?;
    match &args.action {
        Some(Action::Pause {
            queue,
            kind,
            reason,
        }) => {
            let changed = match kind {
                Some(kind) => client.pause_kind(queue, kind, BY, reason).await?,
                None => client.pause(queue, BY, reason).await?,
            };
            let done = "paused; what runs goes on";
            tell(queue, kind.as_deref(), changed, done, "paused already")?;
        }
        Some(Action::Resume { queue, kind }) => {
            let changed = match kind {
                Some(kind) => client.resume_kind(queue, kind).await?,
                None => client.resume(queue).await?,
            };
            tell(queue, kind.as_deref(), changed, "goes on", "not paused")?;
        }
        Some(Action::Slots(wish)) => set_slots(&client, wish).await?,
        None => list(&lines(&client).await?, args.json)?,
    }
    Ok(Verdict::Good)
}

async fn set_slots(client: &Client, wish: &Slots) -> anyhow::Result<()> {
    let Slots { queue, worker, .. } = wish;
    let one = worker.as_deref();
    let what = if let Some(slots) = wish.number {
        client.set_slots(queue, one, slots).await?;
        format!("told to have {slots} slots")
    } else {
        client.clear_slots(queue, one).await?;
        "told to have the slots it was started with".to_owned()
    };
    let who = one.map_or_else(|| "each worker".to_owned(), |one| format!("worker {one}"));
    output::line(format!("queue {queue}: {who} is {what}"))
}

/// A queue and how many of its jobs may run at once.
#[derive(Debug, Serialize)]
struct Line {
    #[serde(flatten)]
    view: QueueView,
    /// In all workers that live.
    slots: usize,
    /// In each worker, if somebody set it.
    slots_each: Option<usize>,
}

impl Line {
    fn slots(&self) -> String {
        match self.slots_each {
            Some(each) => format!("{} ({each} each)", self.slots),
            None => self.slots.to_string(),
        }
    }
}

async fn lines(client: &Client) -> anyhow::Result<Vec<Line>> {
    let (workers, standing) = (client.workers().await?, client.standing_slots().await?);
    let served = |queue: &str| {
        let all = workers.iter().flat_map(|worker| &worker.info.queues);
        all.filter(|(of, _)| of == queue)
            .map(|(_, slots)| slots)
            .sum()
    };
    let views = client.queues().await?.into_iter().map(|view| Line {
        slots: served(&view.queue),
        slots_each: standing.get(&view.queue).copied(),
        view,
    });
    Ok(views.collect())
}

fn tell(
    queue: &str,
    kind: Option<&str>,
    changed: bool,
    done: &str,
    nothing: &str,
) -> anyhow::Result<()> {
    let state = if changed { done } else { nothing };
    match kind {
        Some(kind) => output::line(format!("kind {kind} of queue {queue}: {state}")),
        None => output::line(format!("queue {queue}: {state}")),
    }
}

fn list(queues: &[Line], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(queues);
    }
    let states = State::ALL.map(|state| state.name().to_uppercase());
    let states = states.iter().map(String::as_str);
    let header: Vec<&str> = ["QUEUE"]
        .into_iter()
        .chain(states)
        .chain(["OLDEST", "SLOTS", "PAUSED"])
        .collect();
    let mut table = Table::new(&header);
    for line in queues {
        let queue = &line.view;
        let counts = State::ALL.map(|state| queue.in_state(state).to_string());
        let oldest = match queue.available {
            0 => "-".to_owned(),
            _ => moment::span(queue.oldest_ms),
        };
        let paused = match (&queue.paused, queue.paused_kinds.len()) {
            (Some(pause), _) => moment::show(pause.at),
            (None, 0) => "-".to_owned(),
            (None, kinds) => format!("{kinds} kinds"),
        };
        table.row([queue.queue.clone()].into_iter().chain(counts).chain([
            oldest,
            line.slots(),
            paused,
        ]));
    }
    table.print("no queue was used yet")
}
