//! `crm-worker batches`: how far they are, and steering them.

use std::fmt::Write;

use anyhow::anyhow;
use rouage::{BatchView, Callback, Client};

use super::table::Table;
use super::{Verdict, moment, output};
use crate::config::Config;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    /// At most this many, the newest first, up to 1000
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,

    /// One JSON object a line
    #[arg(long)]
    json: bool,

    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show how far a batch is, and which of its jobs failed
    Show {
        /// The batch
        id: String,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Cancel what waits of a batch, ask what runs to stop, and add nothing more
    Cancel {
        /// The batch
        id: String,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Run the discarded and cancelled jobs of a batch again
    RetryFailed {
        /// The batch
        id: String,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<Verdict> {
    let client = crate::app::client(config).await?;
    match &args.action {
        None => list(&client, args).await?,
        Some(Action::Show { id, json }) => show(&client, id, *json).await?,
        Some(Action::Cancel { id, json }) => cancel(&client, id, *json).await?,
        Some(Action::RetryFailed { id, json }) => retry_failed(&client, id, *json).await?,
    }
    Ok(Verdict::Good)
}

async fn list(client: &Client, args: &Args) -> anyhow::Result<()> {
    let batches = client.batches(usize::from(args.limit)).await?;
    if args.json {
        return output::json(&batches);
    }
    let now = moment::now_ms();
    let mut table = Table::new(&[
        "BATCH",
        "STATE",
        "TOTAL",
        "PENDING",
        "COMPLETED",
        "FAILED",
        "OPENED",
    ]);
    for batch in &batches {
        table.row([
            batch.id.to_string(),
            word(batch).to_owned(),
            batch.total.to_string(),
            batch.pending.to_string(),
            batch.completed.to_string(),
            batch.failed.to_string(),
            moment::relative(batch.created, now),
        ]);
    }
    table.print("no batches")
}

async fn show(client: &Client, id: &str, json: bool) -> anyhow::Result<()> {
    let batch = client.batch_view(id).await?;
    let batch = batch.ok_or_else(|| {
        anyhow!("no batch {id}; hint: batches are kept for 7 days after they finished, and for 30 days at most")
    })?;
    if json {
        return output::json(&[batch]);
    }
    output::text(&page(&batch))
}

async fn cancel(client: &Client, id: &str, json: bool) -> anyhow::Result<()> {
    let done = client.cancel_batch(id).await?;
    if json {
        return output::json(&[done]);
    }
    let (cancelled, asked) = (done.cancelled, done.asked);
    output::line(format!(
        "batch {id} is cancelled: {cancelled} jobs that waited are cancelled, {asked} that run were asked to stop"
    ))
}

async fn retry_failed(client: &Client, id: &str, json: bool) -> anyhow::Result<()> {
    let done = client.retry_failed(id).await?;
    if json {
        return output::json(&[done]);
    }
    let (retried, left) = (done.retried, done.left);
    output::line(format!(
        "batch {id}: {retried} jobs are available again, {left} could not be retried"
    ))
}

/// Where a batch is in its life, in one word.
fn word(batch: &BatchView) -> &'static str {
    match (batch.finished, batch.cancelled, batch.sealed) {
        (Some(_), _, _) => "finished",
        (None, Some(_), _) => "cancelled",
        (None, None, Some(_)) => "sealed",
        (None, None, None) => "open",
    }
}

fn page(batch: &BatchView) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name:<11} {value}");
    };
    line("batch", batch.id.as_str());
    line("state", word(batch));
    line(
        "jobs",
        &format!(
            "{} of {} completed, {} pending, {} failed",
            batch.completed, batch.total, batch.pending, batch.failed
        ),
    );
    if !batch.tags.is_empty() {
        line("tags", &batch.tags.join(", "));
    }
    line("opened", &moment::show(batch.created));
    for (name, at) in [
        ("sealed", batch.sealed),
        ("cancelled", batch.cancelled),
        ("finished", batch.finished),
    ] {
        if let Some(at) = at {
            line(name, &moment::show(at));
        }
    }
    for (name, callback) in [
        ("on success", &batch.on_success),
        ("on complete", &batch.on_complete),
    ] {
        if let Some(callback) = callback {
            line(name, &at_the_end(callback));
        }
    }
    for failure in &batch.failures {
        let member = &failure.member;
        let (id, queue, state) = (&member.id, &member.queue, failure.state);
        line("failed", &format!("{id} in {queue}, {state}"));
    }
    if batch.failed > batch.failures.len() as u64 {
        line(
            "",
            &format!("and {} more", batch.failed - batch.failures.len() as u64),
        );
    }
    if batch.failed > 0 {
        let id = &batch.id;
        line(
            "hint",
            &format!("crm-worker batches retry-failed {id} runs them again"),
        );
    }
    text
}

fn at_the_end(callback: &Callback) -> String {
    let (kind, id) = (&callback.kind, &callback.id);
    match callback.enqueued {
        Some(at) => format!("{kind}, enqueued {} as {id}", moment::show(at)),
        None => format!("{kind}, not yet"),
    }
}
