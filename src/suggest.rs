//! "Did you mean": the known name that is closest to a mistyped one.
//!
//! Used for configuration keys and job kinds. It prefers to stay silent: a suggestion that is
//! far off is worse than none.

/// Below this similarity, from 0 to 1, nothing is suggested.
const SIMILAR_ENOUGH: f64 = 0.6;

/// The closest of `known`, if one is close.
pub(crate) fn closest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let scored = known
        .into_iter()
        .map(|candidate| (similarity(name, candidate), candidate));
    let best = scored.max_by(|(left, _), (right, _)| left.total_cmp(right))?;
    (best.0 >= SIMILAR_ENOUGH).then_some(best.1)
}

/// How alike two dotted names are; a right last part counts although the first one is missing.
fn similarity(name: &str, candidate: &str) -> f64 {
    let last = |dotted: &str| dotted.rsplit('.').next().unwrap_or_default().to_owned();
    let whole = strsim::normalized_damerau_levenshtein(name, candidate);
    let tail = strsim::normalized_damerau_levenshtein(&last(name), &last(candidate));
    whole.max(tail * 0.9)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 3] = ["worker.grace_s", "worker.beat_s", "redis.url"];

    #[test]
    fn a_typing_error_and_a_missing_section_find_the_name() {
        assert_eq!(closest("worker.grace", KNOWN), Some("worker.grace_s"));
        assert_eq!(closest("grace_s", KNOWN), Some("worker.grace_s"));
        assert_eq!(closest("redis.ulr", KNOWN), Some("redis.url"));
    }

    #[test]
    fn nothing_is_suggested_for_a_stranger() {
        assert_eq!(closest("smtp.password", KNOWN), None);
        assert_eq!(closest("anything", []), None);
    }
}
