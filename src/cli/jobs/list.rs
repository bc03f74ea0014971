//! `crm-worker jobs list`.

use rouage::inspect::{JobView, MAX_LISTED};
use rouage::{Client, State};

use crate::cli::table::Table;
use crate::cli::{Verdict, moment, output};

/// Characters of a message in a table.
const MESSAGE: usize = 60;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Payloads are not listed; see `jobs show --payload`.

Examples:
  crm-worker jobs list --state held
  crm-worker jobs list --queue exports --state completed --limit 5 --json")]
pub(in crate::cli) struct Args {
    /// Only this queue
    #[arg(long)]
    queue: Option<String>,

    /// Only this state: scheduled, available, running, retrying, held, completed, cancelled or
    /// discarded
    #[arg(long)]
    state: Option<State>,

    /// At most this many jobs, up to 1000
    #[arg(long, default_value_t = 50)]
    limit: usize,

    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(client: &Client, args: &Args) -> anyhow::Result<Verdict> {
    let jobs = collect(client, args).await?;
    if args.json {
        output::json(&jobs)?;
        return Ok(Verdict::Good);
    }
    let now = moment::now_ms();
    let mut table = Table::new(&["ID", "KIND", "STATE", "SINCE", "ATTEMPT", "MESSAGE"]);
    for job in &jobs {
        let since = moment::relative(job.since, now);
        let message: String = job.last_message().chars().take(MESSAGE).collect();
        let attempt = job.attempt.to_string();
        table.row([
            job.id.to_string(),
            job.kind.clone(),
            job.state.to_string(),
            since,
            attempt,
            message,
        ]);
    }
    table.print("no jobs")?;
    Ok(Verdict::Good)
}

async fn collect(client: &Client, args: &Args) -> anyhow::Result<Vec<JobView>> {
    let queues = match &args.queue {
        Some(queue) => vec![queue.clone()],
        None => client.queue_names().await?,
    };
    let states = args
        .state
        .map_or_else(|| State::ALL.to_vec(), |state| vec![state]);
    let limit = args.limit.clamp(1, MAX_LISTED);
    let mut jobs = Vec::new();
    for queue in &queues {
        for state in &states {
            if jobs.len() < limit {
                jobs.extend(client.list(queue, *state, 0, limit - jobs.len()).await?);
            }
        }
    }
    Ok(jobs)
}
