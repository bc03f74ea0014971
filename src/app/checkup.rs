//! `doctor`: everything that can keep jobs from running, looked at once.
//!
//! Nothing is changed. A part that cannot be reached is a finding like any other, and the
//! parts behind it are left out.

pub(super) mod outbox;

use anyhow::Context;
use rouage::startup::{Finding, Severity};
use rouage::{Client, ClientError};
use secrecy::ExposeSecret;

use super::families::{FAMILIES, finding};
use super::schedules::schedules;
use crate::config::{Config, Origin};
use crate::explain::{Explained, explain};
use crate::store::effects::Effects;
use crate::store::pool;

/// Open effects that are counted.
const MOST_EFFECTS: u32 = 1000;

/// All findings, part by part.
pub(crate) async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = vec![debug_jobs(config), schedule_file(config)];
    findings.extend(redis(config).await);
    findings.extend(database(config).await);
    findings.extend(celery(config).await);
    findings
}

/// Whether Celery's broker and result backend answer, and keep what they have.
async fn celery(config: &Config) -> Vec<Finding> {
    if !super::celery::is_configured(config) {
        return Vec::new();
    }
    match examine_celery(config).await {
        Ok(findings) => findings,
        Err(error) => vec![unreachable("celery", &error)],
    }
}

async fn examine_celery(config: &Config) -> anyhow::Result<Vec<Finding>> {
    let client = super::client(config).await?;
    let ingress = super::celery::ingress(config, client)?;
    let policy = ingress.check().await.context("ask celery's broker")?;
    let (severity, message) = if policy == "noeviction" || policy.is_empty() {
        (Severity::Ok, "celery's broker answers".to_owned())
    } else {
        let message = format!(
            "celery's broker has maxmemory-policy {policy}: messages that wait may be thrown away"
        );
        (Severity::Warning, message)
    };
    let hint = "set maxmemory-policy noeviction there";
    let mut findings = vec![finding("celery", severity, message, hint)];
    let parked = ingress.parking().count().await?;
    if parked > 0 {
        let message = format!("{parked} celery messages became no job and wait for a person");
        let hint = "look at them: crm-worker celery parked list";
        findings.push(finding("celery_parked", Severity::Warning, message, hint));
    }
    Ok(findings)
}

fn debug_jobs(config: &Config) -> Finding {
    let settings = &config.settings;
    let (severity, message) = match (settings.debug_jobs, settings.production) {
        (true, true) => (Severity::Warning, "the debug.* kinds are run in production"),
        (true, false) => (Severity::Ok, "the debug.* kinds are run"),
        (false, _) => (Severity::Ok, "the debug.* kinds are not run"),
    };
    finding(
        "debug_jobs",
        severity,
        message.to_owned(),
        "set debug_jobs.enabled = false",
    )
}

/// Whether a scheduler could start.
fn schedule_file(config: &Config) -> Finding {
    let (severity, message) = match schedules(config) {
        Ok(entries) => (
            Severity::Ok,
            format!("schedules can be fired: {}", entries.len()),
        ),
        Err(invalid) => (Severity::Error, invalid.to_string()),
    };
    let hint = "crm-worker schedule list says more";
    finding("schedules", severity, message, hint)
}

async fn redis(config: &Config) -> Vec<Finding> {
    match super::client(config).await {
        Err(error) => vec![unreachable("redis", &error)],
        Ok(client) => {
            let mut findings = vec![shared(config)];
            match client.check_redis().await {
                Ok(found) => findings.extend(found),
                Err(error) => findings.push(unreachable("redis", &error.into())),
            }
            match service(&client).await {
                Ok(found) => findings.extend(found),
                Err(error) => findings.push(unreachable("redis", &error.into())),
            }
            findings
        }
    }
}

