//! The kinds of an installation, as whoever mounts the router knows them.

use std::fmt;

use rouage::NewJob;
use serde_json::Value;

use crate::http::decode::{Fault, fault_of};

/// What a person wants to know about a kind before using it.
#[derive(Debug, Clone)]
pub struct KindInfo {
    /// The frozen name.
    pub kind: String,
    /// The queue its jobs wait in.
    pub queue: String,
    /// One sentence: what a run does.
    pub summary: String,
    /// The JSON Schema of its payload.
    pub schema: Value,
}

/// Knows the payload types, which this crate does not.
pub trait KindCatalog: fmt::Debug + Send + Sync {
    /// All kinds, by name.
    fn kinds(&self) -> &[KindInfo];

    /// A job of that kind with the kind's queue and policy, after its payload was checked.
    fn new_job(&self, kind: &str, payload: &str) -> Result<NewJob, Refusal>;
}

/// Why a payload makes no job.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub(crate) fault: Fault,
}

impl Refusal {
    /// There is no such kind; the hint says which there are.
    pub fn unknown_kind(hint: impl Into<String>) -> Self {
        let fault = Fault::new("/kind", "is no kind of this installation").hint(hint);
        Self { fault }
    }

    /// The payload does not fit its kind; nothing of its values is kept.
    pub fn payload(error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        Self {
            fault: fault_of(error).under("/payload"),
        }
    }

    /// The payload is refused for a reason that quotes none of its values.
    pub fn because(detail: impl Into<String>) -> Self {
        Self {
            fault: Fault::new("/payload", detail),
        }
    }
}
