//! `crm-worker workers`.

use super::table::Table;
use super::{Verdict, moment, output};
use crate::config::Config;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<Verdict> {
    let workers = crate::app::client(config).await?.workers().await?;
    if args.json {
        output::json(&workers)?;
        return Ok(Verdict::Good);
    }
    let mut table = Table::new(&[
        "INSTANCE", "VERSION", "STARTED", "BEAT", "RUNNING", "QUEUES",
    ]);
    for worker in &workers {
        let info = &worker.info;
        let queues: Vec<String> = info
            .queues
            .iter()
            .map(|(queue, slots)| format!("{queue}={slots}"))
            .collect();
        let beat = format!("{} ago", moment::span(worker.last_beat_ms));
        let draining = if info.draining { " (draining)" } else { "" };
        let running = format!("{}{draining}", info.running);
        let started = moment::show(info.started);
        table.row([
            info.instance.clone(),
            info.version.clone(),
            started,
            beat,
            running,
            queues.join(","),
        ]);
    }
    table.print("no worker was heard of within the last minute")?;
    Ok(Verdict::Good)
}
