//! The two layers of environment variables: the CRM's own names, and `CRM_WORKER__…`.
//!
//! Only variables with one of these names are ever looked at, so that nothing else can end up
//! in a message. An empty variable of the CRM counts as not set, as in compose files; an empty
//! `CRM_WORKER__…` sets the key to an empty text.

use std::collections::BTreeMap;

use super::database_url;
use super::file;
use super::layers::{Entries, Entry, Origin, Scalar};
use super::problem::{self, Invalid, Problem};

/// Variables by name.
pub(super) type Variables = BTreeMap<String, String>;

/// What starts every variable of ours.
const PREFIX: &str = "CRM_WORKER__";
/// The same with the usual typing error.
const NEARLY: &str = "CRM_WORKER_";
/// What let people into Flower.
const FLOWER: &str = "FLOWER_BASIC_AUTH";
/// The same in two variables.
const FLOWER_PARTS: [&str; 2] = ["FLOWER_USER", "FLOWER_PASSWORD"];
/// The CRM's variables that set one key each.
const FALLBACKS: [(&str, &str); 9] = [
    ("REDIS_URL", "redis.url"),
    ("DATABASE_URL", "database.url"),
    ("RUST_LOG", "log.level"),
    ("BACKUP_RETENTION_DAYS", "backups.keep_daily"),
    ("B2_BUCKET_NAME", "backups.s3_bucket"),
    ("B2_APPLICATION_KEY_ID", "backups.s3_access_key_id"),
    ("B2_APPLICATION_KEY", "backups.s3_secret_access_key"),
    ("SLACK_WEBHOOK_URL", "backups.webhook_url"),
    (FLOWER, "panel.flower_basic_auth"),
];
/// The CRM's variables that make up an address of the database.
const PARTS: [&str; 5] = [
    "POSTGRES_HOST",
    "POSTGRES_PORT",
    "POSTGRES_USER",
    "POSTGRES_PASSWORD",
    "POSTGRES_DB",
];

/// The variables that concern us.
pub(super) fn relevant() -> Result<Variables, Invalid> {
    let concerns = |name: &str| {
        name.starts_with(NEARLY)
            || FALLBACKS.iter().any(|(fallback, _)| *fallback == name)
            || PARTS.contains(&name)
            || FLOWER_PARTS.contains(&name)
    };
    let mut variables = Variables::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| concerns(name)) else {
            continue;
        };
        let value = value
            .into_string()
            .map_err(|_| Problem::new(format!("variable {name} is not valid UTF-8")))?;
        variables.insert(name.to_owned(), value);
    }
    Ok(variables)
}

/// The CRM's own names.
pub(super) fn fallbacks(variables: &Variables) -> Entries {
    let set = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    let mut entries = Entries::new();
    if let Some(url) = database_url::from_parts(|part| set(part).map(String::as_str)) {
        entries.insert("database.url".to_owned(), entry("POSTGRES_HOST", &url));
    }
    if let [Some(user), Some(password)] = FLOWER_PARTS.map(set) {
        let both = format!("{user}:{password}");
        let entry = entry(FLOWER_PARTS[1], &both);
        entries.insert("panel.flower_basic_auth".to_owned(), entry);
    }
    for (name, key) in FALLBACKS {
        if let Some(value) = set(name) {
            entries.insert(key.to_owned(), entry(name, value));
        }
    }
    entries
}

/// `CRM_WORKER__SECTION__KEY`.
pub(super) fn own(variables: &Variables) -> Entries {
    let ours = variables
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?, name, value)));
    ours.map(|(rest, name, value)| (rest.to_lowercase().replace("__", "."), entry(name, value)))
        .collect()
}

/// Variables that name a key but for an underscore; others of that prefix are not ours (Docker
/// and Kubernetes invent some from the names of services).
pub(super) fn misspelt(variables: &Variables, known: &[String]) -> Vec<Problem> {
    let squash = |name: &str| name.to_lowercase().replace(['_', '.'], "");
    let nearly = variables
        .keys()
        .filter(|name| !name.starts_with(PREFIX) && *name != file::VARIABLE);
    let wrong = nearly.filter_map(|name| {
        let rest = squash(name.strip_prefix(NEARLY)?);
        let key = known.iter().find(|key| squash(key) == rest)?;
        let hint = format!("did you mean {}?", problem::variable(key));
        Some(Problem::new(format!("unknown variable {name}")).hint(hint))
    });
    wrong.collect()
}

fn entry(name: &str, value: &str) -> Entry {
    Entry {
        value: Scalar::Text(value.to_owned()),
        origin: Origin::Variable(name.to_owned()),
    }
}
