//! `crm-worker limits`: the rates that workers share, and setting other ones.

use std::time::Duration;

use rouage::inspect::LimitView;

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
    /// Let another rate count on all workers, whatever the code declares
    Set {
        /// The limit
        name: String,
        /// Permits per time
        #[arg(long)]
        permits: u32,
        /// The time they are for, such as 1s, 1m or 1h
        #[arg(long, value_parser = moment::duration)]
        per: Duration,
        /// Permits that may be used at once after a pause
        #[arg(long, default_value_t = 1)]
        burst: u32,
    },
    /// Let the declared rate count again
    Reset {
        /// The limit
        name: String,
    },
}

pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<Verdict> {
    let client = crate::app::client(config).await?;
    match &args.action {
        Some(Action::Set {
            name,
            permits,
            per,
            burst,
        }) => {
            let changed = client.set_limit(name, *permits, *per, *burst).await?;
            let rate = rate(*permits, per.as_millis() as u64, *burst);
            tell(name, changed, &format!("{rate} from now on"), "so already")?;
        }
        Some(Action::Reset { name }) => {
            let changed = client.reset_limit(name).await?;
            tell(name, changed, "as declared from now on", "as declared")?;
        }
        None => list(&client.limits().await?, args.json)?,
    }
    Ok(Verdict::Good)
}

fn tell(name: &str, changed: bool, done: &str, nothing: &str) -> anyhow::Result<()> {
    let state = if changed { done } else { nothing };
    output::line(format!("limit {name}: {state}"))
}

fn rate(permits: u32, per_ms: u64, burst: u32) -> String {
    format!("{permits} per {}, burst {burst}", moment::span(per_ms))
}

fn list(limits: &[LimitView], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(limits);
    }
    let mut table = Table::new(&["LIMIT", "RATE", "FREE", "NEXT", "DECLARED"]);
    for limit in limits {
        let next = match limit.next_ms {
            0 => "now".to_owned(),
            ms => format!("in {}", moment::span(ms)),
        };
        let declared = match limit.declared {
            None => "no more".to_owned(),
            Some((permits, per_ms, burst)) if limit.set => rate(permits, per_ms, burst),
            Some(_) => "so".to_owned(),
        };
        table.row([
            limit.name.clone(),
            rate(limit.permits, limit.per_ms, limit.burst),
            limit.free.to_string(),
            next,
            declared,
        ]);
    }
    table.print("no worker declares a rate limit")
}
