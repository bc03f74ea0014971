//! The command line: one file per command, thin over `app` and the engine's client.
//!
//! Standard output has what was asked for and nothing else: a table for people, or with
//! `--json` one object a line. Errors go to standard error as `error:` and `hint:` lines. The
//! exit code is 0 if all went well, 1 if not, 2 for a wrong command line, 78 for wrong settings.

mod apalis;
mod backup;
mod batches;
mod breakers;
mod celery;
mod config;
mod doctor;
mod effects;
mod enqueue;
mod failure;
mod fsck;
mod groups;
mod healthcheck;
mod help;
mod jobs;
mod limits;
mod migrate;
mod moment;
mod operations;
mod outbox;
mod output;
mod panel;
mod queues;
mod run;
mod schedule;
mod table;
mod tokens;
mod workers;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use crate::config::Config;

/// How long tasks that were left behind may take to notice the end.
const LEFTOVERS: Duration = Duration::from_millis(100);

/// Runs the CRM's background jobs, and lets you see and steer them.
#[derive(Debug, Parser)]
#[command(name = "crm-worker", version, help_template = help::TEMPLATE, after_help = help::EXAMPLES)]
struct Cli {
    /// Settings file [default: ./config/production.toml or /etc/crm-worker/config.toml, if there]
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run jobs until a signal
    Run(run::Args),
    /// Put a job in its queue
    Enqueue(enqueue::Args),
    /// List, show, retry, cancel or discard jobs
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// Show effects that may have happened, and decide them
    #[command(subcommand)]
    Effects(effects::Command),
    /// Show what waits in the outbox, and decide what is parked there
    #[command(subcommand)]
    Outbox(outbox::Command),
    /// Show what is taken in from apalis-redis, and decide what is parked there
    #[command(subcommand)]
    Apalis(apalis::Command),
    /// Show how far batches are, retry what failed of them, or cancel them
    Batches(batches::Args),
    /// Show and stop what changes many jobs
    #[command(subcommand)]
    Operations(operations::Command),
    /// Show the queues and what waits in them
    Queues(queues::Args),
    /// Show the groups of a queue, and set how many of their jobs run at once
    #[command(subcommand)]
    Groups(groups::Command),
    /// Show when jobs are due, run one now, pause or change a schedule
    #[command(subcommand)]
    Schedule(schedule::Command),
    /// Show the worker processes that are alive
    Workers(workers::Args),
    /// Show the rate limits, and set other rates
    Limits(limits::Args),
    /// Show the circuit breakers, and close them
    Breakers(breakers::Args),
    /// Show what lies in Celery's Redis, what was parked of it, and empty a queue of it
    #[command(subcommand)]
    Celery(celery::Command),
    /// Bring the schema `worker` of the database up to date
    Migrate(migrate::Args),
    /// Make, list, verify and restore backups of the database
    #[command(subcommand)]
    Backup(backup::Command),
    /// Check everything that can keep jobs from running
    Doctor(doctor::Args),
    /// Check the invariants of the stored jobs
    Fsck(fsck::Args),
    /// Make what the panel's settings need
    #[command(subcommand)]
    Panel(panel::Command),
    /// Create, list and revoke the tokens of the HTTP API
    #[command(subcommand)]
    Tokens(tokens::Command),
    /// Show the settings in effect
    #[command(subcommand)]
    Config(config::Command),
    /// Ask the worker on this machine whether it is well
    Healthcheck(healthcheck::Args),
}

/// What a command answers when nothing failed.
enum Verdict {
    /// All is well.
    Good,
    /// The answer is bad news, which standard output already told.
    Bad,
}

/// Parses the command line, obeys, and answers the exit code.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    match obey(cli) {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::FAILURE,
        Err(error) => failure::report(&error),
    }
}

fn obey(cli: Cli) -> anyhow::Result<Verdict> {
    let loaded = crate::config::load(cli.config.as_deref());
    if let Command::Backup(command) = &cli.command
        && command.needs_no_settings()
    {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("start the runtime")?;
        return runtime.block_on(backup::run(loaded.ok().as_ref(), command));
    }
    let config = loaded?;
    let runtime = runtime(&config, &cli.command).context("start the runtime")?;
    let verdict = runtime.block_on(dispatch(&config, cli.command));
    // A handler that blocks its thread must not keep the process alive.
    runtime.shutdown_timeout(LEFTOVERS);
    verdict
}

async fn dispatch(config: &Config, command: Command) -> anyhow::Result<Verdict> {
    match command {
        Command::Run(args) => run::run(config, args).await,
        Command::Enqueue(args) => enqueue::run(config, args).await,
        Command::Jobs(command) => jobs::run(config, command).await,
        Command::Effects(command) => effects::run(config, &command).await,
        Command::Outbox(command) => outbox::run(config, &command).await,
        Command::Apalis(command) => apalis::run(config, &command).await,
        Command::Batches(args) => batches::run(config, &args).await,
        Command::Operations(command) => operations::run(config, &command).await,
        Command::Queues(args) => queues::run(config, &args).await,
        Command::Groups(command) => groups::run(config, &command).await,
        Command::Schedule(command) => schedule::run(config, command).await,
        Command::Workers(args) => workers::run(config, &args).await,
        Command::Limits(args) => limits::run(config, &args).await,
        Command::Breakers(args) => breakers::run(config, &args).await,
        Command::Celery(command) => celery::run(config, command).await,
        Command::Migrate(args) => migrate::run(config, &args).await,
        Command::Backup(command) => backup::run(Some(config), &command).await,
        Command::Doctor(args) => doctor::run(config, &args).await,
        Command::Fsck(args) => fsck::run(config, &args).await,
        Command::Panel(command) => panel::run(&command),
        Command::Tokens(command) => tokens::run(config, command).await,
        Command::Config(command) => config::run(config, &command),
        Command::Healthcheck(args) => healthcheck::run(config, &args).await,
    }
}

/// Many threads for the worker, none besides this one for a question.
fn runtime(config: &Config, command: &Command) -> std::io::Result<Runtime> {
    let mut builder = match command {
        Command::Run(_) => Builder::new_multi_thread(),
        _ => Builder::new_current_thread(),
    };
    if let Some(threads) = config.settings.worker.threads {
        builder.worker_threads(threads);
    }
    builder.enable_all().build()
}
