//! `crm-worker queues`: what waits in them, and pausing them.

use rouage::State;
use rouage::inspect::QueueView;

use super::table::Table;
use super::{Verdict, moment, output};
use crate::config::Config;

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
    /// Start no more jobs of a queue; what runs goes on
    Pause {
        /// The queue
        queue: String,
        /// Why, for whoever finds it paused
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Let a paused queue go on
    Resume {
        /// The queue
        queue: String,
    },
}

pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<Verdict> {
    let client = crate::app::client(config).await?;
    match &args.action {
        Some(Action::Pause { queue, reason }) => {
            let changed = client
                .pause(queue, "crm-worker queues pause", reason)
                .await?;
            tell(
                queue,
                changed,
                "paused; what runs goes on",
                "paused already",
            )?;
        }
        Some(Action::Resume { queue }) => {
            let changed = client.resume(queue).await?;
            tell(queue, changed, "goes on", "not paused")?;
        }
        None => list(&client.queues().await?, args.json)?,
    }
    Ok(Verdict::Good)
}

fn tell(queue: &str, changed: bool, done: &str, nothing: &str) -> anyhow::Result<()> {
    let state = if changed { done } else { nothing };
    output::line(format!("queue {queue}: {state}"))
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
        let paused = queue
            .paused
            .as_ref()
            .map_or_else(|| "-".to_owned(), |pause| moment::show(pause.at));
        table.row(
            [queue.queue.clone()]
                .into_iter()
                .chain(counts)
                .chain([oldest, paused]),
        );
    }
    table.print("no queue was used yet")
}
