//! `crm-worker jobs list`: the jobs that a filter means.

use rouage::filter::Filter;
use rouage::inspect::{Cursor, JobView, MAX_LISTED};
use rouage::{Client, State};

use crate::cli::table::Table;
use crate::cli::{Verdict, failure, moment, output};

/// Characters of a message in a table.
const MESSAGE: usize = 60;
/// Calls of one listing: each looks at 10,000 jobs at most.
const CALLS: usize = 10;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A filter has terms such as state:held, kind:campaigns.*, tag:campaign:12, error:timeout, since:2h,
attempts:>3 or queue:exports; - in front excludes, and a word alone is looked for in ids, kinds,
tags and errors. Terms of one key are alternatives. Payloads are not listed; see
`jobs show --payload`.

Examples:
  crm-worker jobs list state:held
  crm-worker jobs list 'state:discarded kind:exports.* error:timeout since:2h'
  crm-worker jobs list --queue exports --state completed --limit 5 --json")]
pub(in crate::cli) struct Args {
    /// Which jobs; all of them if it is left out
    #[arg(value_name = "FILTER", default_value = "", allow_hyphen_values = true)]
    filter: Filter,

    /// The same as queue:QUEUE in the filter
    #[arg(long)]
    queue: Option<String>,

    /// The same as state:STATE in the filter
    #[arg(long)]
    state: Option<State>,

    /// At most this many jobs, up to 1000
    #[arg(long, default_value_t = 50)]
    limit: usize,

    /// Go on where an earlier list ended
    #[arg(long, value_name = "CURSOR")]
    after: Option<Cursor>,

    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(client: &Client, args: Args) -> anyhow::Result<Verdict> {
    let (jobs, rest) = collect(client, &args).await?;
    if args.json {
        output::json(&jobs)?;
    } else {
        table(&jobs)?;
    }
    if let Some(rest) = rest {
        failure::hint(&format!("there may be more jobs: --after '{rest}'"));
    }
    Ok(Verdict::Good)
}

/// A table of jobs for people.
pub(super) fn table(jobs: &[JobView]) -> anyhow::Result<()> {
    let now = moment::now_ms();
    let mut table = Table::new(&["ID", "KIND", "STATE", "SINCE", "ATTEMPT", "MESSAGE"]);
    for job in jobs {
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
    table.print("no jobs")
}

async fn collect(client: &Client, args: &Args) -> anyhow::Result<(Vec<JobView>, Option<Cursor>)> {
    let filter = args.filter.clone();
    let filter = filter
        .and_queue(args.queue.as_deref())
        .and_state(args.state);
    let limit = args.limit.clamp(1, MAX_LISTED);
    let (mut jobs, mut cursor) = (Vec::new(), args.after.clone());
    for _ in 0..CALLS {
        let left = limit - jobs.len();
        let page = client.search(&filter, cursor.as_ref(), left).await?;
        jobs.extend(page.jobs);
        cursor = page.cursor;
        if cursor.is_none() || jobs.len() >= limit {
            break;
        }
    }
    Ok((jobs, cursor))
}
