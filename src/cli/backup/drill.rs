//! `backup drill`: proves that the newest backup comes back.

use std::time::Duration;

use anyhow::bail;
use rouage::{Enqueued, State};

use super::super::enqueue::warn_if_unserved;
use super::super::{Verdict, moment, output};
use crate::app;
use crate::config::Config;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The worker that serves queue backups does it, into a database that it creates and drops. Its role needs
the right to create databases.")]
pub(in crate::cli) struct Args {
    /// How long to wait
    #[arg(long, value_name = "DURATION", value_parser = moment::duration, default_value = "4h")]
    timeout: Duration,
}

pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<Verdict> {
    let job = app::new_job("backups.restore_drill", "{}")?;
    let queue = job.queue.clone();
    let client = app::client(config).await?;
    let enqueued = client.enqueue_all(vec![job]).await?;
    let Some(Enqueued { id, .. }) = enqueued.into_iter().next() else {
        bail!("redis gave no answer for the job");
    };
    warn_if_unserved(&client, &queue).await?;
    let ended = client.wait_in(&queue, &id, args.timeout).await?;
    if ended.state != State::Completed {
        bail!(
            "the drill is {}: {}; hint: crm-worker jobs show {id}",
            ended.state,
            ended.last_message()
        );
    }
    let result = ended.result.unwrap_or_default();
    let seconds = result["took_ms"].as_f64().unwrap_or(0.0) / 1000.0;
    let name = result["name"].as_str().unwrap_or_default();
    output::line(format!("{name} came back in {seconds:.1} s"))?;
    Ok(Verdict::Good)
}
