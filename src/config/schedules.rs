//! The file of schedules: its tables with their lines, each value checked for its type.
//!
//! What a kind, a payload and an expression mean is checked by `app`, which knows the kinds; this
//! file keeps for each value where it stands, so that whoever finds it wrong can say where.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Invalid, Problem};
use crate::suggest;

/// The schedules that ship.
const SHIPPED: &str = include_str!("../../config/schedules.toml");
/// Where those are.
const SHIPPED_NAME: &str = "config/schedules.toml (in the binary)";
/// Keys of a schedule.
const KEYS: [&str; 10] = [
    "kind",
    "payload",
    "cron",
    "every",
    "zone",
    "on_missed",
    "overlap",
    "expires",
    "jitter",
    "enabled",
];
/// The zone of a file that names none.
const ZONE: &str = "Europe/Paris";

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    file: PathBuf,
    line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// A schedule as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Written {
    pub(crate) name: String,
    /// Texts by key, each with its place.
    texts: BTreeMap<&'static str, (String, Place)>,
    /// JSON.
    pub(crate) payload: String,
    payload_at: Place,
    pub(crate) enabled: bool,
    place: Place,
}

impl Written {
    /// A text, if it is there.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(|(text, _)| text.as_str())
    }

    /// Where a key stands, or the schedule if it is not there.
    pub(crate) fn place(&self, key: &str) -> &Place {
        match (key, self.texts.get(key)) {
            (_, Some((_, place))) => place,
            ("payload", None) => &self.payload_at,
            (_, None) => &self.place,
        }
    }

    /// A problem with a key of it.
    pub(crate) fn problem(&self, key: &str, message: &str, hint: impl Into<String>) -> Problem {
        let name = &self.name;
        let message = format!("schedule {name}: {message} ({})", self.place(key));
        Problem::new(message).hint(hint)
    }
}

/// Reads the file that is named, or what ships.
pub(crate) fn read(file: Option<&Path>) -> Result<Vec<Written>, Invalid> {
    let Some(path) = file else {
        return parse(SHIPPED, Path::new(SHIPPED_NAME));
    };
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("cannot read the schedules in {}: {error}", path.display());
        Problem::new(message).hint("schedules.file names it; empty means those in the binary")
    })?;
    parse(&text, path)
}

fn parse(text: &str, path: &Path) -> Result<Vec<Written>, Invalid> {
    let mut file = File {
        text,
        path,
        problems: Vec::new(),
    };
    let table = DeTable::parse(text).map_err(|error| {
        let place = file.place(error.span().map_or(0, |span| span.start));
        let reason = error
            .message()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        Problem::new(format!("{place} is not valid TOML: {reason}"))
    })?;
    let mut written = file.read(table.get_ref());
    if file.problems.is_empty() {
        // In the order of the file, whatever the table's.
        written.sort_by_key(|schedule| schedule.place.line);
        return Ok(written);
    }
    file.problems.sort_by_key(|(position, _)| *position);
    let problems = file.problems.into_iter().map(|(_, problem)| problem);
    Err(Invalid(problems.collect()))
}

/// A file that is being read, and what is wrong with it.
struct File<'f> {
    text: &'f str,
    path: &'f Path,
    /// Each with its position.
    problems: Vec<(usize, Problem)>,
}

