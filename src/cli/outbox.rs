//! `crm-worker outbox`: what waits for the relay, and a person's word about what is parked.

use anyhow::anyhow;

use super::table::Table;
use super::{Verdict, moment, output};
use crate::app;
use crate::config::Config;
use crate::store::pool::explained;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show how many rows wait, for how long, and how many are parked
    Status(Status),
    /// List rows of which no job can be made, with the reason
    List(List),
    /// Let parked rows wait for the relay again, after what was wrong was mended
    Retry(Chosen),
    /// Remove parked rows for ever
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
#[command(
    group = clap::ArgGroup::new("which").required(true).multiple(true),
    after_help = "\
Examples:
  crm-worker outbox retry --kind email.send
  crm-worker outbox discard 1042 1043"
)]
pub(super) struct Chosen {
    /// Numbers of rows, as `outbox list` shows them
    #[arg(value_name = "ROW", group = "which")]
    rows: Vec<i64>,

    /// All parked rows of that kind
    #[arg(long, value_name = "KIND", group = "which")]
    kind: Option<String>,

    /// All parked rows
    #[arg(long, group = "which", conflicts_with_all = ["rows", "kind"])]
    all: bool,
}

pub(super) async fn run(config: &Config, command: &Command) -> anyhow::Result<Verdict> {
    match command {
        Command::Status(args) => status(config, args).await,
        Command::List(args) => list(config, args).await,
        Command::Retry(args) => {
            let outbox = app::outbox(config)?;
            let done = outbox.retry(&args.rows, args.kind.as_deref()).await;
            let rows = done.map_err(|error| explained(error, "retry rows"))?;
            tell(rows, "waits for the relay", "wait for the relay")
        }
        Command::Discard(args) => {
            let outbox = app::outbox(config)?;
            let done = outbox.discard(&args.rows, args.kind.as_deref()).await;
            let rows = done.map_err(|error| explained(error, "discard rows"))?;
            tell(rows, "is removed", "are removed")
        }
    }
}

fn tell(rows: u64, one: &str, many: &str) -> anyhow::Result<Verdict> {
    match rows {
        0 => Err(anyhow!(
            "no such row is parked; hint: crm-worker outbox list shows those that are"
        )),
        1 => output::line(format!("1 row {one}")).map(|()| Verdict::Good),
        rows => output::line(format!("{rows} rows {many}")).map(|()| Verdict::Good),
    }
}

async fn status(config: &Config, args: &Status) -> anyhow::Result<Verdict> {
    let glance = app::outbox(config)?.glance().await;
    let glance = glance.map_err(|error| explained(error, "look at the outbox"))?;
    if args.json {
        output::json(&[glance])?;
        return Ok(Verdict::Good);
    }
    let lag = u64::try_from(glance.lag_ms).unwrap_or(0);
    let first = match glance.waiting {
        0 => String::new(),
        _ => format!(", the first for {}", moment::span(lag)),
    };
    output::line(format!("waiting  {}{first}", glance.waiting))?;
    output::line(format!("parked   {}", glance.parked))?;
    Ok(Verdict::Good)
}

async fn list(config: &Config, args: &List) -> anyhow::Result<Verdict> {
    let rows = app::outbox(config)?.list(args.limit).await;
    let rows = rows.map_err(|error| explained(error, "list parked rows"))?;
    if args.json {
        output::json(&rows)?;
        return Ok(Verdict::Good);
    }
    let now = moment::now_ms();
    let mut table = Table::new(&["ROW", "KIND", "JOB", "PARKED", "REASON"]);
    for row in rows {
        let parked = moment::relative(u64::try_from(row.parked_at).unwrap_or(0), now);
        table.row([row.id.to_string(), row.kind, row.job_id, parked, row.reason]);
    }
    table.print("no row is parked")?;
    Ok(Verdict::Good)
}
