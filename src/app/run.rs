//! The process: check everything, then run until a signal.
//!
//! In this order: signals are taken over; the port is opened; Redis is connected and judged;
//! the database is connected and its migrations compared; each family's tables and folders are
//! checked; then the worker and the other roles start, and last the probes answer, so that nothing
//! is ready before it works. A signal during the start ends it. What would make jobs fail one by one is refused
//! here, once.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use crm_jobs::{Services, SystemClock};
use rouage::startup::Severity;
use rouage::{Client, Registry, Shutdown, Worker, WorkerOptions};
use tokio::task::JoinSet;

use super::housekeeping::Housekeeping;
use super::judge;
use super::observe::Observed;
use super::queues;
pub(crate) use super::queues::Named;
use super::roles::{self, Duty, Ground, Role, Roles};
use super::signals::Signals;
use crate::adapters::certificates::Certificates;
use crate::config::{Config, Invalid};
use crate::store::effects::Effects;
use crate::store::job_runs::JobRuns;
use crate::store::pool::{self, Limits, Pool};
use crate::telemetry::probes::Probes;
use crate::telemetry::recorder;

/// How long the other roles, which drain beside the jobs, may still take to end once those are over.
const ROLES_END: Duration = Duration::from_secs(5);
/// How long the pool may take to close.
const GOODBYE: Duration = Duration::from_millis(500);

/// What the command line decides.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// What this process does.
    pub(crate) roles: Roles,
    /// Only these queues.
    pub(crate) queues: Vec<Named>,
    /// Findings about Redis that do not keep the worker from starting.
    pub(crate) allow: Vec<String>,
    /// Whether pending migrations are applied first.
    pub(crate) migrate: bool,
}

/// Runs until a signal and until everything is finished or handed back.
pub(crate) async fn run(config: &Config, run: &Run) -> anyhow::Result<()> {
    let shutdown = Shutdown::default();
    let mut background = JoinSet::new();
    background.spawn(Signals::listen()?.steer(shutdown.clone()));
    let start = start(config, run, &shutdown, &mut background);
    let Some(started) = shutdown.drain.run_until_cancelled(start).await else {
        tracing::info!("stopped before the start was complete");
        return Ok(());
    };
    let Started {
        worker,
        mut duties,
        database,
    } = started?;
    match worker {
        Some(worker) => worker
            .run(shutdown.clone())
            .await
            .context("run the worker")?,
        None => shutdown.drain.cancelled().await,
    }
    let ended = async { while duties.join_next().await.is_some() {} };
    drop(tokio::time::timeout(ROLES_END, ended).await);
    drop(tokio::time::timeout(GOODBYE, database.close()).await);
    tracing::info!("stopped");
    Ok(())
}

/// What runs from here on.
struct Started {
    /// `None` if this process runs no jobs.
    worker: Option<Worker>,
    /// The other roles.
    duties: JoinSet<()>,
    database: Pool,
}

async fn start(
    config: &Config,
    run: &Run,
    shutdown: &Shutdown,
    background: &mut JoinSet<()>,
) -> anyhow::Result<Started> {
    let version = env!("CARGO_PKG_VERSION");
    let settings = &config.settings;
    let runs_jobs = run.roles.has(Role::Worker);
    let mut queues = if runs_jobs {
        queues::choose(settings, &run.queues).map_err(Invalid::from)?
    } else {
        Vec::new()
    };
    let handle = recorder::install(version)?;
    let probes = match settings.http {
        Some(address) => Some(Probes::bind(address).await?),
        None => None,
    };
    let client = super::client(config).await?;
    judge::redis(&client, &run.allow).await?;
    let database = open_database(config, run.migrate).await?;
    // From now on over the jobs' own pool.
    let client = super::with_payloads(client, config, database.clone());
    let refused = judge::families(settings, &database, &mut queues).await?;
    client.mark_layout().await.context("mark the layout")?;

    let mut worker = None;
    if runs_jobs {
        worker = Some(self::worker(config, client.clone(), &database, queues)?);
    }
    let ground = Ground {
        config,
        client: client.clone(),
        database: database.clone(),
        shutdown: shutdown.clone(),
    };
    let mut duties = JoinSet::new();
    let (mut names, mut parts) = (Vec::new(), Vec::new());
    for Duty {
        name,
        run,
        parts: asked,
    } in roles::start(&ground, &run.roles).await?
    {
        names.push(name);
        parts.extend(asked);
        duties.spawn(run);
    }
    background.spawn(Housekeeping::new(client.clone(), &database, settings).run());
    if settings
        .worker
        .queues
        .get("backups")
        .is_some_and(|slots| *slots > 0)
    {
        background.spawn(super::backups::watch(database.clone()));
    }
    background.spawn(recorder::upkeep(handle.clone()));
    tracing::info!(version, roles = names.join(","), "started");
    if let Some(probes) = probes {
        let observed = Observed {
            client,
            database: database.clone(),
            probe: pool::probe(&super::database(config)?),
            pulse: worker.as_ref().map(Worker::pulse),
            idle_poll: settings.worker.idle_poll,
            shutdown: shutdown.clone(),
            refused,
            roles: parts,
        };
        background.spawn(probes.serve(observed.pages(handle)));
    }
    Ok(Started {
        worker,
        duties,
        database,
    })
}

fn worker(
    config: &Config,
    client: Client,
    database: &Pool,
    queues: Vec<(String, usize)>,
) -> anyhow::Result<Worker> {
    let settings = &config.settings;
    let services = Services {
        database: database.clone(),
        clock: Arc::new(SystemClock),
        backups: super::backups::ports(config)?,
        exports: settings.exports.clone(),
        certificates: Arc::new(Certificates::new(
            settings.maintenance.certificate_ca_file.as_deref(),
        )?),
        certificate_hosts: settings.maintenance.certificate_hosts.clone(),
        debug_kinds: settings.debug_jobs,
    };
    let options = WorkerOptions {
        queues,
        lease: settings.worker.lease,
        beat: settings.worker.beat,
        grace: settings.worker.grace,
        idle_poll: settings.worker.idle_poll,
        retention: settings.retention,
        operations: true,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let registry = crm_jobs::register(Registry::new(), &services)
        .effects(Arc::new(Effects::new(database.clone())));
    let served: Vec<String> = options
        .queues
        .iter()
        .map(|(queue, slots)| format!("{queue}={slots}"))
        .collect();
    let worker = Worker::new(client, registry, options).context("prepare the worker")?;
    let instance = worker.instance();
    tracing::info!(instance, queues = served.join(","), "jobs are run");
    Ok(worker.with_history(Arc::new(JobRuns::new(database.clone()))))
}

/// Connects, and refuses a database whose migrations are not this release's.
async fn open_database(config: &Config, migrate: bool) -> anyhow::Result<Pool> {
    if migrate {
        for step in super::migrate(config).await? {
            tracing::info!(version = step.version, "migrated: {}", step.description);
        }
    }
    let found = judge::migrations(&super::migrations(config).await?);
    match found.severity {
        Severity::Ok => {}
        Severity::Warning => {
            tracing::warn!(finding = found.name, hint = found.hint, "{}", found.message);
        }
        Severity::Error => return Err(anyhow!("{}; hint: {}", found.message, found.hint)),
    }
    let settings = &config.settings.database;
    let limits = Limits {
        max_connections: settings.max_connections,
        acquire_timeout: settings.acquire_timeout,
        statement_timeout: settings.statement_timeout,
    };
    pool::connect(&super::database(config)?, &limits).await
}
