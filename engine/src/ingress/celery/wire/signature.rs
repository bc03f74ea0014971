//! A task to be called later: what callbacks, chains and chords are made of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::envelope::{Fields, array, fields, text};

/// A signature, kept as it came: what is not understood here is passed on to whoever runs it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signature(Box<RawValue>);

/// A signature taken apart.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) task: String,
    pub(crate) args: Vec<Box<RawValue>>,
    pub(crate) kwargs: BTreeMap<String, Box<RawValue>>,
    pub(crate) options: Fields,
    pub(crate) immutable: bool,
    /// `group`, `chain`, `chord` and the like; `None` for a plain task.
    pub(crate) canvas: Option<String>,
}

impl Signature {
    /// Takes a JSON value as a signature if it has the shape of one.
    pub(crate) fn new(raw: Box<RawValue>) -> Option<Self> {
        let signature = Self(raw);
        signature.parts().is_some().then_some(signature)
    }

    /// The signature as JSON.
    #[must_use]
    pub fn json(&self) -> &str {
        self.0.get()
    }

    /// The task it calls.
    #[must_use]
    pub fn task(&self) -> Option<String> {
        self.parts().map(|parts| parts.task)
    }

    /// The id its caller waits for, if it was given one.
    #[must_use]
    pub fn task_id(&self) -> Option<String> {
        self.parts()?.option_text("task_id")
    }

    pub(crate) fn parts(&self) -> Option<Parts> {
        let mut fields = fields(self.0.get())?;
        let object = |raw: Option<Box<RawValue>>| match raw {
            None => Some(BTreeMap::new()),
            Some(raw) if raw.get() == "null" => Some(BTreeMap::new()),
            Some(raw) => self::fields(raw.get()),
        };
        Some(Parts {
            task: text(fields.get("task")?).filter(|task| !task.is_empty())?,
            args: match fields.remove("args") {
                Some(raw) if raw.get() != "null" => array(raw.get())?,
                _ => Vec::new(),
            },
            kwargs: object(fields.remove("kwargs"))?,
            options: object(fields.remove("options"))?,
            immutable: fields
                .get("immutable")
                .is_some_and(|raw| raw.get() == "true"),
            canvas: match fields.get("subtask_type") {
                Some(raw) if raw.get() != "null" => Some(text(raw)?),
                _ => None,
            },
        })
    }
}

impl Parts {
    /// An option that is text; what is of another type is as good as absent.
    pub(crate) fn option_text(&self, name: &str) -> Option<String> {
        self.options.get(name).and_then(|raw| text(raw))
    }
}