/// Whether the jobs may be in the database that the CRM empties.
fn shared(config: &Config) -> Finding {
    let fallback =
        matches!(config.origin("redis.url"), Origin::Variable(name) if name == "REDIS_URL");
    let url = config
        .settings
        .redis
        .url
        .as_ref()
        .map(|url| url.expose_secret().to_owned())
        .unwrap_or_default();
    let number = url
        .split('?')
        .next()
        .and_then(|url| url.rsplit('/').next())
        .unwrap_or_default();
    let zero = number == "0" || number.parse::<u32>().is_err();
    let (severity, message) = if fallback && zero {
        (
            Severity::Warning,
            "the jobs are in database 0 of REDIS_URL, which the CRM empties when it clears its cache",
        )
    } else {
        (Severity::Ok, "the jobs are not in the CRM's cache")
    };
    finding(
        "shared",
        severity,
        message.to_owned(),
        "set CRM_WORKER__REDIS__URL to a Redis of its own",
    )
}

/// Whether somebody serves the queues in which jobs wait.
async fn service(client: &Client) -> Result<Vec<Finding>, ClientError> {
    let workers = client.workers().await?;
    let (severity, message) = match workers.len() {
        0 => (
            Severity::Warning,
            "no worker was heard of within the last minute".to_owned(),
        ),
        1 => (Severity::Ok, "1 worker runs".to_owned()),
        many => (Severity::Ok, format!("{many} workers run")),
    };
    let mut findings = vec![finding(
        "workers",
        severity,
        message,
        "start one: crm-worker run",
    )];
    for queue in client.queues().await? {
        let served = workers.iter().any(|worker| {
            worker
                .info
                .queues
                .iter()
                .any(|(name, _)| *name == queue.queue)
        });
        if queue.available > 0 && !served && !workers.is_empty() {
            let message = format!(
                "{} jobs wait in queue {}, which no worker serves",
                queue.available, queue.queue
            );
            let hint = "give the queue slots in worker.queues, or see why its family is refused";
            findings.push(finding("unserved", Severity::Warning, message, hint));
        }
        if queue.held > 0 {
            let message = format!(
                "{} jobs of queue {} are held and wait for a person",
                queue.held, queue.queue
            );
            findings.push(finding(
                "held",
                Severity::Warning,
                message,
                "look at them: crm-worker jobs list --state held",
            ));
        }
    }
    Ok(findings)
}

async fn database(config: &Config) -> Vec<Finding> {
    match examine_database(config).await {
        Ok(findings) => findings,
        Err(error) => vec![unreachable("database", &error)],
    }
}

async fn examine_database(config: &Config) -> anyhow::Result<Vec<Finding>> {
    let state = super::migrations(config).await?;
    let mut findings = vec![finding(
        "database",
        Severity::Ok,
        "the database answers".to_owned(),
        "",
    )];
    findings.push(super::judge::migrations(&state));
    let probe = pool::probe(&super::database(config)?);
    for family in FAMILIES {
        findings.extend(family.check(&config.settings, &probe).await?);
    }
    if state.pending.is_empty() {
        findings.push(open_effects(&Effects::new(probe.clone())).await?);
        findings.extend(outbox::findings(&probe).await?);
    }
    probe.close().await;
    Ok(findings)
}

/// Whether effects wait for somebody's word.
async fn open_effects(effects: &Effects) -> anyhow::Result<Finding> {
    let open = effects
        .open(MOST_EFFECTS)
        .await
        .context("list the open effects")?;
    let (severity, message) = match open.len() {
        0 => (Severity::Ok, "no effect is open".to_owned()),
        open => (
            Severity::Warning,
            format!("effects that may have happened, and nobody knows: {open}"),
        ),
    };
    let hint = "look at them: crm-worker effects list";
    Ok(finding("effects", severity, message, hint))
}

/// A part that did not answer; its own hints are known at run time only and join the message.
fn unreachable(name: &'static str, error: &anyhow::Error) -> Finding {
    let Explained { message, hints } = explain(error);
    let hints: String = hints
        .iter()
        .map(|hint| [" (", hint, ")"].concat())
        .collect();
    finding(name, Severity::Error, message + &hints, "")
}
