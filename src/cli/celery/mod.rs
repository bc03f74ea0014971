//! `crm-worker celery`: what lies in a Celery installation, what was parked of it, and emptying a
//! queue that keeps its workers from working.

mod parked;
mod status;

use anyhow::bail;
use rouage::ingress::celery::CeleryIngress;

use super::table::Table;
use super::{Verdict, output};
use crate::app;
use crate::config::{Config, Invalid, Problem};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show what lies in Celery's Redis, and what is done with which task
    Status {
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show messages that became no job; put them back or throw them away
    #[command(subcommand)]
    Parked(parked::Command),
    /// Move the messages of a queue into the parking
    Drain(DrainArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
For a queue whose messages take Celery's own workers down. Nothing runs and nothing is lost: each
message is parked whole and can be put back with `celery parked retry`. Messages that are too large
to be parked, and those for which the parking has no room (celery.parked_messages), stay.

Examples:
  crm-worker celery drain celery --dry-run
  crm-worker celery drain celery --max 50")]
pub(super) struct DrainArgs {
    /// The queue, such as celery
    queue: String,
    /// Only show the next messages
    #[arg(long)]
    dry_run: bool,
    /// Most messages
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max: u32,
    /// One JSON object, with --dry-run one a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: &Config, command: Command) -> anyhow::Result<Verdict> {
    if !app::celery::is_configured(config) {
        let hint = "set CRM_WORKER__CELERY__BROKER_URL to the broker of the CRM's Celery";
        return Err(Invalid::from(Problem::new("celery.broker_url is not set").hint(hint)).into());
    }
    let client = app::client(config).await?;
    let ingress = app::celery::ingress(config, client)?;
    match command {
        Command::Status { json } => status::run(&ingress, json).await,
        Command::Parked(command) => parked::run(&ingress, command).await,
        Command::Drain(args) => drain(&ingress, &args).await,
    }
}

async fn drain(ingress: &CeleryIngress, args: &DrainArgs) -> anyhow::Result<Verdict> {
    let most = args.max as usize;
    if args.dry_run {
        preview(ingress, args, most).await?;
        return Ok(Verdict::Good);
    }
    let done = ingress.drain(&args.queue, most).await?;
    if args.json {
        output::json(std::slice::from_ref(&done))?;
    } else {
        output::line(format!(
            "{} messages of queue {} are parked, {} are left ({} of them too large to be parked)",
            done.parked, args.queue, done.left, done.too_large
        ))?;
    }
    if done.parked == 0 && done.left > done.too_large {
        bail!(
            "the parking is full; hint: discard or put back what is parked, or raise celery.parked_messages"
        );
    }
    Ok(Verdict::Good)
}

async fn preview(ingress: &CeleryIngress, args: &DrainArgs, most: usize) -> anyhow::Result<()> {
    let next = ingress.preview(&args.queue, most).await?;
    if args.json {
        return output::json(&next);
    }
    let mut table = Table::new(&["LIST", "TASK", "TASK ID", "BYTES", "UNREADABLE"]);
    for message in next {
        table.row([
            message.list.to_string(),
            printable(message.task.as_deref()),
            printable(message.task_id.as_deref()),
            message.bytes.to_string(),
            message.reason.unwrap_or_default(),
        ]);
    }
    table.print("no messages")
}

/// What a stranger wrote, without anything that a terminal would obey.
fn printable(text: Option<&str>) -> String {
    let Some(text) = text else {
        return "-".to_owned();
    };
    let shown = text.chars().take(80);
    shown
        .map(|sign| if sign.is_control() { '?' } else { sign })
        .collect()
}
