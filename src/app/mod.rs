//! The composition root: turns settings into connections, services and a running worker.
//!
//! Each file is one thing the binary can be asked to do that needs more than a client:
//! [`run`] is the process, [`roles`] are its parts besides the worker, [`checkup`] is `doctor`, [`families`] and [`judge`] decide what may run
//! here, [`kinds`] turns a payload into a job. What merely shows or steers jobs talks to the
//! client directly, in `cli`.

pub(crate) mod backups;
pub(crate) mod celery;
pub(crate) mod checkup;
mod families;
mod housekeeping;
mod judge;
mod kinds;
mod observe;
mod queues;
mod roles;
pub(crate) mod run;
pub(crate) mod schedules;
mod signals;

use std::sync::Arc;

use anyhow::Context;
use crm_job_contract::KINDS;
use rouage::ingress::apalis::Apalis;
use rouage::{Client, Keyspace};
use secrecy::{ExposeSecret, SecretString};

use crate::config::{Config, Invalid, Problem, Settings};
use crate::store;
use crate::store::api_tokens::ApiTokens;
use crate::store::deeds::Deeds;
use crate::store::effects::Effects;
use crate::store::job_runs::JobRuns;
use crate::store::migrate::{self, State, Step};
use crate::store::outbox::ParkedRows;
use crate::store::payloads::Payloads;
use crate::store::pool::{self, Options, Pool};
use crate::store::schedules::Schedules;
use crate::suggest;

use kinds::Catalog;
pub(crate) use kinds::new_job;
pub(crate) use roles::{Role, Roles};

/// Connects to the Redis of the settings. Large payloads go to the database, if there is one, over
/// a connection that is opened when the first of them comes.
pub(crate) async fn client(config: &Config) -> anyhow::Result<Client> {
    let redis = &config.settings.redis;
    let url = required(redis.url.as_ref(), "redis.url", "REDIS_URL")?;
    let client = Client::connect(url.expose_secret(), Keyspace::new(&redis.prefix)).await;
    let client = client.context("connect to redis")?;
    if config.settings.database.url.is_none() {
        return Ok(client);
    }
    Ok(with_payloads(
        client,
        config,
        pool::probe(&database(config)?),
    ))
}

/// The client with the store for large payloads in that pool.
fn with_payloads(client: Client, config: &Config, pool: Pool) -> Client {
    let Settings {
        redis,
        offload_above,
        ..
    } = &config.settings;
    let store = Payloads::new(pool, &redis.prefix);
    client.with_payloads(Arc::new(store), *offload_above)
}

/// Where the database of the settings is; opens nothing.
fn database(config: &Config) -> anyhow::Result<Options> {
    let url = required(
        config.settings.database.url.as_ref(),
        "database.url",
        "DATABASE_URL",
    )?;
    pool::options(url)
}

/// The migrations the database lacks or has too many of; writes nothing.
pub(crate) async fn migrations(config: &Config) -> anyhow::Result<State> {
    let mut connection = pool::single(&database(config)?).await?;
    migrate::state(&mut connection)
        .await
        .context("read the applied migrations")
}

/// Applies the pending migrations, and tells the database what kinds there are.
pub(crate) async fn migrate(config: &Config) -> anyhow::Result<Vec<Step>> {
    let options = database(config)?;
    let steps = migrate::run(&options).await?;
    let kinds: Vec<_> = KINDS.iter().map(|kind| (kind.kind, kind.queue)).collect();
    store::kinds::declare(&options, &kinds).await?;
    Ok(steps)
}

/// The ledger of effects, over a connection that is opened when it is used.
pub(crate) fn effects(config: &Config) -> anyhow::Result<Effects> {
    Ok(Effects::new(pool::probe(&database(config)?)))
}

/// States of schedules and changes by hand, over a connection that is opened when it is used.
pub(crate) fn schedule_states(config: &Config) -> anyhow::Result<Schedules> {
    let pool = pool::probe(&database(config)?);
    Ok(Schedules::new(pool, &config.settings.redis.prefix))
}

/// The outbox as people see it, over a connection that is opened when it is used.
pub(crate) fn outbox(config: &Config) -> anyhow::Result<ParkedRows> {
    Ok(ParkedRows::new(pool::probe(&database(config)?)))
}

/// The queues of apalis-redis that are taken in.
pub(crate) fn apalis(config: &Config) -> Result<Apalis, Invalid> {
    let settings = config.settings.apalis.as_ref().ok_or_else(|| {
        let hint = "set apalis.url and apalis.queues";
        Problem::new("nothing is taken in from apalis-redis").hint(hint)
    })?;
    for (queue, kind) in &settings.queues {
        let names = || KINDS.iter().map(|known| known.kind);
        if !names().any(|name| name == kind) {
            let hint = suggest::closest(kind, names()).map_or_else(
                || format!("there are {}", names().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean {near}?"),
            );
            let message = format!("apalis.queues: unknown kind {kind:?} for queue {queue:?}");
            return Err(Problem::new(message).hint(hint).into());
        }
    }
    Ok(Apalis::new(
        settings.url.expose_secret(),
        settings.queues.clone(),
    ))
}

/// The history of finished jobs, over a connection that is opened when it is used.
pub(crate) fn history(config: &Config) -> anyhow::Result<JobRuns> {
    Ok(JobRuns::new(pool::probe(&database(config)?)))
}

/// The tokens of the HTTP API, over a connection that is opened when it is used.
pub(crate) fn api_tokens(config: &Config) -> anyhow::Result<ApiTokens> {
    let pool = pool::probe(&database(config)?);
    Ok(ApiTokens::new(pool, &config.settings.redis.prefix))
}

/// Who did what in the panel, over a connection that is opened when it is used.
pub(crate) fn deeds(config: &Config) -> anyhow::Result<Deeds> {
    let pool = pool::probe(&database(config)?);
    Ok(Deeds::new(pool, &config.settings.redis.prefix))
}

fn required<'s>(
    url: Option<&'s SecretString>,
    key: &str,
    fallback: &str,
) -> Result<&'s SecretString, Invalid> {
    let variable = key.to_uppercase().replace('.', "__");
    url.ok_or_else(|| {
        let hint = format!("set CRM_WORKER__{variable}, {fallback} or {key}_file");
        Problem::new(format!("{key} is not set")).hint(hint).into()
    })
}
