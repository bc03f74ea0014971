//! `backup verify`: is this file what its manifest says, to the last row?

use crm_backup::{Leash, verify};

use super::super::{Verdict, output};
use super::Source;
use crate::config::Config;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Needs the file, the manifest beside it, pg_restore, and the private key if the file is encrypted:
no Redis, no settings, no database. Exits 1 if anything is wrong with it.

Examples:
  crm-worker backup verify /var/lib/crm-worker/backups/crm_backup_20261123_020000.dump
  crm-worker backup verify crm_backup_20261123_020000.dump.age --key key.txt")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    source: Source,
}

pub(super) fn run(config: Option<&Config>, args: &Args) -> anyhow::Result<Verdict> {
    let manifest = args.source.manifest()?;
    let archive = args.source.archive()?;
    let tools = args.source.tools(config);
    let contents = verify(&tools, &archive, &manifest, &Leash::default())?;
    output::line(format!(
        "{} is whole: {} tables, {} rows, taken {} from database {}",
        manifest.name,
        contents.tables.len(),
        contents.total(),
        manifest.taken_at.format("%Y-%m-%d %H:%M:%S UTC"),
        manifest.database,
    ))?;
    Ok(Verdict::Good)
}
