//! What keeps a worker, or one family of it, from starting.
//!
//! The rule: what would make jobs fail one by one, or vanish, is refused once at the start with
//! a hint; what is merely a risk is logged as a warning and the worker runs.

use anyhow::{Context, anyhow};
use metrics::gauge;
use rouage::Client;
use rouage::startup::{Finding, Severity};

use super::families::{FAMILIES, finding};
use crate::config::Settings;
use crate::store::migrate::{State, Step};
use crate::store::pool::Pool;
use crate::telemetry::metrics::FAMILY_REFUSED;

/// Refuses a Redis that can lose jobs, unless the operator allows it by name.
pub(super) async fn redis(client: &Client, allow: &[String]) -> anyhow::Result<()> {
    let findings = client.check_redis().await.context("check redis")?;
    if let Some(stranger) = allow
        .iter()
        .find(|name| !findings.iter().any(|finding| finding.name == *name))
    {
        let names: Vec<&str> = findings.iter().map(|finding| finding.name).collect();
        return Err(anyhow!(
            "--allow {stranger}: there is no such finding; hint: there are {}",
            names.join(", ")
        ));
    }
    let (mut refused, mut hints) = (Vec::new(), String::new());
    for finding in &findings {
        let Finding {
            name,
            message,
            hint,
            ..
        } = finding;
        let allowed = allow.iter().any(|allowed| allowed == name);
        match finding.severity {
            Severity::Ok => tracing::debug!(finding = name, "{message}"),
            Severity::Error if !allowed => {
                refused.push(message.as_str());
                let hint = format!("; hint: {hint}; hint: --allow {name} starts anyway");
                hints.push_str(&hint);
            }
            Severity::Warning | Severity::Error => {
                tracing::warn!(finding = name, hint, "{message}");
            }
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    Err(anyhow!(
        "this redis is not safe for jobs: {}{hints}",
        refused.join("; ")
    ))
}

/// The finding about the migrations.
pub(super) fn migrations(state: &State) -> Finding {
    let name = "migrations";
    let list = |steps: &[Step]| {
        let numbers: Vec<String> = steps.iter().map(|step| step.version.to_string()).collect();
        numbers.join(", ")
    };
    if !state.changed.is_empty() {
        let message = format!(
            "migrations were applied from other files: {}",
            list(&state.changed)
        );
        let hint = "a released migration never changes; use the binary that applied it";
        return finding(name, Severity::Error, message, hint);
    }
    if !state.pending.is_empty() {
        let message = format!("migrations are pending: {}", list(&state.pending));
        return finding(name, Severity::Error, message, "run: crm-worker migrate");
    }
    if !state.unknown.is_empty() {
        let message = "a newer release has migrated this database".to_owned();
        return finding(
            name,
            Severity::Warning,
            message,
            "use the newer release again as soon as possible",
        );
    }
    finding(
        name,
        Severity::Ok,
        "schema worker is up to date".to_owned(),
        "",
    )
}

/// Checks the families of the queues and drops the queues of those that cannot run.
pub(super) async fn families(
    settings: &Settings,
    database: &Pool,
    queues: &mut Vec<(String, usize)>,
) -> anyhow::Result<Vec<&'static str>> {
    let mut refused = Vec::new();
    for family in FAMILIES {
        if !queues.iter().any(|(queue, _)| queue == family.name) {
            continue;
        }
        let findings = family.check(settings, database).await?;
        let errors: Vec<&Finding> = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .collect();
        for finding in &errors {
            let Finding {
                name,
                message,
                hint,
                ..
            } = finding;
            tracing::error!(family = family.name, finding = name, hint, "{message}");
        }
        if !errors.is_empty() {
            tracing::error!(
                family = family.name,
                "family refused: its queue is not served, its jobs wait"
            );
            gauge!(FAMILY_REFUSED, "family" => family.name).set(1.0);
            queues.retain(|(queue, _)| queue != family.name);
            refused.push(family.name);
        }
    }
    // A process that runs no jobs asked for no queue.
    if queues.is_empty() && !refused.is_empty() {
        let names = refused.join(", ");
        return Err(anyhow!(
            "no queue is left to serve: refused {names}; hint: crm-worker doctor says why"
        ));
    }
    Ok(refused)
}
