//! `crm-worker fsck`.

use super::{Verdict, output};
use crate::config::Config;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads every job's index entries and changes nothing; it can run beside workers. Exits 1 if an
invariant is violated.")]
pub(super) struct Args {
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<Verdict> {
    let report = crate::app::client(config).await?.fsck().await?;
    let verdict = if report.is_clean() {
        Verdict::Good
    } else {
        Verdict::Bad
    };
    if args.json {
        output::json(&[report])?;
        return Ok(verdict);
    }
    for violation in &report.violations {
        let queue = if violation.queue.is_empty() {
            "-"
        } else {
            violation.queue.as_str()
        };
        output::line(format!(
            "{} {queue} {}",
            violation.invariant, violation.message
        ))?;
    }
    let found = report.violations.len() as u64 + report.more;
    let summary = if found == 0 {
        "all invariants hold".to_owned()
    } else {
        format!("{found} violations")
    };
    output::line(format!(
        "{} jobs in {} queues: {summary}",
        report.jobs, report.queues
    ))?;
    Ok(verdict)
}
