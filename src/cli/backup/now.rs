//! `backup now`: begins a run and follows it to its end.

use std::time::Duration;

use anyhow::{Context, bail};
use rouage::Enqueued;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::super::enqueue::warn_if_unserved;
use super::super::{Verdict, failure, moment, output};
use crate::app;
use crate::config::Config;
use crate::store::backups::{self, Run};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The worker that serves queue backups makes it. Exits 0 when the backup is dumped, verified, copied
to every place and old ones are removed; 1 if a step failed for good or it takes too long, and then
it goes on.")]
pub(in crate::cli) struct Args {
    /// Believe a dump that is less than half as large as the latest ones
    #[arg(long)]
    accept_size: bool,

    /// Do not wait
    #[arg(long)]
    no_wait: bool,

    /// How long to wait
    #[arg(long, value_name = "DURATION", value_parser = moment::duration, default_value = "2h")]
    timeout: Duration,
}

pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<Verdict> {
    let payload = json!({ "accept_size": args.accept_size }).to_string();
    let job = app::new_job("backups.dump_database", &payload)?;
    let queue = job.queue.clone();
    let client = app::client(config).await?;
    let enqueued = client.enqueue_all(vec![job]).await?;
    let Some(Enqueued { id, stored }) = enqueued.into_iter().next() else {
        bail!("redis gave no answer for the job");
    };
    if !stored {
        failure::hint(&format!("a backup is under way already: job {id}"));
    }
    warn_if_unserved(&client, &queue).await?;
    if args.no_wait {
        output::line(&id)?;
        return Ok(Verdict::Good);
    }
    let records = app::backups::records(config)?;
    let started = Instant::now();
    while started.elapsed() < args.timeout {
        match backups::run(&records, id.as_str()).await? {
            Some(run) if run.done => return tell(&run),
            Some(Run {
                failed_step: Some(step),
                error,
                name,
                ..
            }) => {
                let why = error.unwrap_or_default();
                bail!(
                    "backup {name}: {step} failed: {why}; hint: crm-worker jobs list --state discarded"
                );
            }
            _ => sleep(PAUSE).await,
        }
    }
    Err(anyhow::anyhow!(
        "not done within {:?}; it goes on",
        args.timeout
    ))
    .context("wait for the backup; hint: crm-worker jobs list --queue backups")
}

fn tell(run: &Run) -> anyhow::Result<Verdict> {
    let bytes = run.byte_count.unwrap_or(0);
    let rows = run.row_count.unwrap_or(0);
    output::line(format!(
        "{}: {bytes} bytes, {rows} rows read back",
        run.name
    ))?;
    for place in &run.places {
        output::line(format!("copied to {place}"))?;
    }
    Ok(Verdict::Good)
}
