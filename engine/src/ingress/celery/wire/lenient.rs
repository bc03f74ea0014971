//! What Python takes for JSON, made JSON.
//!
//! Python's encoder writes `NaN`, `Infinity` and lone surrogates, which strict readers refuse
//! together with everything around them, the task id included. One pass over the text puts
//! that right, measures the nesting before anything recursive sees it, and turns Python's tagged
//! values into plain ones. It does not check that the rest is JSON: `serde_json` does, afterwards.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::value::RawValue;

use super::envelope::{fields, text};
use super::{Reason, time};

/// What becomes of objects that are exactly `{"__type__": …, "__value__": …}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tags {
    /// They stay, because a Python worker may read them.
    Keep,
    /// They become plain JSON: dates, decimals, UUIDs and bytes become text.
    Plain,
    /// Their keys lose the underscores, so that no Python client takes them for tagged values.
    Rename,
}

/// An array or object that is still open.
struct Open {
    /// Where it starts in the output.
    start: usize,
    object: bool,
    at_key: bool,
    keys: Keys,
}

/// Which keys an object has had so far.
#[derive(Default)]
struct Keys {
    tag: bool,
    value: bool,
    other: bool,
}

/// The text as JSON. `NaN` and the infinities become `null`, as they do in JavaScript; a lone
/// surrogate becomes U+FFFD; numbers keep all their digits.
pub(crate) fn tidy(json: &str, depth: usize, tags: Tags) -> Result<String, Reason> {
    let bytes = json.as_bytes();
    let mut out = String::with_capacity(json.len());
    let mut open: Vec<Open> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let end = match byte {
            b'"' => {
                let end = string_end(bytes, at);
                let start = out.len();
                push_string(&mut out, &json[at..end]);
                if let Some(object) = open.last_mut().filter(|open| open.at_key) {
                    object.at_key = false;
                    object.note_key(&out[start..]);
                }
                end
            }
            b'[' | b'{' => {
                if open.len() >= depth {
                    return Err(Reason::TooDeep);
                }
                open.push(Open::new(out.len(), byte == b'{'));
                out.push(char::from(byte));
                at + 1
            }
            b']' | b'}' => {
                out.push(char::from(byte));
                if let Some(closed) = open
                    .pop()
                    .filter(|closed| tags != Tags::Keep && closed.is_tagged())
                {
                    untag(&mut out, closed.start, tags)?;
                }
                at + 1
            }
            b',' => {
                if let Some(object) = open.last_mut().filter(|open| open.object) {
                    object.at_key = true;
                }
                out.push(',');
                at + 1
            }
            b'N' | b'I' | b'-' => match not_a_number(&bytes[at..]) {
                Some(length) => {
                    out.push_str("null");
                    at + length
                }
                None => push_plain(&mut out, json, at),
            },
            _ => push_plain(&mut out, json, at),
        };
        at = end;
    }
    Ok(out)
}

impl Open {
    fn new(start: usize, object: bool) -> Self {
        Self {
            start,
            object,
            at_key: object,
            keys: Keys::default(),
        }
    }

    /// A key may be written with escapes; Python compares what they stand for.
    fn note_key(&mut self, quoted: &str) {
        let known = match quoted {
            "\"__type__\"" => Some("__type__"),
            "\"__value__\"" => Some("__value__"),
            _ if !quoted.contains('\\') => None,
            _ => match serde_json::from_str::<String>(quoted).as_deref() {
                Ok("__type__") => Some("__type__"),
                Ok("__value__") => Some("__value__"),
                _ => None,
            },
        };
        match known {
            Some("__type__") => self.keys.tag = true,
            Some(_) => self.keys.value = true,
            None => self.keys.other = true,
        }
    }

    fn is_tagged(&self) -> bool {
        self.keys.tag && self.keys.value && !self.keys.other
    }
}

/// The end of everything that means nothing here, from `at` on.
fn push_plain(out: &mut String, json: &str, at: usize) -> usize {
    let length = json.as_bytes()[at + 1..]
        .iter()
        .position(|byte| {
            matches!(
                byte,
                b'"' | b'[' | b'{' | b']' | b'}' | b',' | b'N' | b'I' | b'-'
            )
        })
        .map_or(json.len() - at, |length| length + 1);
    // Every byte it stops at is ASCII, and so is what it starts after: both are char boundaries.
    out.push_str(json.get(at..at + length).unwrap_or_default());
    at + length
}

