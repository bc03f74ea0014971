//! What is done with a message, by the name of its task alone.

use std::borrow::Cow;

use super::super::broker::Lying;
use super::super::names::{Mode, Names};
use super::super::settings::Unknown;
use super::super::wire::{self, Limits};

/// What becomes of a message that lies in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is taken.
    Take,
    /// It is left, and counted under this name.
    Stay(String),
}

/// Whether messages are taken whose task is not in the table.
pub(super) fn takes_unknown(names: &Names, unknown: Unknown) -> bool {
    match unknown {
        Unknown::Leave => false,
        Unknown::Park => true,
        Unknown::Auto => names.all_taken(),
    }
}

/// Decides.
pub(super) fn decide(lying: &Lying, names: &Names, takes_unknown: bool, limits: &Limits) -> Fate {
    let unknown = |counted: &str| {
        if takes_unknown {
            Fate::Take
        } else {
            Fate::Stay(format!("left:{counted}"))
        }
    };
    let Ok(head) = wire::head(&readable(&lying.bytes, lying.large), limits) else {
        return unknown("unreadable");
    };
    let Some(task) = names.get(&head.task) else {
        return unknown("other");
    };
    match task.mode {
        Mode::Take => Fate::Take,
        Mode::Shadow => Fate::Stay(format!("shadow:{}", task.name)),
        Mode::Off => Fate::Stay(format!("left:{}", task.name)),
    }
}

/// A message whose beginning is missing because it is too large: what stands behind its body is
/// enough to know whose it is.
pub(super) fn readable(bytes: &[u8], large: usize) -> Cow<'_, [u8]> {
    const BEHIND: &[u8] = b"\"content-encoding\"";
    if large == 0 {
        return Cow::Borrowed(bytes);
    }
    let Some(at) = bytes.windows(BEHIND.len()).rposition(|part| part == BEHIND) else {
        return Cow::Borrowed(bytes);
    };
    Cow::Owned([b"{\"body\": \"\", ", &bytes[at..]].concat())
}
