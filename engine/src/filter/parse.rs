//! From words to terms: what each key accepts, and what is said about what it does not.

use std::str::FromStr;

use super::error::{FilterError, closest, instead_of};
use super::key::{Key, Shape};
use super::lex::{Word, words};
use super::{Filter, MAX_FILTER_BYTES, MAX_TERMS, Pattern, Range, Term, Value};
use crate::policy::Priority;
use crate::state::State;

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shorter = || "say less; several filters are as good".to_owned();
        if text.len() > MAX_FILTER_BYTES {
            let problem = format!("filter has more than {MAX_FILTER_BYTES} bytes");
            return Err(FilterError::new(text, 0, problem, shorter()));
        }
        let words = words(text)?;
        if let Some(word) = words.get(MAX_TERMS) {
            let problem = format!("filter has more than {MAX_TERMS} terms");
            return Err(FilterError::new(text, word.at, problem, shorter()));
        }
        let terms = words.iter().map(|word| term(text, word));
        Ok(Self {
            terms: terms.collect::<Result<_, _>>()?,
        })
    }
}

fn term(text: &str, word: &Word<'_>) -> Result<Term, FilterError> {
    let key = match word.key {
        None => Key::Text,
        Some(name) => Key::named(name).ok_or_else(|| {
            let problem = format!("unknown term {name:?}");
            FilterError::new(text, word.at, problem, instead_of(name, &word.value))
        })?,
    };
    let value = value(key, &word.value)
        .map_err(|(problem, hint)| FilterError::new(text, word.value_at, problem, hint))?;
    Ok(Term {
        negated: word.negated,
        key,
        value,
    })
}

/// The value of a key, or the problem and the hint.
fn value(key: Key, written: &str) -> Result<Value, (String, String)> {
    if written.is_empty() {
        let hint = format!("write {}", key.about());
        return Err((format!("{key} has no value"), hint));
    }
    match key.shape() {
        Shape::Pattern => Ok(Value::Pattern(Pattern::new(written))),
        Shape::Text => Ok(Value::Text(written.to_owned())),
        Shape::State => state(written).map(Value::State),
        Shape::Range => range(key, written).map(Value::Range),
        Shape::Moment => written.parse().map(Value::Moment).map_err(|()| {
            let problem = format!("{key} {written:?} is no time");
            let hint = "write a duration such as 2h or 1d12h, at most a year, or an instant such as 2026-11-23T09:30:00Z";
            (problem, hint.to_owned())
        }),
    }
}

fn state(value: &str) -> Result<State, (String, String)> {
    value.parse().map_err(|_| {
        let names = || State::ALL.map(State::name);
        let hint = if value.contains(',') {
            let each: Vec<String> = value.split(',').map(|one| format!("state:{one}")).collect();
            format!("write {}", each.join(" "))
        } else {
            closest(&value.to_lowercase(), names()).map_or_else(
                || format!("use one of {}", names().join(", ")),
                |near| format!("did you mean {near:?}?"),
            )
        };
        (format!("unknown state {value:?}"), hint)
    })
}

