//! `crm-worker apalis`: what is taken in from apalis-redis, and a person's word about what is parked.

use anyhow::anyhow;
use rouage::ingress::apalis::Decision;

use super::table::Table;
use super::{Verdict, moment, output};
use crate::app;
use crate::config::Config;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show how many tasks wait, are being moved, and are parked
    Status(Status),
    /// List tasks of which no job can be made, with the reason
    List(List),
    /// Let parked tasks be taken again, after what was wrong was mended
    Retry(Chosen),
    /// Remove parked tasks for ever
    Discard(Chosen),
}

#[derive(Debug, clap::Args)]
pub(super) struct Status {
    /// As a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// At most this many, up to 1000
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,

    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub(super) struct Chosen {
    /// Ids of tasks, as `apalis list` shows them
    #[arg(value_name = "TASK", group = "which")]
    tasks: Vec<String>,

    /// All parked tasks
    #[arg(long, group = "which")]
    all: bool,
}

pub(super) async fn run(config: &Config, command: &Command) -> anyhow::Result<Verdict> {
    match command {
        Command::Status(args) => status(config, args).await,
        Command::List(args) => list(config, args).await,
        Command::Retry(args) => decide(config, args, Decision::Retry, "taken again").await,
        Command::Discard(args) => decide(config, args, Decision::Discard, "removed").await,
    }
}

async fn decide(
    config: &Config,
    args: &Chosen,
    decision: Decision,
    word: &str,
) -> anyhow::Result<Verdict> {
    match app::apalis(config)?.decide(decision, &args.tasks).await? {
        0 => Err(anyhow!(
            "no such task is parked; hint: crm-worker apalis list shows those that are"
        )),
        tasks => output::line(format!("tasks that are {word}: {tasks}")).map(|()| Verdict::Good),
    }
}

async fn status(config: &Config, args: &Status) -> anyhow::Result<Verdict> {
    let glance = app::apalis(config)?.glance().await?;
    if args.json {
        output::json(&[glance])?;
        return Ok(Verdict::Good);
    }
    output::line(format!("waiting  {}", glance.waiting))?;
    output::line(format!("moving   {}", glance.held))?;
    output::line(format!("parked   {}", glance.parked))?;
    Ok(Verdict::Good)
}

async fn list(config: &Config, args: &List) -> anyhow::Result<Verdict> {
    let tasks = app::apalis(config)?.parked(args.limit as usize).await?;
    if args.json {
        output::json(&tasks)?;
        return Ok(Verdict::Good);
    }
    let now = moment::now_ms();
    let mut table = Table::new(&["QUEUE", "TASK", "PARKED", "REASON"]);
    for task in tasks {
        let parked = moment::relative(task.parked_at, now);
        table.row([task.queue, task.task, parked, task.reason]);
    }
    table.print("no task is parked")?;
    Ok(Verdict::Good)
}
