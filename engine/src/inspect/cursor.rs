//! Where a search stopped, as a text that a page's link or a command line can carry.
//!
//! `queue/state/score/member/part`: the place of the last job that was looked at, by what orders
//! it in its index. Jobs that come, go or change their state meanwhile move no place.

use std::fmt;
use std::str::FromStr;

use crate::state::State;

/// A place between two jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) queue: String,
    pub(crate) state: State,
    pub(crate) part: String,
    pub(crate) score: u64,
    pub(crate) member: String,
}

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidCursor;

impl fmt::Display for InvalidCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a cursor; hint: pass on what the page before answered, or leave it out")
    }
}

impl std::error::Error for InvalidCursor {}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            queue,
            state,
            part,
            score,
            member,
        } = self;
        write!(f, "{queue}/{state}/{score}/{member}/{part}")
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The part comes last: the name of a group may have slashes.
        let parts: Vec<&str> = text.splitn(5, '/').collect();
        let [queue, state, score, member, part] = parts[..] else {
            return Err(InvalidCursor);
        };
        Ok(Self {
            queue: queue.to_owned(),
            state: state.parse().map_err(|_| InvalidCursor)?,
            part: part.to_owned(),
            score: score.parse().map_err(|_| InvalidCursor)?,
            member: member.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_written_as_it_is_read() {
        let cursor = Cursor {
            queue: "mailbox".to_owned(),
            state: State::Available,
            part: "line:team/3".to_owned(),
            score: 4_559_000_000_000_123,
            member: "job-1".to_owned(),
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in ["", "a/held/1/x", "a/stuck/1/x/held", "a/held/-1/x/held"] {
            assert_eq!(wrong.parse::<Cursor>(), Err(InvalidCursor), "{wrong}");
        }
    }
}
