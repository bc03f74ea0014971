//! `crm-worker enqueue`: one job, checked before it is stored, waited for if wanted.

use std::io::Read;
use std::time::Duration;

use anyhow::{Context, bail};
use rouage::inspect::JobView;
use rouage::{Client, Enqueued, JobId, Priority, RunAt, State, Unique};
use serde::Serialize;

use super::{Verdict, failure, moment, output};
use crate::app;
use crate::config::Config;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Prints the job's id, or with --wait the job's output as JSON and exits 1 unless it completed.

Examples:
  crm-worker enqueue debug.echo --json '{\"value\":1}' --wait
  crm-worker enqueue exports.export_records --json @request.json --in 10m
  jq -c . request.json | crm-worker enqueue exports.export_records --json - --priority 0")]
pub(super) struct Args {
    /// The kind, such as `exports.export_records`
    kind: String,

    /// The payload: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON|@FILE|-")]
    json: String,

    /// Not before this time, such as 2026-11-23T09:30:00+01:00
    #[arg(long, value_name = "TIME", value_parser = moment::instant, conflicts_with = "in")]
    at: Option<u64>,

    /// Not before this much time has passed, such as 10m
    #[arg(long, value_name = "DURATION", value_parser = moment::duration)]
    r#in: Option<Duration>,

    /// 0 runs first, 9 last [default: the kind's]
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=9))]
    priority: Option<u8>,

    /// Your own id: enqueueing it twice is one job
    #[arg(long)]
    id: Option<JobId>,

    /// What it belongs to, such as campaign:12; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,

    /// No second job with this key while one lives [default: the kind's own key, if it has one]
    #[arg(long, value_name = "KEY")]
    unique: Option<String>,

    /// Cancel it unless it was started by this time
    #[arg(long, value_name = "TIME", value_parser = moment::instant)]
    expires: Option<u64>,

    /// Ask the job to do everything but the effect
    #[arg(long)]
    dry_run: bool,

    /// Wait until the job is over
    #[arg(long)]
    wait: bool,

    /// How long to wait
    #[arg(long, value_name = "DURATION", value_parser = moment::duration, default_value = "60s", requires = "wait")]
    timeout: Duration,
}

/// How a waited-for job ended, on one line.
#[derive(Serialize)]
struct Ended<'j> {
    id: &'j JobId,
    state: State,
    output: &'j Option<serde_json::Value>,
}

pub(super) async fn run(config: &Config, args: Args) -> anyhow::Result<Verdict> {
    let mut job = app::new_job(&args.kind, &payload(&args.json)?)?;
    if let Some(id) = args.id {
        job.id = id;
    }
    if let Some(priority) = args.priority.and_then(Priority::new) {
        job.envelope.priority = priority;
    }
    job.run_at = match (args.at, args.r#in) {
        (Some(at), _) => RunAt::At(at),
        (None, Some(delay)) => RunAt::After(delay),
        (None, None) => RunAt::Now,
    };
    job.envelope.tags = args.tags;
    job.envelope.expires_at = args.expires;
    job.envelope.dry_run = args.dry_run;
    if let Some(key) = args.unique {
        job.unique = Some(Unique::while_live(key));
    }
    let queue = job.queue.clone();
    let client = app::client(config).await?;
    let enqueued = client.enqueue_all(vec![job]).await?;
    let Some(Enqueued { id, stored }) = enqueued.into_iter().next() else {
        bail!("redis gave no answer for the job");
    };
    if !stored {
        failure::hint(&format!("job {id} was there already; nothing was stored"));
    }
    warn_if_unserved(&client, &queue).await?;
    if !args.wait {
        output::line(&id)?;
        return Ok(Verdict::Good);
    }
    let ended = client.wait_in(&queue, &id, args.timeout).await?;
    tell(&ended)
}

fn tell(job: &JobView) -> anyhow::Result<Verdict> {
    if job.state != State::Completed {
        bail!(
            "job {} is {}: {}; hint: crm-worker jobs show {}",
            job.id,
            job.state,
            job.last_message(),
            job.id
        );
    }
    let JobView {
        id, state, result, ..
    } = job;
    output::json(&[Ended {
        id,
        state: *state,
        output: result,
    }])?;
    Ok(Verdict::Good)
}

pub(super) async fn warn_if_unserved(client: &Client, queue: &str) -> anyhow::Result<()> {
    let workers = client.workers().await?;
    if !workers
        .iter()
        .any(|worker| worker.info.queues.iter().any(|(name, _)| name == queue))
    {
        failure::hint(&format!(
            "no worker serves queue {queue} now; the job waits for one"
        ));
    }
    Ok(())
}

/// What `--json` means: the text itself, a file's, or standard input's.
pub(super) fn payload(given: &str) -> anyhow::Result<String> {
    match given.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("read {path}")),
        None if given == "-" => {
            let mut text = String::new();
            std::io::stdin()
                .lock()
                .read_to_string(&mut text)
                .context("read standard input")?;
            Ok(text)
        }
        None => Ok(given.to_owned()),
    }
}
