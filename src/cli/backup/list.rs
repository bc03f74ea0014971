//! `backup list`: the manifests of a folder.

use std::path::PathBuf;

use anyhow::Context;
use crm_backup::{Manifest, manifests};

use super::super::table::Table;
use super::super::{Verdict, failure, output};
use crate::config::Config;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The folder [default: the settings' backups.dir]
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,

    /// One manifest a line, as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: Option<&Config>, args: &Args) -> anyhow::Result<Verdict> {
    let configured = || config.map(|config| config.settings.backups.dir.clone());
    let folder = args.dir.clone().or_else(configured);
    let folder =
        folder.context("the settings cannot be read; hint: name the folder: --dir FOLDER")?;
    let (found, unreadable) = manifests(&folder)?;
    for file in unreadable {
        failure::hint(&format!("{file} cannot be read"));
    }
    if args.json {
        output::json(&found)?;
        return Ok(Verdict::Good);
    }
    let mut table = Table::new(&["NAME", "TAKEN (UTC)", "BYTES", "VERIFIED", "ROWS", "COPIES"]);
    for manifest in &found {
        table.row(cells(manifest));
    }
    table.print("there is no backup")?;
    Ok(Verdict::Good)
}

fn cells(manifest: &Manifest) -> [String; 6] {
    let verified = manifest.verified.as_ref();
    let places: Vec<&str> = manifest
        .copies
        .iter()
        .map(|copy| copy.place.as_str())
        .collect();
    [
        manifest.name.to_string(),
        manifest.taken_at.format("%Y-%m-%d %H:%M:%S").to_string(),
        manifest.dump.bytes.to_string(),
        if verified.is_some() { "yes" } else { "no" }.to_owned(),
        verified.map_or_else(|| "-".to_owned(), |verified| verified.rows.to_string()),
        if places.is_empty() {
            "-".to_owned()
        } else {
            places.join(",")
        },
    ]
}
