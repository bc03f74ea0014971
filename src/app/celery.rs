//! The Celery ingress of the settings, for the role and for the commands that look at it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use crm_job_contract::KINDS;
use rouage::ingress::celery::{CeleryIngress, Kinds};
use rouage::{Client, Link, NewJob};
use secrecy::{ExposeSecret, SecretString};

use super::required;
use crate::config::{Config, Invalid, Problem};

/// How long one answer of the broker or the result backend may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// The kinds of this build.
#[derive(Debug)]
struct Built;

impl Kinds for Built {
    fn queue(&self, kind: &str) -> Option<String> {
        let found = KINDS.iter().find(|known| known.kind == kind);
        found.map(|known| known.queue.to_owned())
    }

    fn job(&self, kind: &str, payload: &str) -> Result<NewJob, String> {
        super::new_job(kind, payload).map_err(|error| {
            // The outer words only: Serde's own may quote a value.
            error.to_string()
        })
    }
}

/// Whether this process has anything to do with Celery.
pub(crate) fn is_configured(config: &Config) -> bool {
    config.settings.celery.broker.is_some()
}

/// The ingress. It connects when it is used: while the broker is away, jobs go on.
pub(crate) fn ingress(config: &Config, client: Client) -> anyhow::Result<CeleryIngress> {
    let settings = &config.settings.celery;
    let broker = settings.broker.as_ref();
    let broker = required(broker, "celery.broker_url", "celery.broker_url")?;
    let results = settings.results.as_ref().unwrap_or(broker);
    let results = link(results, "celery.result_url")?;
    let broker = link(broker, "celery.broker_url")?;
    let mut told = settings.ingress.clone();
    if told.node.is_empty() {
        told.node = node();
    }
    let names = config.settings.celery.names(config.settings.debug_jobs);
    let ingress = CeleryIngress::new(client, (broker, results), told, names, Arc::new(Built));
    Ok(ingress.map_err(|error| Invalid::from(Problem::new(error.to_string())))?)
}

fn link(url: &SecretString, key: &'static str) -> anyhow::Result<Link> {
    Link::to(url.expose_secret(), DEADLINE).with_context(|| format!("read {key}"))
}

/// As Celery names its nodes.
fn node() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    format!("crm-worker@{}", if host.is_empty() { "host" } else { host })
}
