//! Typed access to the merged layers: every value is checked for its type and range where it is
//! read, and every problem is collected.
//!
//! In a file the type must be right, so that a number in quotes does not pass here and fail in
//! another tool that reads the file; variables were given their types before.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use secrecy::SecretString;

use super::SECRETS;
use super::layers::{Entries, Scalar};
use super::problem::Problem;
use crate::suggest;

/// Reads keys and notes what is wrong with them.
pub(super) struct Reader<'e> {
    entries: &'e Entries,
    problems: &'e mut Vec<Problem>,
}

impl<'e> Reader<'e> {
    pub(super) fn new(entries: &'e Entries, problems: &'e mut Vec<Problem>) -> Self {
        Self { entries, problems }
    }

    fn value(&self, key: &str) -> Option<&'e Scalar> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// A text, possibly empty.
    pub(super) fn text(&mut self, key: &str) -> String {
        if let Some(Scalar::Text(text)) = self.value(key) {
            return text.clone();
        }
        self.refuse(key, "a text");
        String::new()
    }

    /// A whole number in a range.
    pub(super) fn integer(&mut self, key: &str, range: RangeInclusive<u64>) -> u64 {
        if let Some(Scalar::Integer(number)) = self.value(key)
            && let Some(number) = u64::try_from(*number).ok().filter(|n| range.contains(n))
        {
            return number;
        }
        let (least, most) = range.into_inner();
        self.refuse(key, &format!("a whole number from {least} to {most}"));
        least
    }

    /// A number of seconds.
    pub(super) fn seconds(&mut self, key: &str, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.integer(key, range))
    }

    /// A number of hours.
    pub(super) fn hours(&mut self, key: &str, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.integer(key, range) * 3600)
    }

    /// An address with a port; an empty text means none.
    pub(super) fn address(&mut self, key: &str, port: u16) -> Option<SocketAddr> {
        let text = self.text(key);
        let address = text.parse().ok();
        if address.is_none() && !text.is_empty() {
            let allowed = format!("an address with a port, such as \"127.0.0.1:{port}\", or \"\"");
            let hint = format!("a port alone is written \"0.0.0.0:{port}\"");
            self.refuse_with_hint(key, &allowed, hint);
        }
        address
    }

    /// True or false.
    pub(super) fn flag(&mut self, key: &str) -> bool {
        if let Some(Scalar::Flag(flag)) = self.value(key) {
            return *flag;
        }
        self.refuse(key, "true or false");
        false
    }

    /// One of a few words; the first stands in for a wrong one.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(key);
        let found = choices
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, choice)| *choice);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let hint = suggest::closest(&text, names.iter().copied())
                .map(|name| format!("did you mean {name:?}?"))
                .unwrap_or_default();
            self.refuse_with_hint(key, &names.join(", "), hint);
        }
        found
    }

    /// A secret given as itself or as the file that holds it; `None` if neither is set.
    pub(super) fn secret(&mut self, key: &str) -> Option<SecretString> {
        let file_key = format!("{key}_file");
        let file = self.text(&file_key);
        let text = if file.is_empty() {
            self.text(key)
        } else {
            match std::fs::read_to_string(&file) {
                Ok(text) => text,
                Err(error) => {
                    let message = format!("cannot read {file}, which {file_key} names: {error}");
                    self.problems.push(Problem::new(message));
                    return None;
                }
            }
        };
        let text = text.trim();
        (!text.is_empty()).then(|| SecretString::from(text))
    }

    /// Notes a problem that is no key's value.
    pub(super) fn add(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Notes that a key's value is not what is allowed.
    pub(super) fn refuse(&mut self, key: &str, allowed: &str) {
        self.refuse_with_hint(key, allowed, String::new());
    }

    /// The same with a hint.
    pub(super) fn refuse_with_hint(&mut self, key: &str, allowed: &str, hint: String) {
        let message = match self.entries.get(key) {
            None => format!("{key} has no default"),
            Some(entry) if SECRETS.contains(&key) => {
                format!("{key} ({}) must be {allowed}", entry.origin)
            }
            Some(entry) => format!(
                "{key} is {} ({}); allowed: {allowed}",
                entry.value, entry.origin
            ),
        };
        self.problems.push(Problem::new(message).hint(hint));
    }
}
