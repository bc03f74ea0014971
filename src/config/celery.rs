//! The settings of the Celery ingress, and its table of task names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use rouage::ingress::celery::wire::{BrokerKeys, Limits, ResultKeys};
use rouage::ingress::celery::{Argument, Mode, Names, Settings, Task, Unknown};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::problem::Problem;
use super::reader::Reader;

/// The table that ships.
const TABLE: &str = include_str!("../../config/celery.toml");
const DAY: u64 = 86_400;

/// Everything that can be set about Celery.
#[derive(Debug)]
pub(crate) struct Celery {
    /// `None` if this process has nothing to do with Celery.
    pub(crate) broker: Option<SecretString>,
    /// `None` if results are on the broker.
    pub(crate) results: Option<SecretString>,
    /// What the ingress is told; its node is empty unless it was set.
    pub(crate) ingress: Settings,
    /// The table of names. The debug names are in it whether or not their kinds are run.
    names: Vec<Task>,
}

/// One entry of a table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kind: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    defaults: BTreeMap<String, Value>,
    #[serde(default)]
    fixed: BTreeMap<String, Value>,
}

impl Celery {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let broker = r.secret("celery.broker_url");
        let results = r.secret("celery.result_url");
        let names = names(r);
        Self {
            ingress: ingress(r, broker.as_ref()),
            broker,
            results,
            names,
        }
    }

    /// The table of names where the debug kinds are run or not.
    pub(crate) fn names(&self, debug_kinds: bool) -> Names {
        Names::new(self.names.iter().cloned().filter_map(|task| {
            let debug = task.name.starts_with("debug.");
            (debug_kinds || !debug).then_some(task)
        }))
    }
}

fn ingress(r: &mut Reader<'_>, broker: Option<&SecretString>) -> Settings {
    let steps = steps(r);
    let separator = r.text("celery.separator");
    let defaults = BrokerKeys::default();
    let keys = BrokerKeys {
        prefix: r.text("celery.prefix"),
        separator: if separator.is_empty() {
            defaults.separator.clone()
        } else {
            separator
        },
        steps,
        database: broker.map_or(0, |url| database(url.expose_secret())),
        ..defaults
    };
    let choices = [
        ("auto", Unknown::Auto),
        ("leave", Unknown::Leave),
        ("park", Unknown::Park),
    ];
    let expires = r.seconds("celery.result_expires_s", 0..=365 * DAY);
    let limits = Limits {
        message_bytes: r.integer("celery.max_message_bytes", 1024..=536_870_912) as usize,
        horizon: Some(Duration::from_secs(
            r.integer("celery.max_eta_days", 1..=36_500) * DAY,
        )),
        ..Limits::default()
    };
    let results = ResultKeys::new(&r.text("celery.result_prefix"));
    Settings {
        queues: list(&r.text("celery.queues")),
        canvas_queues: list(&r.text("celery.canvas_queues")),
        unknown: r.choice("celery.unknown", &choices).unwrap_or_default(),
        limits,
        result_expires: (!expires.is_zero()).then_some(expires),
        extended: r.flag("celery.result_extended"),
        track_started: r.flag("celery.track_started"),
        terminate: r.flag("celery.allow_terminate"),
        parked: r.integer("celery.parked_messages", 10..=100_000) as usize,
        idle_poll: Duration::from_millis(r.integer("celery.idle_poll_ms", 20..=10_000)),
        ..Settings::new(keys, results, r.text("celery.node"))
    }
}

