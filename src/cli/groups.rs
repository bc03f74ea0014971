//! `crm-worker groups`: who waits and runs in a queue's groups, and how many may.

use std::num::NonZeroU32;

use rouage::inspect::GroupView;

use super::table::Table;
use super::{Verdict, output};
use crate::config::Config;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List a queue's groups, the longest line first
    List {
        /// The queue
        queue: String,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Let so many jobs of a group run at once, whatever its jobs say
    Limit {
        /// The queue
        queue: String,
        /// The group
        group: String,
        /// How many
        jobs: NonZeroU32,
    },
    /// Let a group's jobs say again how many of them may run at once
    Reset {
        /// The queue
        queue: String,
        /// The group
        group: String,
    },
}

pub(super) async fn run(config: &Config, command: &Command) -> anyhow::Result<Verdict> {
    let client = crate::app::client(config).await?;
    match command {
        Command::List { queue, json } => list(&client.groups(queue).await?, *json)?,
        Command::Limit { queue, group, jobs } => {
            client.set_group_limit(queue, group, Some(*jobs)).await?;
            output::line(format!(
                "group {group} of queue {queue}: at most {jobs} run at once"
            ))?;
        }
        Command::Reset { queue, group } => {
            client.set_group_limit(queue, group, None).await?;
            output::line(format!(
                "group {group} of queue {queue}: its jobs say how many run at once"
            ))?;
        }
    }
    Ok(Verdict::Good)
}

fn list(groups: &[GroupView], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(groups);
    }
    let mut table = Table::new(&["GROUP", "WAITING", "RUNNING", "LIMIT"]);
    for group in groups {
        let by_hand = if group.overridden { " (by hand)" } else { "" };
        let limit = group
            .limit
            .map_or_else(|| "-".to_owned(), |limit| limit.to_string());
        table.row([
            group.group.clone(),
            group.waiting.to_string(),
            group.running.to_string(),
            format!("{limit}{by_hand}"),
        ]);
    }
    table.print("no group of this queue waits or runs")
}
