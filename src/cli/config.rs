//! `crm-worker config`.

use super::table::Table;
use super::{Verdict, output};
use crate::config::Config;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Every setting with its value and where it comes from; secrets are masked
    Show(Args),
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: &Config, command: &Command) -> anyhow::Result<Verdict> {
    let Command::Show(args) = command;
    let shown = config.show();
    if args.json {
        output::json(&shown)?;
    } else {
        let mut table = Table::new(&["KEY", "VALUE", "SOURCE"]);
        for line in shown {
            table.row([line.key, line.value.to_string(), line.source]);
        }
        table.print("no settings")?;
    }
    Ok(Verdict::Good)
}
