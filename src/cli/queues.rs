//! `crm-worker queues`: what waits in them, and pausing them.

use rouage::State;
use rouage::inspect::QueueView;

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
        None => list(&client.queues().await?, args.json)?,
    }
    Ok(Verdict::Good)
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

fn list(queues: &[QueueView], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(queues);
    }
    let states = State::ALL.map(|state| state.name().to_uppercase());
    let states = states.iter().map(String::as_str);
    let header: Vec<&str> = ["QUEUE"]
        .into_iter()
        .chain(states)
        .chain(["OLDEST", "PAUSED"])
        .collect();
    let mut table = Table::new(&header);
    for queue in queues {
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
        table.row(
            [queue.queue.clone()]
                .into_iter()
                .chain(counts)
                .chain([oldest, paused]),
        );
    }
    table.print("no queue was used yet")
}
