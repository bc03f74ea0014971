//! `crm-worker jobs discard`.

use rouage::{Action, Client, Discarded, JobId};

use super::bulk::{self, Targets};
use super::find;
use crate::cli::{Verdict, failure, output};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    targets: Targets,

    /// Why, kept with the job's errors
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        conflicts_with = "filter"
    )]
    note: String,
}

pub(super) async fn run(client: &Client, args: &Args) -> anyhow::Result<Verdict> {
    if let Some(verdict) = bulk::run(client, Action::Discard, &args.targets).await? {
        return Ok(verdict);
    }
    let mut verdict = Verdict::Good;
    for id in &args.targets.ids {
        match discard(client, id, &args.note).await {
            Ok(Discarded::Now) => output::line(format!("{id} is discarded"))?,
            Ok(Discarded::AlreadyOver) => output::line(format!("{id} was over already"))?,
            Ok(Discarded::Running) => {
                output::line(format!("{id} runs, nothing changed"))?;
                failure::hint(&format!("crm-worker jobs cancel {id} asks it to stop"));
                verdict = Verdict::Bad;
            }
            Err(error) => {
                failure::report(&error);
                verdict = Verdict::Bad;
            }
        }
    }
    Ok(verdict)
}

async fn discard(client: &Client, id: &JobId, note: &str) -> anyhow::Result<Discarded> {
    let job = find(client, id).await?;
    Ok(client.discard(&job.queue, id, note).await?)
}
