//! Settings: read once, from four layers, checked before anything starts.
//!
//! The embedded `config/default.toml` is the list of what can be set: a key that is not in it is
//! refused with its origin and the closest known one, because a misspelt key that is ignored
//! runs a worker with other settings than its operator believes. Each value remembers where it
//! came from, for messages and for `config show`. All problems are reported at once.
//!
//! This is the only place that reads environment variables. It opens no connection and prints
//! nothing; secrets leave it as `SecretString` only.

mod backups;
mod celery;
mod database_url;
mod environment;
mod file;
mod layers;
mod maintenance;
mod panel;
mod problem;
mod reader;
pub(crate) mod schedules;
mod settings;

use std::path::Path;

use anyhow::Context;
use secrecy::SecretString;

pub(crate) use backups::{Bucket, Encryption};
pub(crate) use layers::Origin;
pub(crate) use panel::PanelSettings;
pub(crate) use problem::{Invalid, Problem};
pub(crate) use settings::{LogFormat, Settings};

use layers::{Entries, Entry, Scalar};

/// Every key with its default and its documentation.
const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Keys whose values are never shown.
const SECRETS: [&str; 11] = [
    "redis.url",
    "database.url",
    "celery.broker_url",
    "celery.result_url",
    "apalis.url",
    "exports.url_secret",
    "backups.s3_secret_access_key",
    "backups.heartbeat_url",
    "backups.webhook_url",
    "panel.users",
    "panel.flower_basic_auth",
];

/// The settings, and where each came from.
#[derive(Debug)]
pub(crate) struct Config {
    /// What is in effect.
    pub(crate) settings: Settings,
    entries: Entries,
}

/// One line of `config show`.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Shown {
    /// The dotted key.
    pub(crate) key: String,
    /// The value, masked if it is a secret.
    pub(crate) value: Scalar,
    /// The layer it comes from.
    pub(crate) source: String,
}

/// Reads all layers; `file` is what the command line names.
pub(crate) fn load(file: Option<&Path>) -> Result<Config, Invalid> {
    load_with(file, &environment::relevant()?)
}

fn load_with(file: Option<&Path>, variables: &environment::Variables) -> Result<Config, Invalid> {
    let mut problems = Vec::new();
    let mut entries = file::parse(DEFAULTS, None)?;
    let known: Vec<String> = entries.keys().cloned().collect();
    let mut overlay = |layer: Entries| {
        problems.append(&mut layers::contradictions(&layer));
        for (key, entry) in layer {
            if known.contains(&key) {
                layers::set(&mut entries, key, entry);
            } else {
                problems.push(problem::unknown_key(&key, &entry.origin, &known));
            }
        }
    };
    overlay(environment::fallbacks(variables));
    if let Some(path) = file::find(file, variables) {
        overlay(file::read(&path)?);
    }
    overlay(environment::own(variables));
    problems.append(&mut environment::misspelt(variables, &known));
    match Settings::read(&entries, &mut problems) {
        settings if problems.is_empty() => Ok(Config { settings, entries }),
        _ => Err(Invalid(problems)),
    }
}

/// The address of a database from a file, in any form that the settings take.
pub(crate) fn url_from_file(file: &Path) -> anyhow::Result<SecretString> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("read {shown}"))?;
    let url = database_url::normalise(text.trim());
    let url = url.with_context(|| {
        format!("{shown} has no address of a database; hint: it starts with postgresql://")
    })?;
    Ok(SecretString::from(url))
}

impl Config {
    /// Where the value in effect comes from.
    pub(crate) fn origin(&self, key: &str) -> &Origin {
        self.entries
            .get(key)
            .map_or(&Origin::Default, |entry| &entry.origin)
    }

    /// Every key with its value and source; secrets are masked.
    pub(crate) fn show(&self) -> Vec<Shown> {
        self.entries
            .iter()
            .map(|(key, entry)| show(key, entry))
            .collect()
    }
}

fn show(key: &str, entry: &Entry) -> Shown {
    let set = !matches!(&entry.value, Scalar::Text(text) if text.is_empty());
    let value = if set && SECRETS.contains(&key) {
        Scalar::Text("********".to_owned())
    } else {
        entry.value.clone()
    };
    Shown {
        key: key.to_owned(),
        value,
        source: entry.origin.to_string(),
    }
}

#[cfg(test)]
mod tests;
