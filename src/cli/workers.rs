//! `crm-worker workers`: who lives and what they run, and orders to one of them.

use rouage::inspect::WorkerView;

use super::table::Table;
use super::{Verdict, moment, output};
use crate::config::Config;

/// Bytes of the unit that memory is shown in.
const MEGABYTE: u64 = 1024 * 1024;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    /// One JSON object a line
    #[arg(long)]
    json: bool,

    /// The jobs they run, the longest first, at most 50 of each
    #[arg(long, conflicts_with = "json")]
    jobs: bool,

    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Let a worker claim nothing more until it is resumed; what it runs goes on
    Quiet(One),
    /// Let a quiet worker claim again
    Resume(One),
    /// Let a worker finish what it runs and end, as a signal does
    Stop(One),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The worker, as `crm-worker workers` names it
    instance: String,
}

pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<Verdict> {
    let client = crate::app::client(config).await?;
    let (instance, told) = match &args.action {
        Some(Action::Quiet(One { instance })) => {
            client.quiet(instance).await?;
            (instance, "be quiet")
        }
        Some(Action::Resume(One { instance })) => {
            client.resume_worker(instance).await?;
            (instance, "go on")
        }
        Some(Action::Stop(One { instance })) => {
            client.stop_worker(instance).await?;
            (instance, "stop")
        }
        None => {
            list(&client.workers().await?, args)?;
            return Ok(Verdict::Good);
        }
    };
    output::line(format!("worker {instance}: told to {told}"))?;
    Ok(Verdict::Good)
}

fn list(workers: &[WorkerView], args: &Args) -> anyhow::Result<()> {
    if args.json {
        return output::json(workers);
    }
    if args.jobs {
        return jobs(workers).print("no worker runs a job");
    }
    let mut table = Table::new(&[
        "INSTANCE", "VERSION", "STARTED", "BEAT", "STATE", "RUNNING", "MEMORY", "QUEUES",
    ]);
    for worker in workers {
        let info = &worker.info;
        let queues: Vec<String> = info
            .queues
            .iter()
            .map(|(queue, slots)| format!("{queue}={slots}"))
            .collect();
        table.row([
            info.instance.clone(),
            info.version.clone(),
            moment::show(info.started),
            format!("{} ago", moment::span(worker.last_beat_ms)),
            state(worker).to_owned(),
            info.running.to_string(),
            memory(info.rss_bytes),
            queues.join(","),
        ]);
    }
    table.print("no worker was heard of within the last minute")
}

fn jobs(workers: &[WorkerView]) -> Table {
    let mut table = Table::new(&["INSTANCE", "JOB", "KIND", "QUEUE", "SINCE"]);
    let now = moment::now_ms();
    for worker in workers {
        for job in &worker.info.jobs {
            table.row([
                worker.info.instance.clone(),
                job.id.to_string(),
                job.kind.clone(),
                job.queue.clone(),
                moment::relative(job.since, now),
            ]);
        }
    }
    table
}

fn state(worker: &WorkerView) -> &'static str {
    match (worker.info.draining, worker.info.quiet) {
        (true, _) => "draining",
        (false, true) => "quiet",
        (false, false) => "claims",
    }
}

fn memory(bytes: u64) -> String {
    match bytes {
        0 => "-".to_owned(),
        _ => format!("{} MB", bytes.div_ceil(MEGABYTE)),
    }
}
