//! `crm-worker jobs history`: finished jobs, also those that Redis has forgotten.

use rouage::{JobId, State};

use crate::app;
use crate::cli::table::Table;
use crate::cli::{Verdict, failure, moment, output};
use crate::config::Config;
use crate::store::job_runs::{Cursor, JobRun, MAX_PAGE, Search};
use crate::store::pool::explained;

/// Characters of a message in a table.
const MESSAGE: usize = 60;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Everything that is given must hold. TIME is an instant such as 2026-11-23T09:30:00+01:00, or how
long ago, such as 2h. Jobs appear a second or two after their end; payloads are not kept.

Examples:
  crm-worker jobs history --kind exports.export_records --state discarded --since 7d
  crm-worker jobs history --tag campaign:12 --error timeout --json")]
pub(in crate::cli) struct Args {
    /// Only this job
    #[arg(long)]
    id: Option<JobId>,

    /// Only this queue
    #[arg(long)]
    queue: Option<String>,

    /// Only this kind, such as `exports.export_records`
    #[arg(long)]
    kind: Option<String>,

    /// Only jobs with this tag, such as campaign:12
    #[arg(long)]
    tag: Option<String>,

    /// Only this end: completed, discarded or cancelled
    #[arg(long, value_parser = final_state)]
    state: Option<State>,

    /// Only jobs whose last error contains this, in small or capital letters
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,

    /// Only jobs that ended then or later
    #[arg(long, value_name = "TIME", value_parser = moment::past)]
    since: Option<u64>,

    /// Only jobs that ended before
    #[arg(long, value_name = "TIME", value_parser = moment::past)]
    until: Option<u64>,

    /// Only what comes behind the page that ended with this
    #[arg(long, value_name = "CURSOR")]
    behind: Option<Cursor>,

    /// At most this many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_PAGE)))]
    limit: u32,

    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: &Config, args: Args) -> anyhow::Result<Verdict> {
    let (json, limit) = (args.json, args.limit);
    let runs = app::history(config)?.search(&search(args)).await;
    let runs = runs.map_err(|error| explained(error, "search the history"))?;
    if json {
        output::json(&runs)?;
    } else {
        print(&runs)?;
    }
    if let Some(last) = runs.last().filter(|_| runs.len() == limit as usize) {
        failure::hint(&format!("there may be more: --behind {}", last.cursor()));
    }
    Ok(Verdict::Good)
}

fn search(args: Args) -> Search {
    Search {
        job: args.id.map(|id| id.to_string()),
        queue: args.queue,
        kind: args.kind,
        tag: args.tag,
        state: args.state.map(|state| state.name().to_owned()),
        error: args.error,
        since: args.since,
        until: args.until,
        behind: args.behind,
        limit: args.limit,
    }
}

fn print(runs: &[JobRun]) -> anyhow::Result<()> {
    let header = [
        "FINISHED", "ID", "KIND", "STATE", "TOOK", "ATTEMPTS", "MESSAGE",
    ];
    let mut table = Table::new(&header);
    let positive = |number: i64| u64::try_from(number).unwrap_or(0);
    for run in runs {
        let took = run.duration_ms.map(positive);
        let message = run.error_message.as_ref().or(run.reason.as_ref());
        let message = message.map(|text| text.chars().take(MESSAGE).collect());
        table.row([
            moment::show(positive(run.finished_at)),
            run.job_id.clone(),
            run.kind.clone(),
            run.state.clone(),
            took.map_or_else(|| "-".to_owned(), moment::span),
            run.attempts.to_string(),
            message.unwrap_or_default(),
        ]);
    }
    table.print("no such job ended")
}

fn final_state(text: &str) -> Result<State, String> {
    let state: State = text.parse()?;
    if state.is_final() {
        Ok(state)
    } else {
        Err(format!(
            "{state} jobs have not ended; use completed, discarded or cancelled"
        ))
    }
}
