//! The small words of the sentences: distances in time, numbers of things.

use crate::inspect::span;

/// `3m ago`, by the distance to a moment that is over.
pub(super) fn ago(at: u64, now: u64) -> String {
    format!("{} ago", span(now.saturating_sub(at)))
}

/// `in 3m`, or `now` for a moment that has come.
pub(super) fn when(at: u64, now: u64) -> String {
    match at.checked_sub(now) {
        None | Some(0) => "now".to_owned(),
        Some(left) => format!("in {}", span(left)),
    }
}

/// `1 job`, `17 jobs`.
pub(super) fn counted(number: u64, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {one}{plural}")
}

/// `is` for one, `are` for every other number.
pub(super) fn are(number: u64) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

/// `attempt 2 of 5`, or without the number of all where only the worker knows it.
pub(super) fn attempt(number: u32, of: Option<u32>) -> String {
    match of {
        Some(all) => format!("attempt {number} of {all}"),
        None => format!("attempt {number}"),
    }
}