fn not_a_number(bytes: &[u8]) -> Option<usize> {
    ["NaN", "Infinity", "-Infinity"]
        .iter()
        .find(|word| bytes.starts_with(word.as_bytes()))
        .map(|word| word.len())
}

/// One past the closing quote of the string that starts at `at`, or the end of the text.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut next = at + 1;
    while let Some(&byte) = bytes.get(next) {
        match byte {
            b'"' => return next + 1,
            b'\\' => next += 2,
            _ => next += 1,
        }
    }
    bytes.len()
}

/// Copies a quoted string; of a surrogate without its other half remains U+FFFD.
fn push_string(out: &mut String, quoted: &str) {
    let mut rest = quoted;
    while let Some(escape) = rest.find('\\') {
        let (before, from) = rest.split_at(escape);
        out.push_str(before);
        let taken = match (unit(from), from.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => {
                out.push_str(&from[..12]);
                12
            }
            (Some(0xD800..=0xDFFF), _) => {
                out.push_str("\\ufffd");
                6
            }
            (Some(_), _) => {
                out.push_str(&from[..6]);
                6
            }
            // A short escape, or one that serde_json shall complain about.
            (None, _) => {
                let length = from.chars().take(2).map(char::len_utf8).sum();
                out.push_str(&from[..length]);
                length
            }
        };
        rest = &from[taken..];
    }
    out.push_str(rest);
}

/// The code unit of a `\uXXXX` at the start of the text.
fn unit(escape: &str) -> Option<u32> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    digits
        .bytes()
        .all(|digit| digit.is_ascii_hexdigit())
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
}

/// Replaces the tagged object that the output ends with.
fn untag(out: &mut String, start: usize, tags: Tags) -> Result<(), Reason> {
    // Not JSON after all: serde_json will say so of the whole.
    let Some(mut object) = fields(&out[start..]) else {
        return Ok(());
    };
    let (Some(tag), Some(value)) = (object.remove("__type__"), object.remove("__value__")) else {
        return Ok(());
    };
    let replacement = match tags {
        Tags::Keep => return Ok(()),
        Tags::Plain => plain(&tag, &value)?,
        Tags::Rename => format!("{{\"type\":{},\"value\":{}}}", tag.get(), value.get()),
    };
    out.truncate(start);
    out.push_str(&replacement);
    Ok(())
}

/// A tagged value as plain JSON.
fn plain(tag: &RawValue, value: &RawValue) -> Result<String, Reason> {
    let tag = text(tag).ok_or(Reason::UnknownTypeTag)?;
    let written = || text(value).ok_or(Reason::InvalidTypeTag);
    let right = match tag.as_str() {
        "datetime" | "date" => time::parse(&written()?).is_some(),
        "time" => time::is_time(&written()?),
        "decimal" => is_decimal(&written()?),
        "base64" => BASE64.decode(written()?).is_ok(),
        "bytes" => written().is_ok(),
        "uuid" => return uuid(value),
        _ => return Err(Reason::UnknownTypeTag),
    };
    if right {
        Ok(value.get().to_owned())
    } else {
        Err(Reason::InvalidTypeTag)
    }
}

fn is_decimal(written: &str) -> bool {
    let unsigned = written.strip_prefix(['-', '+']).unwrap_or(written);
    matches!(unsigned, "NaN" | "sNaN" | "Infinity")
        || (unsigned.bytes().any(|byte| byte.is_ascii_digit())
            && unsigned
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte)))
}

fn uuid(value: &RawValue) -> Result<String, Reason> {
    let hex = fields(value.get())
        .and_then(|fields| text(fields.get("hex")?))
        .map(|hex| hex.replace('-', ""))
        .filter(|hex| hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .ok_or(Reason::InvalidTypeTag)?;
    let groups = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    Ok(format!("\"{}\"", groups.join("-")))
}
