//! `crm-worker fsck`.

use rouage::fsck::Report;

use super::{Verdict, output};
use crate::config::Config;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads every job's index entries and changes nothing; it can run beside workers. Exits 1 if an
invariant is violated. With --repair it takes back what can be taken back without guessing, says
each thing it does, and exits 1 if something is left; a job whose place is not certain is held with
reason fsck, so that nothing runs twice by a guess.")]
pub(super) struct Args {
    /// One JSON object
    #[arg(long)]
    json: bool,
    /// Take back what can be taken back without guessing
    #[arg(long)]
    repair: bool,
}

pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<Verdict> {
    let client = crate::app::client(config).await?;
    let report = if args.repair {
        repair(&client, args.json).await?
    } else {
        client.fsck().await?
    };
    let verdict = if report.is_clean() {
        Verdict::Good
    } else {
        Verdict::Bad
    };
    if args.json {
        output::json(&[report])?;
    } else {
        print(&report)?;
    }
    Ok(verdict)
}

/// Repairs, and says so line by line unless the answer is to be one JSON object.
async fn repair(client: &rouage::Client, quiet: bool) -> anyhow::Result<Report> {
    let mut said = Ok(());
    let report = client
        .repair(|repair| {
            if !quiet && said.is_ok() {
                said = output::line(format!(
                    "{} {} {}: {}",
                    repair.invariant, repair.queue, repair.message, repair.done
                ));
            }
        })
        .await?;
    said?;
    Ok(report)
}

fn print(report: &Report) -> anyhow::Result<()> {
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
    Ok(())
}
