//! The language in which people say which jobs they mean: `state:discarded kind:campaigns.* since:2h`.
//!
//! One parser for every place that asks: the panel's search box, the API, the CLI, and the bulk
//! operations. A filter is a list of terms. Values of one key are alternatives, different keys
//! must all hold, `-` in front excludes, and a word without a key is looked for in the id, the
//! kind, the tags and the last error. `docs/guides/operate.md` lists the keys.
//!
//! Everything here is pure: text to [`Filter`], filter and [`JobView`] to yes or no. Which
//! indexes have to be read is decided in `inspect`, which asks the filter what it rules out.

mod complete;
mod error;
mod key;
mod lex;
mod matching;
mod moment;
mod parse;
mod pattern;
mod range;

use std::fmt;

pub use self::complete::{Completion, Known, complete};
pub use self::error::FilterError;
pub use self::key::Key;
pub use self::moment::{Moment, read_duration};
pub use self::pattern::Pattern;
pub use self::range::Range;
use crate::id::JobId;
use crate::state::State;

/// Longest filter that is read, in bytes: longer ones are no question of a person.
pub const MAX_FILTER_BYTES: usize = 2000;

/// Most terms of a filter: every job that is looked at is compared with all of them.
pub const MAX_TERMS: usize = 50;

/// Which jobs are meant; the default means all of them.
///
/// Reads with [`str::parse`] and writes itself so that it reads back as the same filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    terms: Vec<Term>,
}

/// One condition, or its opposite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    negated: bool,
    key: Key,
    value: Value,
}

/// What a term compares with; the key says which shape it has.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    State(State),
    Pattern(Pattern),
    /// Contained, whatever the case.
    Text(String),
    Range(Range),
    Moment(Moment),
}

impl Filter {
    /// Whether it means every job.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The same filter with `since:2h` and the like fixed to what they mean at `now`, in ms since
    /// 1970: it means the same jobs however much later it is asked.
    #[must_use]
    pub fn fixed_at(mut self, now: u64) -> Self {
        for term in &mut self.terms {
            if let Value::Moment(moment) = &mut term.value {
                *moment = Moment::At(moment.resolve(now));
            }
        }
        self
    }

    /// The same filter for one more state; `None` changes nothing.
    #[must_use]
    pub fn and_state(mut self, state: Option<State>) -> Self {
        self.terms
            .extend(state.map(|state| Term::of(Key::State, Value::State(state))));
        self
    }

    /// The same filter for one more queue; `None` changes nothing.
    #[must_use]
    pub fn and_queue(mut self, queue: Option<&str>) -> Self {
        let queue = queue.map(|queue| Value::Pattern(Pattern::new(queue)));
        self.terms
            .extend(queue.map(|queue| Term::of(Key::Queue, queue)));
        self
    }

    /// The same filter without jobs of these states and of this queue.
    #[must_use]
    pub(crate) fn without(mut self, states: &[State], queue: &str) -> Self {
        let states = states
            .iter()
            .map(|state| (Key::State, Value::State(*state)));
        let queue = (Key::Queue, Value::Pattern(Pattern::new(queue)));
        self.terms
            .extend(states.chain([queue]).map(|(key, value)| Term {
                negated: true,
                key,
                value,
            }));
        self
    }

    /// Whether only the state and the queue of a job decide, which needs no look at it.
    pub(crate) fn asks_for_places_only(&self) -> bool {
        let places = |term: &Term| matches!(term.key, Key::State | Key::Queue);
        self.terms.iter().all(places)
    }

    /// The states that it does not rule out.
    pub(crate) fn states(&self) -> Vec<State> {
        let allowed =
            |state: &State| self.allows(Key::State, |value| *value == Value::State(*state));
        State::ALL.into_iter().filter(allowed).collect()
    }

    /// Whether it does not rule a queue out.
    pub(crate) fn allows_queue(&self, queue: &str) -> bool {
        self.allows(Key::Queue, |value| match value {
            Value::Pattern(pattern) => pattern.matches(queue),
            _ => false,
        })
    }

