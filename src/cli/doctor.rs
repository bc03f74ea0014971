//! `crm-worker doctor`.

use rouage::startup::Severity;

use super::{Verdict, output};
use crate::app;
use crate::config::Config;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Changes nothing. Exits 1 if there is an error; warnings are risks that somebody should know.")]
pub(super) struct Args {
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<Verdict> {
    let findings = app::checkup::examine(config).await;
    if args.json {
        output::json(&findings)?;
    } else {
        for finding in &findings {
            let severity = match finding.severity {
                Severity::Ok => "ok",
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            output::line(format!(
                "{severity:<8} {:<15} {}",
                finding.name, finding.message
            ))?;
            if !finding.hint.is_empty() {
                output::line(format!("{:<24} hint: {}", "", finding.hint))?;
            }
        }
    }
    let bad = findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    Ok(if bad { Verdict::Bad } else { Verdict::Good })
}
