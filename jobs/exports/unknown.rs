//! How a name that does not exist is refused: named, with what is allowed and a guess.

use rouage::JobError;

/// Likeness from which a name counts as a misspelling of another (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.8;
/// Longest quotation of a name, in characters.
const LONGEST_QUOTATION: usize = 60;

/// A permanent failure: `name` is no `what`.
pub(super) fn unknown(what: &str, name: &str, allowed: &[&str]) -> JobError {
    let quoted = quote(name);
    let guess =
        nearest(name, allowed).map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
    JobError::discard(format!(
        "unknown {what} {quoted}{guess} (allowed: {})",
        allowed.join(", ")
    ))
}

/// The name in quotation marks, cut if it is long.
pub(super) fn quote(name: &str) -> String {
    let mut text: String = name.chars().take(LONGEST_QUOTATION).collect();
    if text.len() < name.len() {
        text.push('…');
    }
    format!("{text:?}")
}

fn nearest<'a>(name: &str, allowed: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase();
    allowed
        .iter()
        .map(|candidate| {
            (
                strsim::jaro_winkler(&name, &candidate.to_lowercase()),
                *candidate,
            )
        })
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_answered_with_the_nearest_allowed_one() {
        let error = unknown("data set", "peple", &["people", "organisations"]);
        assert!(matches!(error, JobError::Discard(_)));
        assert_eq!(
            error.to_string(),
            r#"unknown data set "peple"; did you mean "people"? (allowed: people, organisations)"#
        );
    }

    #[test]
    fn the_case_of_letters_does_not_hide_the_likeness() {
        assert_eq!(
            nearest("PEOPLE", &["people", "organisations"]),
            Some("people")
        );
    }

    #[test]
    fn a_name_like_no_other_gets_no_guess() {
        let text = unknown("filter", "zzz", &["role", "search"]).to_string();
        assert_eq!(text, r#"unknown filter "zzz" (allowed: role, search)"#);
    }

    #[test]
    fn a_long_name_is_cut_and_a_hidden_character_is_shown() {
        assert_eq!(
            quote(&"é".repeat(100)).chars().count(),
            LONGEST_QUOTATION + 3
        );
        assert_eq!(quote("a\0\nb"), r#""a\0\nb""#);
    }
}
