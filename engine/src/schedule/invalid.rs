//! What is wrong with a schedule, in a sentence, and what to do about it.

use std::fmt;

/// A part of a schedule that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSchedule {
    /// Names the part and its value.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl InvalidSchedule {
    pub(super) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }
}

impl fmt::Display for InvalidSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; hint: {}", self.message, self.hint)
    }
}

impl std::error::Error for InvalidSchedule {}

/// The known name that was meant, if one is near.
pub(super) fn closest<'n>(text: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let text = text.to_lowercase();
    let near = names.into_iter().map(|name| {
        (
            strsim::damerau_levenshtein(&text, &name.to_lowercase()),
            name,
        )
    });
    let (distance, name) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= text.chars().count() / 3 + 1).then_some(name)
}
