//! A text in which `*` stands for any run of characters, also an empty one.

use std::fmt;

/// A pattern. Without `*` it matches itself only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// From what a person wrote; there is no way to mean a literal `*`, which no name contains.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The only text it matches, if there is just one.
    pub fn exact(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(self.0.as_str())
    }

    /// Whether a text fits; capital letters differ from small ones.
    pub fn matches(&self, text: &str) -> bool {
        let Some((head, rest)) = self.0.split_once('*') else {
            return self.0 == text;
        };
        let Some(mut left) = text.strip_prefix(head) else {
            return false;
        };
        let mut middles: Vec<&str> = rest.split('*').collect();
        let tail = middles.pop().unwrap_or_default();
        // The earliest place of each part leaves the most for the parts behind it.
        for middle in middles {
            let Some(at) = left.find(middle) else {
                return false;
            };
            left = &left[at + middle.len()..];
        }
        left.ends_with(tail)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run() {
        for (pattern, text, fits) in [
            ("a.b", "a.b", true),
            ("a.b", "a.bc", false),
            ("a.*", "a.b", true),
            ("a.*", "b.a.b", false),
            ("*", "", true),
            ("*b*", "abc", true),
            ("a*a", "a", false),
            ("a*b*a", "abba", true),
            ("*ab*ab", "abab", true),
            ("*ab*ab", "ab", false),
            ("a**", "a", true),
            ("", "a", false),
        ] {
            assert_eq!(
                Pattern::new(pattern).matches(text),
                fits,
                "{pattern} {text}"
            );
        }
    }
}