    /// The only ids that it can match, if it names them in full.
    pub(crate) fn ids(&self) -> Option<Vec<JobId>> {
        let mut ids = Vec::new();
        for value in self.wanted(Key::Id) {
            let Value::Pattern(pattern) = value else {
                return None;
            };
            // A name that no job can have finds nothing, as it should.
            ids.extend(pattern.exact()?.parse().ok());
        }
        ids.sort_unstable();
        ids.dedup();
        self.wanted(Key::Id).next().is_some().then_some(ids)
    }

    /// The first and the last instant that `since:` and `until:` allow, in ms since 1970.
    pub(crate) fn span(&self, now: u64) -> (u64, u64) {
        let at = |value: &Value| match value {
            Value::Moment(moment) => Some(moment.resolve(now)),
            _ => None,
        };
        let first = self.wanted(Key::Since).filter_map(at).min();
        let last = self.wanted(Key::Until).filter_map(at).max();
        (first.unwrap_or(0), last.unwrap_or(u64::MAX))
    }

    /// Whether the terms of one key hold: one of the wanted, and none of the excluded.
    fn allows(&self, key: Key, holds: impl Fn(&Value) -> bool) -> bool {
        if self.excluded(key).any(&holds) {
            return false;
        }
        let mut wanted = self.wanted(key).peekable();
        wanted.peek().is_none() || wanted.any(holds)
    }

    fn wanted(&self, key: Key) -> impl Iterator<Item = &Value> {
        self.values(key, false)
    }

    fn excluded(&self, key: Key) -> impl Iterator<Item = &Value> {
        self.values(key, true)
    }

    fn values(&self, key: Key, negated: bool) -> impl Iterator<Item = &Value> {
        let terms = self.terms.iter();
        let of_key = terms.filter(move |term| term.key == key && term.negated == negated);
        of_key.map(|term| &term.value)
    }
}

impl Term {
    fn of(key: Key, value: Value) -> Self {
        Self {
            negated: false,
            key,
            value,
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, term) in self.terms.iter().enumerate() {
            if n > 0 {
                f.write_str(" ")?;
            }
            term.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negated {
            f.write_str("-")?;
        }
        if self.key != Key::Text {
            write!(f, "{}:", self.key.name())?;
        }
        match &self.value {
            Value::State(state) => state.fmt(f),
            Value::Pattern(pattern) => f.write_str(&lex::quoted(pattern.as_str(), false)),
            Value::Text(text) => f.write_str(&lex::quoted(text, self.key == Key::Text)),
            Value::Range(range) => range.fmt(f),
            Value::Moment(moment) => moment.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> Filter {
        text.parse().unwrap()
    }

    #[test]
    fn states_and_queues_that_cannot_match_are_ruled_out() {
        let two = filter("state:held state:discarded queue:mail* -queue:mailbox");
        assert_eq!(two.states(), [State::Held, State::Discarded]);
        assert!(two.allows_queue("mailings") && !two.allows_queue("mailbox"));
        assert!(!two.allows_queue("exports"));
        assert_eq!(filter("-state:completed").states().len(), 7);
        assert_eq!(filter("kind:a.b").states(), State::ALL);
    }

    #[test]
    fn ids_narrow_only_where_all_of_them_are_whole() {
        let ids = |text| filter(text).ids().map(|ids| ids.len());
        assert_eq!(ids("id:a id:b id:a"), Some(2));
        assert_eq!(ids("id:a id:b*"), None);
        assert_eq!(ids("-id:a"), None);
        assert_eq!(ids("id:é"), Some(0));
    }

    #[test]
    fn a_fixed_filter_means_the_same_later() {
        let fixed = filter("since:1h -until:2026-01-01T00:00:00Z").fixed_at(7_200_000);
        assert_eq!(
            fixed.to_string(),
            "since:1970-01-01T01:00:00Z -until:2026-01-01T00:00:00Z"
        );
        assert_eq!(fixed.span(99_000_000), (3_600_000, u64::MAX));
    }
}
