//! `crm-worker queues`.

use rouage::State;

use super::table::Table;
use super::{Verdict, moment, output};
use crate::config::Config;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<Verdict> {
    let queues = crate::app::client(config).await?.queues().await?;
    if args.json {
        output::json(&queues)?;
        return Ok(Verdict::Good);
    }
    let states = State::ALL.map(|state| state.name().to_uppercase());
    let header: Vec<&str> = ["QUEUE"]
        .into_iter()
        .chain(states.iter().map(String::as_str))
        .chain(["OLDEST"])
        .collect();
    let mut table = Table::new(&header);
    for queue in &queues {
        let counts = State::ALL.map(|state| queue.in_state(state).to_string());
        let oldest = if queue.available == 0 {
            "-".to_owned()
        } else {
            moment::span(queue.oldest_ms)
        };
        table.row(
            [queue.queue.clone()]
                .into_iter()
                .chain(counts)
                .chain([oldest]),
        );
    }
    table.print("no queue was used yet")?;
    Ok(Verdict::Good)
}
