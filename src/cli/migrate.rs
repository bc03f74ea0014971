//! `crm-worker migrate`.

use super::{Verdict, output};
use crate::app;
use crate::config::Config;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Only schema `worker` is touched. Several processes may migrate at the same time, and migrating
twice is harmless.")]
pub(super) struct Args {
    /// List what is pending and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<Verdict> {
    let (word, steps) = if args.dry_run {
        ("pending", app::migrations(config).await?.pending)
    } else {
        ("applied", app::migrate(config).await?)
    };
    for step in &steps {
        output::line(format!("{word} {} {}", step.version, step.description))?;
    }
    if steps.is_empty() {
        output::line("schema worker is up to date")?;
    }
    Ok(Verdict::Good)
}
