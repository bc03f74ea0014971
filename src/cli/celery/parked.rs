//! `crm-worker celery parked`: the messages that became no job.

use std::io::Write;

use anyhow::{anyhow, bail};
use rouage::ingress::celery::{CeleryIngress, Parked};
use serde_json::json;

use super::super::table::Table;
use super::super::{Verdict, moment, output};
use super::printable;

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// List them, newest first
    List {
        /// Most messages
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        /// One JSON object a line, without the messages themselves
        #[arg(long)]
        json: bool,
    },
    /// Show one; --raw writes the message as it came
    Show {
        /// Its id
        id: String,
        /// The message itself, which may hold personal data
        #[arg(long)]
        raw: bool,
        /// One JSON object
        #[arg(long, conflicts_with = "raw")]
        json: bool,
    },
    /// Put one back into its queue
    Retry {
        /// Its id
        id: String,
    },
    /// Throw one away
    Discard {
        /// Its id
        id: String,
    },
}

pub(super) async fn run(ingress: &CeleryIngress, command: Command) -> anyhow::Result<Verdict> {
    let parking = ingress.parking();
    match command {
        Command::List { limit, json } => list(&parking.list(limit.into()).await?, json)?,
        Command::Show { id, raw, json } => {
            let parked = find(ingress, &id).await?;
            if raw {
                std::io::stdout().lock().write_all(&parked.kept())?;
            } else if json {
                output::json(&[object(&parked)])?;
            } else {
                show(&parked)?;
            }
        }
        Command::Retry { id } => {
            let parked = find(ingress, &id).await?;
            if !ingress.retry(&parked).await? {
                bail!(
                    "only a part of message {id} was kept, it cannot be put back; hint: let its sender send it again"
                );
            }
            output::line(format!("{id} is in queue {} again", parked.queue))?;
        }
        Command::Discard { id } => {
            if !parking.discard(&id).await? {
                return Err(unknown(&id));
            }
            output::line(format!("{id} is gone"))?;
        }
    }
    Ok(Verdict::Good)
}

async fn find(ingress: &CeleryIngress, id: &str) -> anyhow::Result<Parked> {
    let found = ingress.parking().get(id).await?;
    found.ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> anyhow::Error {
    anyhow!("no parked message {id:?}; hint: crm-worker celery parked list")
}

fn list(parked: &[Parked], json: bool) -> anyhow::Result<()> {
    if json {
        let objects: Vec<_> = parked.iter().map(object).collect();
        return output::json(&objects);
    }
    let now = moment::now_ms();
    let mut table = Table::new(&[
        "ID", "PARKED", "QUEUE", "REASON", "TASK", "TASK ID", "BYTES",
    ]);
    for message in parked {
        table.row([
            message.id.clone(),
            moment::relative(message.at, now),
            printable(Some(&message.queue)),
            message.reason.clone(),
            printable(message.task.as_deref()),
            printable(message.task_id.as_deref()),
            message.bytes.to_string(),
        ]);
    }
    table.print("nothing is parked")
}

fn show(parked: &Parked) -> anyhow::Result<()> {
    let whole = if parked.whole().is_some() {
        "whole"
    } else {
        "in part"
    };
    let lines = [
        ("id", parked.id.clone()),
        ("parked", moment::show(parked.at)),
        ("queue", printable(Some(&parked.queue))),
        ("reason", parked.reason.clone()),
        ("why", parked.message.clone()),
        ("task", printable(parked.task.as_deref())),
        ("task id", printable(parked.task_id.as_deref())),
        ("bytes", format!("{}, kept {whole}", parked.bytes)),
    ];
    let lines = lines
        .iter()
        .map(|(name, value)| format!("{name:<10} {value}\n"));
    output::text(&lines.collect::<String>())
}

/// Without the message: it may hold personal data.
fn object(parked: &Parked) -> serde_json::Value {
    json!({
        "id": parked.id,
        "at": parked.at,
        "queue": parked.queue,
        "reason": parked.reason,
        "message": parked.message,
        "task": parked.task,
        "task_id": parked.task_id,
        "bytes": parked.bytes,
        "whole": parked.whole().is_some(),
    })
}
