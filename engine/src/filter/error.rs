//! Why a text is no filter: what, where, and what to write instead.

use std::fmt;

use super::key::Key;

/// Below this likeness, from 0 to 1, no name is suggested.
const LIKE_ENOUGH: f64 = 0.6;

/// A text that is no filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    at: usize,
    problem: String,
    hint: String,
}

impl FilterError {
    /// `at` is a byte offset into `text`; people are told the character, counted from 1.
    pub(super) fn new(text: &str, at: usize, problem: String, hint: String) -> Self {
        let at = text.get(..at).unwrap_or(text).chars().count() + 1;
        Self { at, problem, hint }
    }

    /// Where, in characters from 1.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// What to do.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, problem, hint } = self;
        write!(f, "{problem} at {at}; hint: {hint}")
    }
}

impl std::error::Error for FilterError {}

/// What to write instead of a term with an unknown key.
pub(super) fn instead_of(name: &str, value: &str) -> String {
    let names = || Key::ALL.map(Key::name);
    closest(&name.to_lowercase(), names()).map_or_else(
        || {
            let names = names().join(", ");
            format!("write tag:{name}:{value} for a tag, or one of {names}")
        },
        |near| format!("did you mean {near:?}?"),
    )
}

/// The name that is most like a mistyped one, if one is.
pub(super) fn closest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let scored = known.into_iter().map(|candidate| {
        let likeness = strsim::normalized_damerau_levenshtein(name, candidate);
        (likeness, candidate)
    });
    let (likeness, candidate) = scored.max_by(|(left, _), (right, _)| left.total_cmp(right))?;
    (likeness >= LIKE_ENOUGH).then_some(candidate)
}
