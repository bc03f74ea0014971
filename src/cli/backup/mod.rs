//! `crm-worker backup`: backups are made by jobs; what is read and restored here needs none.
//!
//! `list`, `verify` and `restore` work on a bad day: without Redis, without settings, without the
//! database that was lost.

mod drill;
mod list;
mod now;
mod restore;
mod verify;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use crm_backup::{Archive, Identities, Manifest, Name, Tools};

use super::Verdict;
use crate::config::Config;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a backup now, and wait until it is verified and copied
    Now(now::Args),
    /// List the backups of a folder
    List(list::Args),
    /// Read every row of a backup back
    Verify(verify::Args),
    /// Restore a backup into a database
    Restore(restore::Args),
    /// Restore the newest backup into a scratch database, and measure it
    Drill(drill::Args),
}

impl Command {
    /// Whether it must work when nothing else does.
    pub(super) fn needs_no_settings(&self) -> bool {
        matches!(self, Self::List(_) | Self::Verify(_) | Self::Restore(_))
    }
}

/// Runs a command; `config` is missing if it cannot be read, and that is no reason to give up.
pub(super) async fn run(config: Option<&Config>, command: &Command) -> anyhow::Result<Verdict> {
    match (command, config) {
        (Command::List(args), config) => list::run(config, args),
        (Command::Verify(args), config) => verify::run(config, args),
        (Command::Restore(args), config) => restore::run(config, args).await,
        (Command::Now(args), Some(config)) => now::run(config, args).await,
        (Command::Drill(args), Some(config)) => drill::run(config, args).await,
        (Command::Now(_) | Command::Drill(_), None) => bail!("the settings cannot be read"),
    }
}

/// A backup by its file, with what opens it.
#[derive(Debug, clap::Args)]
struct Source {
    /// The dump: FOLDER/`crm_backup_…`.dump, or .dump.age; its manifest is beside it
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The file with the private key, if the dump is encrypted
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// The folder of `pg_dump` and `pg_restore` [default: the settings', else PATH]
    #[arg(long, value_name = "FOLDER")]
    pg_bin_dir: Option<PathBuf>,
}

impl Source {
    fn archive(&self) -> anyhow::Result<Archive> {
        let identities = self.key.as_deref().map(Identities::read).transpose()?;
        Archive::new(&self.file, identities)
    }

    /// What the manifest beside it says.
    fn manifest(&self) -> anyhow::Result<Manifest> {
        let file = self.file.file_name().unwrap_or_default().to_string_lossy();
        let name = Name::of_file(&file).with_context(|| {
            format!("{file:?} is not a backup's name; hint: it looks like crm_backup_20261123_020000.dump")
        })?;
        let folder = self.file.parent().unwrap_or(Path::new(""));
        Manifest::read(&name.manifest(folder)).context(
            "without its manifest nobody can say whether a dump is whole; hint: get the .manifest.json \
             from where the dump is from, or use pg_restore by hand",
        )
    }

    fn tools(&self, config: Option<&Config>) -> Tools {
        let configured = || config.and_then(|config| config.settings.backups.pg_bin_dir.clone());
        Tools::new(self.pg_bin_dir.clone().or_else(configured))
    }
}
