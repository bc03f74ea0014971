//! Why a payload does not fit its kind, without a word of the payload.
//!
//! Serde quotes what it found. What is kept of its sentences are those that it makes of the names in
//! our own types; of the others only what kind of thing was found.

/// What stands between what was found and what was expected.
const EXPECTED: &str = ", expected ";
/// Serde's sentences that name fields and types of ours only.
const OURS: [&str; 2] = ["missing field `", "duplicate field `"];
/// Serde's sentences about a thing that was found, and what may be said of it.
const FOUND: [&str; 5] = [
    "unknown field",
    "unknown variant",
    "invalid type",
    "invalid value",
    "invalid length",
];

/// The reason as it may be stored, shown and logged.
pub fn misfit(error: &serde_json::Error) -> String {
    let place = format!("line {} column {}", error.line(), error.column());
    let text = error.to_string();
    if !error.is_data() {
        return format!("it is no JSON at {place}");
    }
    let text = text.strip_suffix(&format!(" at {place}")).unwrap_or(&text);
    if OURS.iter().any(|start| text.starts_with(start)) {
        return format!("{text} at {place}");
    }
    let found = FOUND.iter().find(|start| text.starts_with(*start));
    match (found, text.rsplit_once(EXPECTED)) {
        (Some(what), Some((_, expected))) => format!("{what}{EXPECTED}{expected} at {place}"),
        (Some(what), None) => format!("{what} at {place}"),
        (None, _) => format!("a value that is not allowed at {place}"),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Mail {
        #[expect(dead_code, reason = "only read")]
        message_id: i64,
        #[expect(dead_code, reason = "only read")]
        way: Option<Way>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Way {
        Smtp,
    }

    fn reason(payload: &str) -> String {
        misfit(&serde_json::from_str::<Mail>(payload).unwrap_err())
    }

    #[test]
    fn the_reason_names_our_fields_and_types_and_never_what_was_found() {
        let way: Way = serde_json::from_str("\"smtp\"").unwrap();
        assert!(matches!(way, Way::Smtp));
        for (payload, reason_is) in [
            ("{}", "missing field `message_id` at line 1 column 2"),
            (
                r#"{"message_id":"anne@example.org"}"#,
                "invalid type, expected i64 at line 1 column 32",
            ),
            (
                r#"{"anne":1}"#,
                "unknown field, expected `message_id` or `way` at line 1 column 7",
            ),
            (
                r#"{"message_id":1,"way":"anne, expected x"}"#,
                "unknown variant, expected `smtp` at line 1 column 40",
            ),
            (r#"{"message_id":"#, "it is no JSON at line 1 column 14"),
        ] {
            assert_eq!(reason(payload), reason_is, "{payload}");
        }
    }
}
