//! `crm-worker schedule`: when jobs are due, and what people decide about it.
//!
//! Schedules are in a file; what is changed here stands in the database beside it, survives
//! deployments, and is shown as a change. The leading scheduler sees it within seconds.

mod change;
mod list;
mod next;

use super::Verdict;
use crate::config::Config;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the schedules: when they come, when they last came, what was changed by hand
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show when schedules come next, in UTC and by the clock on the wall
    Next(next::Args),
    /// Enqueue a schedule's job now; its next occurrence comes all the same
    Run {
        /// The schedule
        name: String,
    },
    /// Fire a schedule no more; what runs goes on
    Pause(change::Why),
    /// Fire a paused schedule again, from its next occurrence on
    Resume(change::Why),
    /// Change when a schedule comes, or its rules, until `--reset`
    Edit(change::Edit),
}

pub(super) async fn run(config: &Config, command: Command) -> anyhow::Result<Verdict> {
    match command {
        Command::List { json } => list::run(config, json).await?,
        Command::Next(args) => next::run(config, &args).await?,
        Command::Run { name } => change::run_now(config, &name).await?,
        Command::Pause(why) => change::pause(config, &why).await?,
        Command::Resume(why) => change::resume(config, &why).await?,
        Command::Edit(edit) => change::edit(config, edit).await?,
    }
    Ok(Verdict::Good)
}
