//! JSON into types, and what is wrong with it told without quoting it.
//!
//! Whoever sent a wrong value knows it; whoever reads the answer in a log should not. So a fault has
//! the place as a JSON pointer and what was expected there, and texts and numbers are left out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

/// Deepest accepted nesting of arrays and objects.
pub(crate) const MAX_DEPTH: usize = 64;

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Fault {
    /// Where: a JSON pointer into the body (`/jobs/3/payload/user_id`), or the name of a header or
    /// a query parameter.
    field: String,
    /// What is wrong there; quotes no value.
    detail: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Fault {
    pub(crate) fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            detail: detail.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same fault of something inside another.
    pub(crate) fn under(mut self, pointer: &str) -> Self {
        self.field.insert_str(0, pointer);
        self
    }

    /// Field, detail and hint.
    pub(crate) fn into_parts(self) -> (String, String, Option<String>) {
        (self.field, self.detail, self.hint)
    }
}

/// Why bytes are not what was asked for.
#[derive(Debug)]
pub(crate) enum Undecodable {
    /// They are no JSON.
    NotJson(String),
    /// They are, and do not fit.
    Misfit(Fault),
}

/// Reads a value.
pub(crate) fn decode<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, Undecodable> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Undecodable::NotJson(format!("not UTF-8 from byte {}", error.valid_up_to()))
    })?;
    if too_deep(text) {
        let detail = format!("nested deeper than {MAX_DEPTH} levels");
        return Err(Undecodable::NotJson(detail));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut json);
    let value = read.map_err(|error| match error.inner().classify() {
        Category::Data => Undecodable::Misfit(fault_of(&error)),
        _ => Undecodable::NotJson(place_of(error.inner())),
    })?;
    json.end()
        .map_err(|error| Undecodable::NotJson(place_of(&error)))?;
    Ok(value)
}

fn place_of(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Eof => format!("it ends too early, at line {line} column {column}"),
        _ => format!("not JSON at line {line} column {column}"),
    }
}

/// Whether brackets are nested too deeply, whatever else is wrong with the text.
fn too_deep(text: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// What serde found, with its place and without values.
pub(crate) fn fault_of(error: &serde_path_to_error::Error<serde_json::Error>) -> Fault {
    let message = error.inner().to_string();
    let message = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(message, _)| message);
    let mut field = pointer(error.path());
    let missing = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.strip_suffix('`'));
    if let Some(name) = missing {
        field = format!("{field}/{}", escaped(name));
        return Fault::new(field, "is missing");
    }
    Fault::new(field, without_values(message))
}

/// A path as a JSON pointer.
fn pointer(path: &Path) -> String {
    let segments = path.iter().map(|segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", escaped(key)),
        Segment::Enum { variant } => format!("/{}", escaped(variant)),
        Segment::Unknown => "/?".to_owned(),
    });
    segments.collect()
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Serde's message without the value it quotes: of `invalid type: string "x", expected i32` the
/// type stays, of other messages what is in double quotes goes.
fn without_values(message: &str) -> String {
    let known = ["invalid type: ", "invalid value: "];
    for start in known {
        let Some(rest) = message.strip_prefix(start) else {
            continue;
        };
        let (found, expected) = rest
            .rsplit_once(", expected ")
            .unwrap_or((rest, "another one"));
        let found = found.split([' ', '`', '"']).next().unwrap_or_default();
        return format!("{start}{found}, expected {expected}");
    }
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let allowed = rest.split_once("`, ").map_or("", |(_, allowed)| allowed);
        return format!("unknown field; {allowed}");
    }
    if message.starts_with("unknown variant `") {
        let allowed = message.split_once("`, ").map_or("", |(_, allowed)| allowed);
        return format!("unknown value; {allowed}");
    }
    let outside = message.split('"').step_by(2);
    outside.collect::<Vec<_>>().join("…")
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(rename = "jobs")]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        kind: String,
        number: Option<u8>,
        payload: Box<RawValue>,
    }

    fn fault(text: &str) -> (String, String) {
        match decode::<Outer>(text.as_bytes()) {
            Err(Undecodable::Misfit(fault)) => (fault.field, fault.detail),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn raw_parts_are_kept_as_they_came() {
        let text = r#"{"jobs":[{"kind":"a","payload":{"b": [1, "é"]}}]}"#;
        let outer: Outer = decode(text.as_bytes()).unwrap();
        let inner = &outer.inner[0];
        assert_eq!(inner.payload.get(), r#"{"b": [1, "é"]}"#);
        assert_eq!((inner.kind.as_str(), inner.number), ("a", None));
    }

    #[test]
    fn a_misfit_is_told_by_its_place_and_never_by_its_value() {
        let wrong = |inner: &str| fault(&format!(r#"{{"jobs":[{inner}]}}"#));
        let (field, detail) = wrong(r#"{"kind":"a","payload":1,"number":"ann@example.org"}"#);
        assert_eq!(field, "/jobs/0/number");
        assert_eq!(detail, "invalid type: string, expected u8");
        let (field, detail) = wrong(r#"{"kind":"a","payload":1,"number":4711}"#);
        assert_eq!(field, "/jobs/0/number");
        assert_eq!(detail, "invalid value: integer, expected u8");
        assert_eq!(
            wrong(r#"{"payload":1}"#),
            ("/jobs/0/kind".into(), "is missing".into())
        );
        let (field, detail) = wrong(r#"{"kind":"a","payload":1,"numbre":1}"#);
        assert!(field.starts_with("/jobs/0"), "{field}");
        assert!(detail.starts_with("unknown field; expected"), "{detail}");
    }

    #[test]
    fn what_a_type_says_itself_loses_what_it_quotes() {
        assert_eq!(
            without_values(r#"cannot read "ann" as a date"#),
            "cannot read … as a date"
        );
    }

    #[test]
    fn what_is_no_json_is_told_by_its_place() {
        for (bytes, start) in [
            (&b"\xff"[..], "not UTF-8 from byte 0"),
            (b"{\"jobs\": [}", "not JSON at line 1"),
            (b"{\"jobs\":", "it ends too early"),
            (b"{\"jobs\":[]} x", "not JSON at line 1"),
            (b"", "it ends too early"),
        ] {
            match decode::<Outer>(bytes) {
                Err(Undecodable::NotJson(detail)) => assert!(detail.starts_with(start), "{detail}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn depth_is_bounded_where_nothing_else_looks_inside() {
        let deep = |levels: usize| {
            let (open, close) = ("[".repeat(levels), "]".repeat(levels));
            format!(r#"{{"jobs":[{{"kind":"[[[\"[[[","payload":{open}{close}}}]}}"#)
        };
        assert!(decode::<Outer>(deep(MAX_DEPTH - 3).as_bytes()).is_ok());
        let refused = decode::<Outer>(deep(MAX_DEPTH - 2).as_bytes());
        assert!(matches!(refused, Err(Undecodable::NotJson(detail)) if detail.contains("deeper")));
    }
}
