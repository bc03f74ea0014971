//! From text to words: where each begins, whether it is excluded, its key and its value.
//!
//! `word := ['-'] [key ':'] value`; a value is a run without white space or a text in double
//! quotes, in which `\"` and `\\` stand for a quote and a backslash.

use super::error::FilterError;

/// One word of a filter, not yet understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word<'t> {
    /// Byte offset of the key, or of the value if there is none.
    pub(super) at: usize,
    pub(super) negated: bool,
    pub(super) key: Option<&'t str>,
    /// Byte offset of the value.
    pub(super) value_at: usize,
    pub(super) value: String,
}

/// Splits a text into words.
pub(super) fn words(text: &str) -> Result<Vec<Word<'_>>, FilterError> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(|c: char| !c.is_whitespace()) {
        let (word, end) = word(text, at + start)?;
        words.push(word);
        at = end;
    }
    Ok(words)
}

/// The word that starts at a byte offset, and where it ends.
fn word(text: &str, start: usize) -> Result<(Word<'_>, usize), FilterError> {
    let negated = text[start..].starts_with('-');
    let at = start + usize::from(negated);
    let bare_end = end_of_run(text, at);
    let key = text[at..bare_end]
        .split_once(':')
        .map(|(key, _)| key)
        .filter(|key| !key.contains('"'));
    let value_at = key.map_or(at, |key| at + key.len() + 1);
    let (value, end) = if text[value_at..].starts_with('"') {
        unquote(text, value_at)?
    } else {
        (text[value_at..bare_end].to_owned(), bare_end)
    };
    let word = Word {
        at,
        negated,
        key,
        value_at,
        value,
    };
    Ok((word, end))
}

fn end_of_run(text: &str, at: usize) -> usize {
    let length = text[at..].find(char::is_whitespace);
    length.map_or(text.len(), |length| at + length)
}

/// The content of a quoted text, and the offset behind its closing quote.
fn unquote(text: &str, at: usize) -> Result<(String, usize), FilterError> {
    let mut value = String::new();
    let mut rest = text[at + 1..].char_indices();
    while let Some((offset, c)) = rest.next() {
        match c {
            '"' => {
                let end = at + 1 + offset + 1;
                return if end_of_run(text, end) == end {
                    Ok((value, end))
                } else {
                    let problem = "text goes on behind a closing quote".to_owned();
                    let hint = "put a space behind it, or write \\\" for a quote inside";
                    Err(FilterError::new(text, end, problem, hint.to_owned()))
                };
            }
            '\\' => match rest.clone().next() {
                Some((_, escaped @ ('"' | '\\'))) => {
                    value.push(escaped);
                    rest.next();
                }
                _ => value.push('\\'),
            },
            _ => value.push(c),
        }
    }
    let problem = "quote is never closed".to_owned();
    let hint = "end the text with \"".to_owned();
    Err(FilterError::new(text, at, problem, hint))
}

/// A value so that it reads back as itself; `bare` if no key stands in front of it.
pub(super) fn quoted(value: &str, bare: bool) -> String {
    let plain = !value.is_empty()
        && !value.contains(|c: char| c.is_whitespace() || c == '"')
        && !(bare && (value.starts_with('-') || value.contains(':')));
    if plain {
        return value.to_owned();
    }
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<(bool, Option<&str>, String)> {
        let words = words(text).unwrap().into_iter();
        words
            .map(|word| (word.negated, word.key, word.value))
            .collect()
    }

    #[test]
    fn keys_end_at_the_first_colon_and_quotes_keep_spaces() {
        assert_eq!(
            parts("tag:campaign:12  -error:\"no \\\"route\\\"\" \"a:b\" c"),
            [
                (false, Some("tag"), "campaign:12".to_owned()),
                (true, Some("error"), "no \"route\"".to_owned()),
                (false, None, "a:b".to_owned()),
                (false, None, "c".to_owned()),
            ]
        );
        assert!(parts(" \t\n").is_empty());
    }

    #[test]
    fn a_wrong_quote_is_told_by_its_place() {
        let open = words("é error:\"x").unwrap_err();
        assert_eq!((open.at(), open.hint()), (9, "end the text with \""));
        assert_eq!(words("\"a\"b").unwrap_err().at(), 4);
    }
}
