//! The file layer: which file, and its keys with their lines.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::environment::Variables;
use super::layers::{Entries, Entry, Origin, Scalar};
use super::problem::{Invalid, Problem};

/// Names the file when the command line does not.
pub(super) const VARIABLE: &str = "CRM_WORKER_CONFIG";
/// Looked for in this order when nothing names a file.
const PLACES: [&str; 2] = ["config/production.toml", "/etc/crm-worker/config.toml"];

/// The file to read, if there is one. A named file must exist, which reading it will tell.
pub(super) fn find(named: Option<&Path>, variables: &Variables) -> Option<PathBuf> {
    let by_variable = || {
        variables
            .get(VARIABLE)
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
    };
    let by_place = || PLACES.iter().map(PathBuf::from).find(|path| path.exists());
    named
        .map(Path::to_owned)
        .or_else(by_variable)
        .or_else(by_place)
}

/// Reads and flattens a file.
pub(super) fn read(path: &Path) -> Result<Entries, Invalid> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::new(format!(
            "cannot read the configuration file {}: {error}",
            path.display()
        ))
    })?;
    parse(&text, Some(path))
}

/// Flattens TOML; `path` is `None` for the embedded defaults.
pub(super) fn parse(text: &str, path: Option<&Path>) -> Result<Entries, Invalid> {
    let line_of = |position: usize| text[..position.min(text.len())].matches('\n').count() + 1;
    let origin = |position: usize| match path {
        Some(path) => Origin::File(path.to_owned(), line_of(position)),
        None => Origin::Default,
    };
    let table = DeTable::parse(text).map_err(|error| {
        let position = error.span().map_or(0, |span| span.start);
        // Serde's message may quote a value; the first line of the parser's own does not.
        let reason = error
            .message()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        Problem::new(format!("{} is not valid TOML: {reason}", origin(position)))
    })?;
    let mut entries = Entries::new();
    flatten("", table.get_ref(), &origin, &mut entries);
    Ok(entries)
}

fn flatten(
    prefix: &str,
    table: &DeTable<'_>,
    origin: &impl Fn(usize) -> Origin,
    entries: &mut Entries,
) {
    for (name, value) in table {
        let key = format!("{prefix}{}", name.get_ref());
        if let DeValue::Table(inner) = value.get_ref() {
            flatten(&format!("{key}."), inner, origin, entries);
            continue;
        }
        let entry = Entry {
            value: scalar(value),
            origin: origin(name.span().start),
        };
        entries.insert(key, entry);
    }
}

fn scalar(value: &Spanned<DeValue<'_>>) -> Scalar {
    match value.get_ref() {
        DeValue::String(text) => Scalar::Text(text.to_string()),
        DeValue::Boolean(flag) => Scalar::Flag(*flag),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Scalar::Other("a number that is too large"), Scalar::Integer),
        other => Scalar::Other(match other {
            DeValue::Float(_) => "a fraction",
            DeValue::Array(_) => "a list",
            _ => "a date",
        }),
    }
}
