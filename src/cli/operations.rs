//! `crm-worker operations`: what changes many jobs, how far it is, and stopping it.
//!
//! An operation is a job in the queue `operations`; these commands show it in its own words.

use std::collections::BTreeMap;

use anyhow::anyhow;
use rouage::inspect::JobView;
use rouage::{Cancelled, Client, Job, JobId, Operation, State, Tally};
use serde_json::json;

use super::table::Table;
use super::{Verdict, moment, output};
use crate::config::Config;

/// Most operations of each state in the list.
const LISTED: usize = 50;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the operations that wait, run or are over
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show what an operation is to do, and what it has done
    Show {
        /// The operation's id
        id: JobId,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Undo an operation that has not started, stop one that runs
    Cancel {
        /// The operation's id
        id: JobId,
    },
}

pub(super) async fn run(config: &Config, command: &Command) -> anyhow::Result<Verdict> {
    let client = crate::app::client(config).await?;
    match command {
        Command::List { json } => list(&client, *json).await?,
        Command::Show { id, json } => show(&find(&client, id).await?, *json)?,
        Command::Cancel { id } => cancel(&client, id).await?,
    }
    Ok(Verdict::Good)
}

async fn list(client: &Client, json: bool) -> anyhow::Result<()> {
    let mut jobs = Vec::new();
    for state in State::ALL {
        jobs.extend(client.list(Operation::QUEUE, state, 0, LISTED).await?);
    }
    if json {
        let objects: Vec<_> = jobs.iter().map(object).collect();
        return output::json(&objects);
    }
    let now = moment::now_ms();
    let mut table = Table::new(&["ID", "ACTION", "STATE", "SINCE", "DONE", "BY", "FILTER"]);
    for job in &jobs {
        let operation = operation(job);
        let text = |part: fn(&Operation) -> &str| operation.as_ref().map_or("?", part).to_owned();
        table.row([
            job.id.to_string(),
            text(|operation| operation.action.name()),
            job.state.to_string(),
            moment::relative(job.since, now),
            how_far(job),
            text(|operation| &operation.by),
            text(|operation| &operation.filter),
        ]);
    }
    table.print("no operations")
}

fn show(job: &JobView, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&[object(job)]);
    }
    let mut lines = vec![
        ("id", job.id.to_string()),
        (
            "state",
            format!("{} since {}", job.state, moment::show(job.since)),
        ),
        ("met", how_far(job)),
    ];
    if let Some(operation) = operation(job) {
        lines.push(("action", operation.action.to_string()));
        lines.push(("filter", operation.filter));
        lines.push(("by", operation.by));
        lines.push(("asked", moment::show(operation.at)));
    }
    if let Some(tally) = tally(job) {
        lines.push(("done", tally.done.to_string()));
        lines.push(("skipped", reasons(&tally.skipped)));
        lines.push(("failed", reasons(&tally.failed)));
    }
    if let Some(error) = job.errors.last() {
        lines.push(("error", error.message.replace('\n', " ")));
    }
    let lines = lines
        .iter()
        .map(|(name, value)| format!("{name:<10} {value}\n"));
    output::text(&lines.collect::<String>())
}

async fn cancel(client: &Client, id: &JobId) -> anyhow::Result<()> {
    find(client, id).await?;
    output::line(match client.cancel(Operation::QUEUE, id).await? {
        Cancelled::Now => format!("{id} is undone: no job was changed by it since it last waited"),
        Cancelled::Asked => {
            format!("{id} runs, it was asked to stop; what it changed stays changed")
        }
        Cancelled::AlreadyOver => format!("{id} was over already"),
    })
}

async fn find(client: &Client, id: &JobId) -> anyhow::Result<JobView> {
    let found = client.job(Operation::QUEUE, id).await?;
    found.ok_or_else(|| anyhow!("no operation {id}; hint: crm-worker operations list"))
}

fn object(job: &JobView) -> serde_json::Value {
    json!({
        "id": job.id,
        "state": job.state,
        "since": job.since,
        "operation": operation(job),
        "progress": job.progress,
        "tally": tally(job),
    })
}

fn operation(job: &JobView) -> Option<Operation> {
    serde_json::from_value(job.payload.clone()?).ok()
}

/// What it has done: its output, or while it runs what its checkpoint says.
fn tally(job: &JobView) -> Option<Tally> {
    let checkpoint = || job.checkpoint.as_ref().map(|left| left["tally"].clone());
    let told = job.result.clone().or_else(checkpoint)?;
    serde_json::from_value(told).ok()
}

/// `4000 of 20000`.
fn how_far(job: &JobView) -> String {
    let number = |name: &str| {
        job.progress
            .as_ref()
            .and_then(|progress| progress[name].as_u64())
    };
    match (number("done"), number("total")) {
        (Some(done), Some(total)) => format!("{done} of {total}"),
        (Some(done), None) => done.to_string(),
        _ => "-".to_owned(),
    }
}

fn reasons(counts: &BTreeMap<String, u64>) -> String {
    let each: Vec<String> = counts
        .iter()
        .map(|(why, jobs)| format!("{jobs} {why}"))
        .collect();
    if each.is_empty() {
        "0".to_owned()
    } else {
        each.join(", ")
    }
}
