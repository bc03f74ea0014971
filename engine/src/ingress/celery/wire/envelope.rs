//! The outermost JSON object of a message, of a control request and of a reply.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::lenient::{self, Tags};
use super::{Limits, Reason};

/// The members of a JSON object, each as its text. Of two with one name the last counts, as in
/// Python.
pub(crate) type Fields = BTreeMap<String, Box<RawValue>>;

/// The members of an object; `None` if it is none.
pub(crate) fn fields(json: &str) -> Option<Fields> {
    serde_json::from_str(json).ok()
}

/// The items of an array; `None` if it is none.
pub(crate) fn array(json: &str) -> Option<Vec<Box<RawValue>>> {
    serde_json::from_str(json).ok()
}

/// A text; `None` if it is none.
pub(crate) fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// A message taken out of a list, not yet understood.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) headers: Fields,
    pub(crate) properties: Fields,
    pub(crate) rest: Fields,
}

impl Envelope {
    pub(crate) fn open(raw: &[u8], limits: &Limits) -> Result<Self, Reason> {
        if raw.len() > limits.message_bytes {
            return Err(Reason::MessageTooLarge);
        }
        let raw = std::str::from_utf8(raw).map_err(|_| Reason::NotUtf8)?;
        let clean = lenient::tidy(raw, limits.depth, Tags::Keep)?;
        let mut rest = serde_json::from_str::<Fields>(&clean).map_err(|error| {
            if error.is_data() {
                Reason::NotAnObject
            } else {
                Reason::NotJson
            }
        })?;
        let mut part = |name: &str| {
            rest.remove(name)
                .and_then(|raw| fields(raw.get()))
                .unwrap_or_default()
        };
        Ok(Self {
            headers: part("headers"),
            properties: part("properties"),
            rest,
        })
    }

    /// A header; absent and null are the same.
    pub(crate) fn header(&self, name: &str) -> Option<&RawValue> {
        present(&self.headers, name)
    }

    /// The member of the properties; absent and null are the same.
    pub(crate) fn property(&self, name: &str) -> Option<&RawValue> {
        present(&self.properties, name)
    }

    /// One of the remaining members; absent and null are the same.
    pub(crate) fn member(&self, name: &str) -> Option<&RawValue> {
        present(&self.rest, name)
    }
}

/// A member of an object; absent and null are the same.
pub(crate) fn present<'a>(fields: &'a Fields, name: &str) -> Option<&'a RawValue> {
    fields
        .get(name)
        .map(|raw| &**raw)
        .filter(|raw| raw.get() != "null")
}
