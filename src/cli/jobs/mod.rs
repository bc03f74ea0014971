//! `crm-worker jobs`: look at jobs and steer them, by id or by what they have in common.

mod bulk;
mod cancel;
mod discard;
mod history;
mod list;
mod logs;
mod remedy;
mod replay;
mod retry;
mod show;

use anyhow::anyhow;
use rouage::inspect::JobView;
use rouage::{Client, JobId};

use self::bulk::Targets;
use super::Verdict;
use crate::config::Config;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List jobs: next to run first, newest first once they are over
    List(list::Args),
    /// Show all that is known about a job, and why it waits
    Show(show::Args),
    /// Search the jobs that ended, also long ago
    History(history::Args),
    /// Show what a job's handler logged, or follow it
    Logs(logs::Args),
    /// Run jobs again, or now instead of later; releases held ones
    #[command(visible_alias = "release")]
    Retry(Targets),
    /// Cancel jobs that wait, and ask running ones to stop
    Cancel(Targets),
    /// Run a job once more as a new one, with another payload if wanted
    Replay(replay::Args),
    /// Discard jobs that wait or are held: they failed for good
    Discard(discard::Args),
}

pub(super) async fn run(config: &Config, command: Command) -> anyhow::Result<Verdict> {
    let connect = || crate::app::client(config);
    match command {
        Command::History(args) => history::run(config, args).await,
        Command::List(args) => list::run(&connect().await?, args).await,
        Command::Show(args) => show::run(&connect().await?, &args).await,
        Command::Logs(args) => logs::run(&connect().await?, &args).await,
        Command::Retry(targets) => retry::run(&connect().await?, &targets).await,
        Command::Cancel(targets) => cancel::run(&connect().await?, &targets).await,
        Command::Replay(args) => replay::run(&connect().await?, &args).await,
        Command::Discard(args) => discard::run(&connect().await?, &args).await,
    }
}

/// The job of that id, in whatever queue it is.
async fn find(client: &Client, id: &JobId) -> anyhow::Result<JobView> {
    let found = client.find(id).await?;
    found.ok_or_else(|| {
        anyhow!("no job {id}; hint: finished jobs are kept for a limited time, see retention")
    })
}