fn range(key: Key, value: &str) -> Result<Range, (String, String)> {
    let wrong = |hint: &str| (format!("{key} {value:?} holds no number"), hint.to_owned());
    let range: Range = value
        .parse()
        .map_err(|()| wrong("write 3, >3, >=3, <3, <=3 or 2..4"))?;
    if key == Key::Priority && range.first() > u64::from(Priority::LAST.get()) {
        return Err(wrong("priorities are 0 (first) to 9 (last)"));
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::filter::Moment;

    fn error(text: &str) -> String {
        text.parse::<Filter>().unwrap_err().to_string()
    }

    #[test]
    fn a_mistyped_key_is_answered_with_its_place_and_neighbour() {
        assert_eq!(
            error("é stat:held"),
            r#"unknown term "stat" at 3; hint: did you mean "state"?"#
        );
        let tag = error("campaign:12");
        assert!(
            tag.starts_with(
                r#"unknown term "campaign" at 1; hint: write tag:campaign:12 for a tag"#
            ),
            "{tag}"
        );
    }

    #[test]
    fn a_wrong_value_is_answered_with_what_is_right() {
        for (text, said) in [
            (
                "state:Hold",
                r#"unknown state "Hold" at 7; hint: did you mean "held"?"#,
            ),
            (
                "state:held,discarded",
                "hint: write state:held state:discarded",
            ),
            ("state:x", "hint: use one of scheduled, available"),
            ("kind:", "kind has no value at 6; hint: write its kind"),
            ("-error:\"\"", "error has no value at 8"),
            (
                "attempts:many",
                r#"attempts "many" holds no number at 10; hint: write 3, >3"#,
            ),
            ("priority:>9", "hint: priorities are 0 (first) to 9 (last)"),
            (
                "since:yesterday",
                r#"since "yesterday" is no time at 7; hint: write a duration"#,
            ),
        ] {
            assert!(error(text).contains(said), "{text}: {}", error(text));
        }
    }

    #[test]
    fn size_is_bounded() {
        assert!(error(&"x".repeat(MAX_FILTER_BYTES + 1)).contains("more than 2000 bytes at 1"));
        assert!(error(&"x ".repeat(MAX_TERMS + 1)).contains("more than 50 terms at 101"));
    }

    #[test]
    fn a_filter_is_written_as_short_as_it_can_be_read() {
        for (text, written) in [
            ("  state:held   text:x ", "state:held x"),
            ("attempts:>3 -since:120m", "attempts:>=4 -since:2h"),
            (
                "text:a:b -\"-c\" error:\"d e\"",
                "\"a:b\" -\"-c\" error:\"d e\"",
            ),
        ] {
            assert_eq!(text.parse::<Filter>().unwrap().to_string(), written);
        }
    }

    fn any_value(key: Key) -> BoxedStrategy<Value> {
        match key.shape() {
            Shape::State => (0..8_usize)
                .prop_map(|n| Value::State(State::ALL[n]))
                .boxed(),
            Shape::Pattern => ".{1,12}"
                .prop_map(|text| Value::Pattern(Pattern::new(text)))
                .boxed(),
            Shape::Text => ".{1,12}".prop_map(Value::Text).boxed(),
            Shape::Range => prop_oneof![Just((0, u64::MAX)), (0..9_u64, 9..99_u64)]
                .prop_map(|(from, to)| Value::Range(Range::new(from, to).unwrap()))
                .boxed(),
            Shape::Moment => prop_oneof![
                (0..366 * 86_400_000_u64).prop_map(Moment::Ago),
                (0..253_402_300_799_999_u64).prop_map(Moment::At),
            ]
            .prop_map(Value::Moment)
            .boxed(),
        }
    }

    fn any_filter() -> impl Strategy<Value = Filter> {
        let term = (0..Key::ALL.len(), any::<bool>()).prop_flat_map(|(n, negated)| {
            let key = Key::ALL[n];
            any_value(key).prop_map(move |value| Term {
                negated,
                key,
                value,
            })
        });
        prop::collection::vec(term, 0..8).prop_map(|terms| Filter { terms })
    }

    proptest! {
        #[test]
        fn a_written_filter_reads_back_as_the_same_one(filter in any_filter()) {
            let text = filter.to_string();
            prop_assert_eq!(text.parse::<Filter>(), Ok(filter), "{}", text);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,60}") {
            let _ = text.parse::<Filter>();
        }

        #[test]
        fn no_mixture_of_its_own_signs_makes_it_panic(text in "[a-z:\"\\\\ *<>=.é-]{0,40}") {
            if let Err(error) = text.parse::<Filter>() {
                prop_assert!(error.at() <= text.chars().count() + 1, "{}", error);
            }
        }
    }
}
