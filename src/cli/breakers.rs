//! `crm-worker breakers`: what keeps jobs waiting because it is broken, and closing it by hand.

use rouage::inspect::{BreakerState, BreakerView};

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
    /// Close a breaker and forget what it counted
    Reset {
        /// The breaker, NAME or NAME/KEY
        name: String,
    },
}

pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<Verdict> {
    let client = crate::app::client(config).await?;
    match &args.action {
        Some(Action::Reset { name }) => {
            let changed = client.reset_breaker(name).await?;
            let state = if changed {
                "closed; its jobs come back when their time comes"
            } else {
                "closed already"
            };
            output::line(format!("breaker {name}: {state}"))?;
        }
        None => list(&client.breakers().await?, args.json)?,
    }
    Ok(Verdict::Good)
}

fn list(breakers: &[BreakerView], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(breakers);
    }
    let mut table = Table::new(&[
        "BREAKER", "STATE", "FAILURES", "OPENS AT", "UNTIL", "PROBES",
    ]);
    for breaker in breakers {
        table.row([
            breaker.title(),
            breaker.state.name().to_owned(),
            failures(breaker),
            opens_at(breaker),
            until(breaker),
            probes(breaker),
        ]);
    }
    table.print("no worker declares a breaker")
}

fn failures(breaker: &BreakerView) -> String {
    match breaker.state {
        BreakerState::Closed => format!("{} of {}", breaker.failures, breaker.attempts),
        _ => "-".to_owned(),
    }
}

fn opens_at(breaker: &BreakerView) -> String {
    breaker.policy.map_or_else(
        || "-".to_owned(),
        |policy| {
            let window = moment::span(policy.window_ms);
            format!("{}% of {} in {window}", policy.percent, policy.minimum)
        },
    )
}

fn until(breaker: &BreakerView) -> String {
    match breaker.state {
        BreakerState::Open => format!("in {}", moment::span(breaker.wait_ms)),
        _ => "-".to_owned(),
    }
}

fn probes(breaker: &BreakerView) -> String {
    match breaker.state {
        BreakerState::HalfOpen => format!(
            "{} running, {} good",
            breaker.probes_running, breaker.probes_passed
        ),
        _ => "-".to_owned(),
    }
}