impl File<'_> {
    fn place(&self, position: usize) -> Place {
        let before = &self.text[..position.min(self.text.len())];
        Place {
            file: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
        }
    }

    fn refuse(&mut self, position: usize, message: &str, hint: String) {
        let place = self.place(position);
        let problem = Problem::new(format!("{message} ({place})")).hint(hint);
        self.problems.push((position, problem));
    }

    fn unknown(&mut self, position: usize, key: &str, known: &[&str]) {
        let hint = suggest::closest(key, known.iter().copied()).map_or_else(
            || format!("there are {}", known.join(", ")),
            |near| format!("did you mean {near}?"),
        );
        self.refuse(position, &format!("unknown key {key}"), hint);
    }

    fn read(&mut self, table: &DeTable<'_>) -> Vec<Written> {
        let (mut zone, mut written) = (None, Vec::new());
        for (key, value) in table {
            let at = key.span().start;
            match (&**key.get_ref(), value.get_ref()) {
                ("zone", DeValue::String(text)) => zone = Some((text.to_string(), self.place(at))),
                ("zone", _) => self.refuse(at, "zone is not a text", "quote it".to_owned()),
                ("schedules", DeValue::Table(schedules)) => {
                    for (name, schedule) in schedules {
                        written.extend(self.schedule(name, schedule));
                    }
                }
                (key, _) => self.unknown(at, key, &["zone", "schedules"]),
            }
        }
        let zone = zone.unwrap_or_else(|| (ZONE.to_owned(), self.place(0)));
        for schedule in &mut written {
            schedule.texts.entry("zone").or_insert_with(|| zone.clone());
        }
        written
    }

    fn schedule(
        &mut self,
        name: &Spanned<impl AsRef<str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Written> {
        let at = name.span().start;
        let name = name.get_ref().as_ref().to_owned();
        let DeValue::Table(table) = value.get_ref() else {
            let hint = format!("write [schedules.{name}] and its keys below");
            self.refuse(at, &format!("schedules.{name} is not a table"), hint);
            return None;
        };
        let place = self.place(at);
        let mut written = Written {
            name,
            texts: BTreeMap::new(),
            payload: "{}".to_owned(),
            payload_at: place.clone(),
            enabled: true,
            place,
        };
        for (key, value) in table {
            let at = key.span().start;
            let known = KEYS.into_iter().find(|known| *known == key.get_ref());
            match (known, value.get_ref()) {
                (None, _) => self.unknown(at, key.get_ref(), &KEYS),
                (Some("payload"), value) => {
                    written.payload = json(value).to_string();
                    written.payload_at = self.place(at);
                }
                (Some("enabled"), DeValue::Boolean(flag)) => written.enabled = *flag,
                (Some("enabled"), _) => {
                    let hint = "use true or false".to_owned();
                    self.refuse(at, "enabled is neither true nor false", hint);
                }
                (Some(key), DeValue::String(text)) => {
                    let place = self.place(at);
                    written.texts.insert(key, (text.to_string(), place));
                }
                (Some(key), _) => {
                    self.refuse(at, &format!("{key} is not a text"), "quote it".to_owned());
                }
            }
        }
        Some(written)
    }
}

/// A TOML value as JSON; a date becomes its text.
fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Null, |number| Value::Number(number.into())),
        DeValue::Float(number) => {
            let number = number.as_str().parse().ok().and_then(Number::from_f64);
            number.map_or(Value::Null, Value::Number)
        }
        DeValue::Datetime(at) => Value::String(at.to_string()),
        DeValue::Array(values) => values.iter().map(|value| json(value.get_ref())).collect(),
        DeValue::Table(table) => {
            let entries = table
                .iter()
                .map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref())));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let Invalid(problems) = parse(text, Path::new("s.toml")).unwrap_err();
        problems
            .into_iter()
            .map(|problem| format!("{} / {}", problem.message, problem.hint))
            .collect()
    }

    #[test]
    fn a_schedule_keeps_its_values_and_where_they_stand() {
        let text = "[schedules.nightly]\nkind = 'debug.echo'\ncron = '0 2 * * *'\n\
                    payload = { value = 1, list = [true, 'x', 2.5] }\n";
        let written = &parse(text, Path::new("s.toml")).unwrap()[0];
        assert_eq!(written.name, "nightly");
        assert_eq!(written.text("cron"), Some("0 2 * * *"));
        assert_eq!(written.text("zone"), Some("Europe/Paris"));
        assert_eq!(written.place("cron").to_string(), "s.toml:3");
        assert_eq!(written.place("payload").to_string(), "s.toml:4");
        assert_eq!(written.payload, r#"{"list":[true,"x",2.5],"value":1}"#);
        assert!(written.enabled);
    }

    #[test]
    fn unknown_keys_and_wrong_types_are_named_by_their_line() {
        let found = problems(
            "zones = 'UTC'\n[schedules.a]\nkinds = 'debug.echo'\ncron = 5\nenabled = 'yes'\n",
        );
        assert_eq!(
            found,
            [
                "unknown key zones (s.toml:1) / did you mean zone?",
                "unknown key kinds (s.toml:3) / did you mean kind?",
                "cron is not a text (s.toml:4) / quote it",
                "enabled is neither true nor false (s.toml:5) / use true or false",
            ]
        );
        let broken = problems("[schedules.a]\ncron = = 1\n");
        assert!(
            broken[0].starts_with("s.toml:2 is not valid TOML"),
            "{broken:?}"
        );
        let flat = problems("[schedules]\nnightly = '0 2 * * *'\n");
        assert!(
            flat[0].contains("schedules.nightly is not a table"),
            "{flat:?}"
        );
    }

    #[test]
    fn what_ships_can_be_read() {
        assert!(!read(None).unwrap().is_empty());
    }
}
