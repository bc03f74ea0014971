//! `crm-worker jobs show`: all that is known about one job.

use std::fmt::Write;

use anyhow::Context;
use rouage::inspect::{JobLog, JobView, Waiting};
use rouage::{Client, JobId};
use serde_json::{Value, json};

use super::logs::sentence;
use super::remedy::remedy;
use crate::cli::{Verdict, moment, output};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The job's id
    id: JobId,

    /// Show the payload too, which may be personal data
    #[arg(long)]
    payload: bool,

    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(client: &Client, args: &Args) -> anyhow::Result<Verdict> {
    let mut job = super::find(client, &args.id).await?;
    if args.payload {
        job.payload = client.payload(&job).await.context("load the payload")?;
    }
    let waiting = client.why(&job.queue, &args.id).await?;
    let log = client.log(&job.queue, &args.id).await?;
    if args.json {
        let mut object = object(&job, &waiting, args.payload)?;
        object["log"] = json!(log);
        output::json(&[object])?;
    } else {
        output::text(&page(&job, &waiting, args.payload))?;
        output::text(&lines(&log))?;
    }
    Ok(Verdict::Good)
}

fn object(job: &JobView, waiting: &Waiting, payload: bool) -> anyhow::Result<Value> {
    let mut object = serde_json::to_value(job).context("write as JSON")?;
    object["waiting"] = json!(waiting);
    if payload {
        object["payload"] = job.payload.clone().unwrap_or_default();
    }
    Ok(object)
}

fn page(job: &JobView, waiting: &Waiting, payload: bool) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name:<10} {value}");
    };
    line("id", job.id.as_str());
    line("kind", &job.kind);
    line(
        "queue",
        &format!("{}, priority {}", job.queue, job.priority),
    );
    line(
        "state",
        &format!("{} since {}", job.state, moment::show(job.since)),
    );
    line("now", &waiting.sentence);
    if let Some(command) = remedy(waiting.code, job) {
        line("hint", &command);
    }
    line("enqueued", &moment::show(job.enqueued_at));
    let lost = if job.lost == 0 {
        String::new()
    } else {
        format!(", {} leases lost", job.lost)
    };
    line("attempts", &format!("{}{lost}", job.attempt));
    if job.started > 0 {
        line(
            "started",
            &format!("{} on {}", moment::show(job.started), job.worker),
        );
        line("finished", &moment::show(job.finished));
    }
    if !job.reason.is_empty() {
        line("reason", &job.reason);
    }
    if !job.tags.is_empty() {
        line("tags", &job.tags.join(", "));
    }
    if let Some(key) = &job.unique {
        line("unique", key);
    }
    if let Some(batch) = &job.lineage.batch {
        line("batch", batch.as_str());
    }
    if let Some(before) = &job.lineage.follows {
        line("follows", before.as_str());
    }
    if !job.lineage.then.is_empty() {
        line("then", &job.lineage.then.join(", "));
    }
    if let Some(at) = job.expires_at {
        line(
            "expires",
            &format!("{}, unless it was started", moment::show(at)),
        );
    }
    if let Some(old) = &job.replay_of {
        line("replay of", old.as_str());
    }
    if !job.replayed_as.is_empty() {
        let ids: Vec<&str> = job.replayed_as.iter().map(JobId::as_str).collect();
        line("replayed", &ids.join(", "));
    }
    if job.dry_run {
        line("dry run", "yes");
    }
    if let Some(progress) = &job.progress {
        line("progress", &how_far(progress));
    }
    if let Some(result) = &job.result {
        line("output", &result.to_string());
    }
    for error in &job.errors {
        let message = error.message.replace('\n', " ");
        line(
            "error",
            &format!(
                "attempt {}, {}, {}: {message}",
                error.attempt,
                moment::show(error.at),
                error.kind
            ),
        );
    }
    let bytes = job.payload_bytes;
    match (&job.payload, payload) {
        (None, false) if job.offloaded.is_some() => line(
            "payload",
            &format!("{bytes} bytes in the database, shown with --payload"),
        ),
        (None, _) => line("payload", "unreadable"),
        (Some(payload), true) => line("payload", &payload.to_string()),
        (Some(_), false) => line("payload", &format!("{bytes} bytes, shown with --payload")),
    }
    text
}

/// The log, each line under the others.
fn lines(log: &JobLog) -> String {
    let mut text = String::new();
    if log.dropped > 0 {
        let _ = writeln!(
            text,
            "{:<10} {} earlier lines are not kept",
            "log", log.dropped
        );
    }
    for line in &log.lines {
        let _ = writeln!(text, "{:<10} {}", "log", sentence(line));
    }
    text
}

/// `4000 of 20000 ms slept`.
fn how_far(progress: &Value) -> String {
    let total = progress["total"]
        .as_u64()
        .map(|total| format!(" of {total}"));
    let text = progress["text"].as_str().unwrap_or_default();
    let done = &progress["done"];
    format!("{done}{} {text}", total.unwrap_or_default())
        .trim_end()
        .to_owned()
}
