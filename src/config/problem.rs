//! What is wrong with the settings, in sentences an operator can act on.

use std::fmt;

use super::layers::Origin;
use crate::suggest;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Names the key, the origin and, unless it is a secret, the value.
    pub(crate) message: String,
    /// What to do; empty if nothing is known.
    pub(crate) hint: String,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: String::new(),
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// The settings cannot be used: everything that is wrong with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invalid(pub(crate) Vec<Problem>);

impl From<Problem> for Invalid {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages: Vec<&str> = self
            .0
            .iter()
            .map(|problem| problem.message.as_str())
            .collect();
        f.write_str(&messages.join("; "))
    }
}

impl std::error::Error for Invalid {}

/// A key that nothing reads.
pub(super) fn unknown_key(key: &str, origin: &Origin, known: &[String]) -> Problem {
    let name = |key: &str| match origin {
        Origin::Variable(_) => variable(key),
        Origin::Default | Origin::File(..) => key.to_owned(),
    };
    let message = match origin {
        Origin::Variable(variable) => format!("unknown variable {variable}"),
        Origin::Default | Origin::File(..) => format!("unknown key {key} ({origin})"),
    };
    let hint = suggest::closest(key, known.iter().map(String::as_str)).map_or_else(
        || "`crm-worker config show` lists all keys".to_owned(),
        |known| format!("did you mean {}?", name(known)),
    );
    Problem::new(message).hint(hint)
}

/// The variable that sets a key.
pub(super) fn variable(key: &str) -> String {
    format!("CRM_WORKER__{}", key.to_uppercase().replace('.', "__"))
}
