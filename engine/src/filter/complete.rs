//! What could be written next, for a search box and a shell.

use std::ops::Range;

use super::key::Key;
use super::lex::quoted;
use crate::state::State;

/// Most completions of one answer: more than a list on a screen shows.
const MAX_COMPLETIONS: usize = 20;
/// Spans that people ask for.
const SPANS: [&str; 5] = ["15m", "1h", "24h", "7d", "30d"];
/// Kinds of errors that the engine itself writes.
const ERRORS: [&str; 6] = [
    "error",
    "timeout",
    "panic",
    "lease_lost",
    "unknown_kind",
    "undecodable",
];
/// Reasons that the engine itself writes.
const REASONS: [&str; 6] = [
    "requested",
    "expired",
    "crash_loop",
    "unknown_kind",
    "undecodable",
    "replayed",
];

/// One way to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The bytes of the text that it takes the place of.
    pub replaces: Range<usize>,
    /// What to write there.
    pub text: String,
    /// What it means; empty for a name that says so itself.
    pub about: &'static str,
}

/// Names that the caller knows, beside those that the engine knows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'k> {
    /// Kinds of jobs.
    pub kinds: &'k [String],
    /// Queues.
    pub queues: &'k [String],
    /// Tags in use.
    pub tags: &'k [String],
    /// Instances of workers.
    pub workers: &'k [String],
    /// Groups.
    pub groups: &'k [String],
}

/// Completes the word before a cursor, a byte offset into `text`; keys first, then their values.
/// At most 20 answers, none inside a quoted text.
pub fn complete(text: &str, cursor: usize, known: &Known<'_>) -> Vec<Completion> {
    let mut cursor = cursor.min(text.len());
    while !text.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let before = &text[..cursor];
    if before.matches('"').count() % 2 == 1 {
        return Vec::new();
    }
    let start = before.rfind(char::is_whitespace).map_or(0, |at| {
        at + before[at..].chars().next().map_or(1, char::len_utf8)
    });
    let start = start + usize::from(before[start..].starts_with('-'));
    let word = &before[start..];
    let mut completions = match word.split_once(':') {
        None => keys(word, start..cursor),
        Some((name, begun)) => Key::named(name)
            .map(|key| values(key, begun, start + name.len() + 1..cursor, known))
            .unwrap_or_default(),
    };
    completions.truncate(MAX_COMPLETIONS);
    completions
}

fn keys(begun: &str, replaces: Range<usize>) -> Vec<Completion> {
    let fitting = Key::ALL
        .into_iter()
        .filter(|key| key.name().starts_with(begun));
    let completion = |key: Key| Completion {
        replaces: replaces.clone(),
        text: format!("{key}:"),
        about: key.about(),
    };
    fitting.map(completion).collect()
}

fn values(key: Key, begun: &str, replaces: Range<usize>, known: &Known<'_>) -> Vec<Completion> {
    let names = |names: &[String]| names.to_vec();
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let candidates: Vec<String> = match key {
        Key::State => words(&State::ALL.map(State::name)),
        Key::Kind => names(known.kinds),
        Key::Queue => names(known.queues),
        Key::Tag => names(known.tags),
        Key::Worker => names(known.workers),
        Key::Group => names(known.groups),
        Key::Error => words(&ERRORS),
        Key::Reason => words(&REASONS),
        Key::Since | Key::Until => words(&SPANS),
        Key::Priority => (0..=9).map(|priority: u8| priority.to_string()).collect(),
        Key::Attempts | Key::Id | Key::Unique | Key::Text => Vec::new(),
    };
    let fitting = candidates
        .into_iter()
        .filter(|name| name.starts_with(begun));
    let completion = |name: String| Completion {
        replaces: replaces.clone(),
        text: quoted(&name, false),
        about: "",
    };
    fitting.map(completion).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str, known: &Known<'_>) -> Vec<String> {
        let completions = complete(text, text.len(), known).into_iter();
        completions.map(|completion| completion.text).collect()
    }

    #[test]
    fn a_begun_key_is_completed_and_a_key_offers_its_values() {
        let none = Known::default();
        assert_eq!(texts("kind:a st", &none), ["state:"]);
        assert_eq!(texts("-state:d", &none), ["discarded"]);
        assert_eq!(texts("", &none).len(), Key::ALL.len());
        assert_eq!(texts("stat:", &none), Vec::<String>::new());
        let kinds = ["mail.send", "mail.sync", "export.run"].map(str::to_owned);
        let known = Known {
            kinds: &kinds,
            ..none
        };
        assert_eq!(texts("kind:mail.s", &known), ["mail.send", "mail.sync"]);
    }

    #[test]
    fn a_completion_says_what_it_replaces() {
        let text = "é -sta more";
        let found = complete(text, 7, &Known::default());
        assert_eq!(
            (&text[found[0].replaces.clone()], found[0].text.as_str()),
            ("sta", "state:")
        );
    }

    #[test]
    fn nothing_is_offered_inside_quotes_and_names_are_quoted_where_needed() {
        assert!(complete("error:\"time", 11, &Known::default()).is_empty());
        let tags = ["two words".to_owned()];
        let known = Known {
            tags: &tags,
            ..Known::default()
        };
        assert_eq!(texts("tag:tw", &known), ["\"two words\""]);
    }

    proptest! {
        #[test]
        fn any_cursor_in_any_text_is_answered(text in "[a-z:\"\\\\ é-]{0,20}", cursor in 0..30_usize) {
            for completion in complete(&text, cursor, &Known::default()) {
                prop_assert!(text.get(completion.replaces).is_some());
            }
        }
    }
}