/// The words between commas.
fn list(text: &str) -> Vec<String> {
    let words = text.split(',').map(str::trim);
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Priority steps, rising, with the 0 that every queue has.
fn steps(r: &mut Reader<'_>) -> Vec<u8> {
    let text = r.text("celery.priority_steps");
    let steps: Result<BTreeSet<u8>, _> = list(&text).iter().map(|step| step.parse()).collect();
    match steps {
        Ok(steps) if steps.first() == Some(&0) && steps.last() <= Some(&9) => {
            steps.into_iter().collect()
        }
        _ => {
            r.refuse(
                "celery.priority_steps",
                "numbers from 0 to 9 with commas, 0 among them",
            );
            vec![0]
        }
    }
}

/// The database in the broker's URL: part of the names of channels.
fn database(url: &str) -> u32 {
    let (url, query) = url.split_once('?').unwrap_or((url, ""));
    let in_query = query.split('&').find_map(|pair| {
        let number = pair
            .strip_prefix("db=")
            .or(pair.strip_prefix("virtual_host="))?;
        number.parse().ok()
    });
    let in_path = || url.rsplit('/').next()?.parse().ok();
    in_query.or_else(in_path).unwrap_or(0)
}

fn names(r: &mut Reader<'_>) -> Vec<Task> {
    let mut table = match toml::from_str::<BTreeMap<String, Entry>>(TABLE) {
        Ok(table) => table,
        Err(error) => {
            let reason = error.message().to_owned();
            r.add(Problem::new(format!(
                "config/celery.toml cannot be read: {reason}"
            )));
            BTreeMap::new()
        }
    };
    let file = r.text("celery.names_file");
    if !file.is_empty() {
        match more(Path::new(&file)) {
            Ok(more) => table.extend(more),
            Err(reason) => r.add(Problem::new(format!(
                "cannot read {file}, which celery.names_file names: {reason}"
            ))),
        }
    }
    let known: Vec<&str> = table
        .iter()
        .flat_map(|(name, entry)| {
            let aliases = entry.aliases.iter().map(String::as_str);
            aliases.chain([name.as_str()])
        })
        .collect();
    let take = chosen(r, "celery.take", &known);
    let shadow = chosen(r, "celery.shadow", &known);
    let mode = |name: &str| match (matches(&take, name), matches(&shadow, name)) {
        (true, _) => Mode::Take,
        (_, true) => Mode::Shadow,
        _ => Mode::Off,
    };
    let mut tasks = Vec::new();
    for (name, entry) in &table {
        let task = Task {
            name: name.clone(),
            kind: entry.kind.clone(),
            mode: mode(name),
            args: entry.args.iter().map(|text| Argument::read(text)).collect(),
            defaults: entry.defaults.clone(),
            fixed: entry.fixed.clone(),
        };
        for alias in &entry.aliases {
            let name = alias.clone();
            let mode = task.mode.max(mode(alias));
            tasks.push(Task {
                name,
                mode,
                ..task.clone()
            });
        }
        tasks.push(task);
    }
    tasks
}

fn more(path: &Path) -> Result<BTreeMap<String, Entry>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    toml::from_str(&text).map_err(|error| error.message().to_owned())
}

/// The patterns of a key; one that means no name is refused.
fn chosen(r: &mut Reader<'_>, key: &str, known: &[&str]) -> Vec<String> {
    let patterns = list(&r.text(key));
    for pattern in &patterns {
        let one = std::slice::from_ref(pattern);
        if !known.iter().any(|name| matches(one, name)) {
            let near = crate::suggest::closest(pattern, known.iter().copied());
            let hint = near
                .map(|name| format!("did you mean {name:?}? {pattern:?} is no name of the table"));
            r.refuse_with_hint(
                key,
                "names of the table in config/celery.toml",
                hint.unwrap_or_default(),
            );
        }
    }
    patterns
}

fn matches(patterns: &[String], name: &str) -> bool {
    patterns
        .iter()
        .any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == pattern,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_that_ships_has_the_crms_seventeen_names() {
        let table: BTreeMap<String, Entry> = toml::from_str(TABLE).unwrap();
        let crm = table.keys().filter(|name| !name.starts_with("debug."));
        assert_eq!(crm.count(), 17);
    }

    #[test]
    fn the_database_is_the_one_in_the_url() {
        for (url, number) in [
            ("redis://:secret@redis:6379/3", 3),
            ("redis://redis", 0),
            ("unix:///run/redis.sock?db=2", 2),
            ("redis://redis:6379/", 0),
        ] {
            assert_eq!(database(url), number, "{url}");
        }
    }

    #[test]
    fn a_pattern_means_all_names_that_begin_so() {
        let patterns = list("debug.*, email_sync.test_celery_task");
        assert!(matches(&patterns, "debug.echo"));
        assert!(matches(&patterns, "email_sync.test_celery_task"));
        assert!(!matches(&patterns, "email_sync.sync_account_task"));
    }
}
