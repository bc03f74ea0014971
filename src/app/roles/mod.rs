//! What a process can do: run jobs, and the parts around it, each of which may run in any number
//! of processes.
//!
//! A role is one file here: it reads its settings, refuses what cannot work, and answers a
//! [`Duty`] that runs until the process drains. None of them is single: whatever two processes do
//! at once is decided in Redis or `PostgreSQL`.

mod apalis;
mod celery;
mod outbox;
mod panel;
mod scheduler;

use std::fmt;
use std::str::FromStr;

use futures_util::future::BoxFuture;
use rouage::{Client, Shutdown};

use crate::config::Config;
use crate::store::pool::Pool;
use crate::telemetry::readiness::Part;

/// One thing a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Runs jobs.
    Worker,
    /// Enqueues jobs when they are due.
    Scheduler,
    /// Moves rows of the outbox to Redis.
    Outbox,
    /// Takes in messages of Celery clients.
    Celery,
    /// Takes in what was pushed with apalis-redis.
    Apalis,
    /// Serves the HTTP API.
    Panel,
}

impl Role {
    /// All of them, in the order of their names on the command line.
    pub(crate) const ALL: &[Self] = &[
        Self::Worker,
        Self::Scheduler,
        Self::Outbox,
        Self::Celery,
        Self::Apalis,
        Self::Panel,
    ];

    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Scheduler => "scheduler",
            Self::Outbox => "outbox",
            Self::Celery => "celery",
            Self::Apalis => "apalis",
            Self::Panel => "panel",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().copied().find(|role| role.name() == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|role| role.name()).collect();
            format!("there are {}", names.join(", "))
        })
    }
}

/// Which roles a process has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roles(Vec<Role>);

impl Roles {
    /// Those that were named; none named means all that are configured.
    pub(crate) fn new(named: Vec<Role>) -> Self {
        Self(named)
    }

    /// Whether the process has it.
    pub(super) fn has(&self, role: Role) -> bool {
        self.0.is_empty() || self.asked(role)
    }

    /// Whether it was named: then it is an error if it is not configured.
    pub(super) fn asked(&self, role: Role) -> bool {
        self.0.contains(&role)
    }
}

/// What a role stands on.
pub(super) struct Ground<'g> {
    pub(super) config: &'g Config,
    pub(super) client: Client,
    /// The pool of the jobs, for short statements.
    pub(super) database: Pool,
    pub(super) shutdown: Shutdown,
}

/// A role that is ready to run.
pub(super) struct Duty {
    /// Its role's name, for the log.
    pub(super) name: &'static str,
    /// Runs until `shutdown.drain` and finishes what it began; never ends because something
    /// outside is away.
    pub(super) run: BoxFuture<'static, ()>,
    /// What `/readyz` asks about it.
    pub(super) parts: Vec<Part>,
}

/// Starts the roles besides the worker's.
pub(super) async fn start(ground: &Ground<'_>, roles: &Roles) -> anyhow::Result<Vec<Duty>> {
    let mut duties = Vec::new();
    duties.extend(scheduler::start(ground, roles).await?);
    if roles.has(Role::Outbox) {
        duties.extend(outbox::prepare(ground, roles.asked(Role::Outbox)).await?);
    }
    if roles.has(Role::Apalis) {
        duties.extend(apalis::prepare(ground, roles.asked(Role::Apalis))?);
    }
    duties.extend(celery::start(ground, roles)?);
    duties.extend(panel::start(ground, roles).await?);
    Ok(duties)
}
