//! One value, where it came from, and how layers cover each other.
//!
//! A layer is a flat map from dotted keys to values. A key and its `_file` twin are two ways to
//! set the same thing: whichever is set in the higher layer removes the other from below.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::problem::Problem;

/// Flat settings by dotted key.
pub(super) type Entries = BTreeMap<String, Entry>;

/// A value and its origin.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) value: Scalar,
    pub(super) origin: Origin,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The value may be a secret.
        f.debug_struct("Entry")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// What a key can be set to. Nothing prints one without asking whether it is a secret.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub(crate) enum Scalar {
    Text(String),
    Integer(i64),
    Flag(bool),
    /// Something no key takes, by the name of its type.
    Other(&'static str),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Integer(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Other(kind) => kind.fmt(f),
        }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `config/default.toml`.
    Default,
    /// A line of a file.
    File(PathBuf, usize),
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// The other way to set the same thing: `redis.url` and `redis.url_file`.
fn twin(key: &str) -> String {
    key.strip_suffix("_file")
        .map_or_else(|| format!("{key}_file"), str::to_owned)
}

fn is_set(entry: &Entry) -> bool {
    !matches!(&entry.value, Scalar::Text(text) if text.is_empty())
}

/// Puts a value of a higher layer over what is there.
///
/// A variable is always a text; it becomes what the key's default is, if it can be read as that.
pub(super) fn set(entries: &mut Entries, key: String, mut entry: Entry) {
    if is_set(&entry)
        && let Some(other) = entries.get_mut(&twin(&key))
    {
        *other = Entry {
            value: Scalar::Text(String::new()),
            origin: Origin::Default,
        };
    }
    if let (Scalar::Text(text), Origin::Variable(_)) = (&entry.value, &entry.origin) {
        let text = text.trim();
        let read = match entries.get(&key).map(|covered| &covered.value) {
            Some(Scalar::Integer(_)) => text.parse().map(Scalar::Integer).ok(),
            Some(Scalar::Flag(_)) => text.to_lowercase().parse().map(Scalar::Flag).ok(),
            _ => None,
        };
        entry.value = read.unwrap_or(entry.value);
    }
    entries.insert(key, entry);
}

/// Keys of one layer that are set together with their twin.
pub(super) fn contradictions(layer: &Entries) -> Vec<Problem> {
    let twins = layer
        .iter()
        .filter(|(key, entry)| key.ends_with("_file") && is_set(entry));
    let both = twins.filter_map(|(key, entry)| {
        let other = layer.get(&twin(key)).filter(|other| is_set(other))?;
        let message = format!(
            "{key} ({}) and {} ({}) are both set",
            entry.origin,
            twin(key),
            other.origin
        );
        Some(Problem::new(message).hint("keep one of them"))
    });
    both.collect()
}
