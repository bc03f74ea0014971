//! `backup restore`: a database from a file, with nothing but this program, `pg_restore` and the key.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail};
use crm_backup::{Archive, Leash, Manifest, Server, occupants, restore, verify};

use super::super::{Verdict, failure, output};
use super::Source;
use crate::config::Config;
use crate::store::pool;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The file is compared with its manifest and read to its last row first. Then everything is restored in
one transaction: it is all there at the end, or nothing was changed.

The server is that of --url-file, else of the settings or DATABASE_URL, else of PGHOST, PGPORT, PGUSER
and PGPASSWORD. The database is always the one of --to, which must exist and be empty.

Exits 0 when everything is there, 1 if not, and then the target is as it was.

Examples:
  createdb crm_restored
  crm-worker backup restore crm_backup_20261123_020000.dump --to crm_restored
  crm-worker backup restore crm_backup_20261123_020000.dump.age --key key.txt --to crm_restored")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    source: Source,

    /// The database to restore into
    #[arg(long, value_name = "DATABASE")]
    to: String,

    /// A file with the address of the server, such as `postgresql://user:password@host/any`
    #[arg(long, value_name = "FILE")]
    url_file: Option<PathBuf>,

    /// Replace what the backup brings in a database that has tables already
    #[arg(long)]
    into_non_empty: bool,

    /// Say what would be done, check the file, and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(config: Option<&Config>, args: &Args) -> anyhow::Result<Verdict> {
    let manifest = args.source.manifest()?;
    let archive = args.source.archive()?;
    let tools = args.source.tools(config);
    let server = target(config, args)?;
    say(&manifest, &args.to)?;
    check_target(&server, args).await?;
    output::line("1/2 comparing the file with its manifest and reading every row")?;
    let contents = verify(&tools, &archive, &manifest, &Leash::default())?;
    output::line(format!(
        "    whole: {} tables, {} rows",
        contents.tables.len(),
        contents.total()
    ))?;
    if args.dry_run {
        output::line("nothing was changed")?;
        return Ok(Verdict::Good);
    }
    output::line(format!("2/2 restoring into {}", args.to))?;
    let started = Instant::now();
    let restoring = tokio::task::spawn_blocking({
        let (server, replace) = (server.clone(), args.into_non_empty);
        let archive: Archive = archive.clone();
        move || restore(&tools, &server, &archive, replace, &Leash::default())
    });
    restoring.await.context("restore")??;
    output::line(format!(
        "    done in {:.1} s: database {} is as it was on {}",
        started.elapsed().as_secs_f64(),
        args.to,
        manifest.taken_at.format("%Y-%m-%d at %H:%M:%S UTC"),
    ))?;
    failure::hint(&format!(
        "the CRM needs the keys it had then: {}; point DATABASE_URL to {} and run: crm-worker doctor",
        manifest.needs_keys.join(", "),
        args.to
    ));
    Ok(Verdict::Good)
}

fn target(config: Option<&Config>, args: &Args) -> anyhow::Result<Server> {
    let configured = config.and_then(|config| config.settings.database.url.as_ref());
    let options = match (&args.url_file, configured) {
        (Some(file), _) => pool::options(&crate::config::url_from_file(file)?)?,
        (None, Some(url)) => pool::options(url)?,
        (None, None) => pool::from_environment(),
    };
    Ok(Server::new(options).with_database(&args.to))
}

fn say(manifest: &Manifest, to: &str) -> anyhow::Result<()> {
    let head = manifest.alembic_head.as_deref().unwrap_or("unknown");
    output::line(format!(
        "{}: database {}, taken {}, PostgreSQL {}, schema {head}, {} bytes\ninto database {to}",
        manifest.name,
        manifest.database,
        manifest.taken_at.format("%Y-%m-%d %H:%M:%S UTC"),
        manifest.server_version,
        manifest.dump.bytes,
    ))
}

async fn check_target(server: &Server, args: &Args) -> anyhow::Result<()> {
    let to = &args.to;
    let (named, count) = occupants(server)
        .await
        .with_context(|| format!("look at the target; hint: create it first: createdb {to}"))?;
    if count == 0 {
        return Ok(());
    }
    if !args.into_non_empty {
        bail!(
            "database {to} is not empty: {count} tables, views and sequences ({}, …); hint: restore into a new \
             database, or say --into-non-empty to replace what the backup brings",
            named.join(", ")
        );
    }
    output::line(format!(
        "{to} has {count} tables, views and sequences: those of the backup are replaced, others stay"
    ))
}
