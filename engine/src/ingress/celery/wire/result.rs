//! What a caller reads about its task: `celery-task-meta-<id>`.
//!
//! The client is unforgiving here: without `task_id` or `status` it hangs for 19 s, an exception
//! that is text breaks even `.status`, and a class that is no exception is a security error. So
//! the text is made in one place, from types that cannot be wrong.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::lenient::{self, Tags};
use super::{Origin, time};

pub use super::exception::{Exception, MODULE};

/// What happened to a task, with what is shown of it.
#[derive(Debug, Clone, Copy)]
pub enum State<'a> {
    /// It is known and has not started. Celery itself stores nothing for this.
    Pending,
    /// It started; stored only where callers want to see that (`task_track_started`).
    Started {
        /// The process.
        pid: u32,
        /// The node, `name@host`.
        hostname: &'a str,
    },
    /// It failed and is tried again.
    Retry {
        /// Why.
        exception: &'a Exception,
        /// For people.
        traceback: Option<&'a str>,
    },
    /// It succeeded.
    Success {
        /// What it returned.
        result: &'a RawValue,
    },
    /// It failed for good.
    Failure {
        /// Why.
        exception: &'a Exception,
        /// For people.
        traceback: Option<&'a str>,
    },
    /// It was revoked or its time had passed.
    Revoked {
        /// Which of them.
        exception: &'a Exception,
    },
    /// It reports how far it is.
    Progress {
        /// The state's name, `PROGRESS` by custom. It is written in upper case.
        name: &'a str,
        /// What it reports.
        report: &'a RawValue,
    },
}

impl State<'_> {
    /// The name as Celery knows it.
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Pending => "PENDING".into(),
            Self::Started { .. } => "STARTED".into(),
            Self::Retry { .. } => "RETRY".into(),
            Self::Success { .. } => "SUCCESS".into(),
            Self::Failure { .. } => "FAILURE".into(),
            Self::Revoked { .. } => "REVOKED".into(),
            Self::Progress { name, .. } => progress_name(name).into(),
        }
    }

    /// Whether `.get()` returns on it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Success { .. } | Self::Failure { .. } | Self::Revoked { .. }
        )
    }
}

/// A custom state must not pass for one that means something else to the client.
fn progress_name(name: &str) -> String {
    let name = name.trim().to_uppercase();
    match name.as_str() {
        "" | "PENDING" | "RECEIVED" | "STARTED" | "RETRY" | "SUCCESS" | "FAILURE" | "REVOKED"
        | "REJECTED" | "IGNORED" => "PROGRESS".to_owned(),
        _ => name,
    }
}

/// Whose result it is.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The task id; the same as in the key, or `.get()` never returns.
    pub task_id: &'a str,
    /// Its group.
    pub group: Option<&'a str>,
    /// The task that sent it.
    pub parent_id: Option<&'a str>,
    /// What `result_extended` adds.
    pub extended: Option<Extended<'a>>,
}

/// What a result shows where `result_extended` is on.
#[derive(Debug, Clone, Copy)]
pub struct Extended<'a> {
    /// The name of the task.
    pub name: &'a str,
    /// Positional arguments.
    pub args: &'a [Box<RawValue>],
    /// Keyword arguments.
    pub kwargs: &'a BTreeMap<String, Box<RawValue>>,
    /// The node that ran it.
    pub worker: &'a str,
    /// How often it was tried before.
    pub retries: u32,
    /// The list it came from.
    pub queue: &'a str,
}

impl<'a> Subject<'a> {
    /// A task of which nothing but the id is known.
    #[must_use]
    pub fn bare(task_id: &'a str) -> Self {
        Self {
            task_id,
            group: None,
            parent_id: None,
            extended: None,
        }
    }

    /// The task of a message that `worker` works on.
    #[must_use]
    pub fn of(origin: &'a Origin, worker: &'a str) -> Self {
        Self {
            task_id: &origin.id,
            group: origin.group.as_deref(),
            parent_id: origin.parent_id.as_deref(),
            extended: origin.arguments.as_ref().map(|arguments| Extended {
                name: &origin.task,
                args: &arguments.args,
                kwargs: &arguments.kwargs,
                worker,
                retries: origin.retries,
                queue: &origin.queue,
            }),
        }
    }
}

#[derive(Serialize)]
struct Meta<'a> {
    status: &'a str,
    result: &'a RawValue,
    traceback: Option<&'a str>,
    children: Vec<((&'a str, ()), ())>,
    date_done: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<&'a [Box<RawValue>]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kwargs: Option<&'a BTreeMap<String, Box<RawValue>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<&'a str>,
    task_id: &'a str,
}

/// The text to store and to publish. `children`: ids of the tasks that were sent after it.
#[must_use]
pub fn meta(subject: &Subject<'_>, state: &State<'_>, children: &[String], now_ms: u64) -> String {
    let (result, traceback) = shown(state);
    let name = state.name();
    let extended = subject.extended;
    to_json(&Meta {
        status: &name,
        result: &result,
        traceback,
        children: children.iter().map(|id| ((id.as_str(), ()), ())).collect(),
        date_done: state.is_final().then(|| time::iso(now_ms)),
        group_id: subject.group,
        parent_id: subject.parent_id,
        name: extended.map(|extended| extended.name),
        args: extended.map(|extended| extended.args),
        kwargs: extended.map(|extended| extended.kwargs),
        worker: extended.map(|extended| extended.worker),
        retries: extended.map(|extended| extended.retries),
        queue: extended.map(|extended| extended.queue),
        task_id: subject.task_id,
    })
}

fn shown<'a>(state: &State<'a>) -> (Box<RawValue>, Option<&'a str>) {
    match state {
        State::Pending => (raw("null".to_owned()), None),
        State::Started { pid, hostname } => (
            raw(to_json(&json!({"pid": pid, "hostname": hostname}))),
            None,
        ),
        State::Success { result } => (readable(result), None),
        State::Progress { report, .. } => (readable(report), None),
        State::Retry {
            exception,
            traceback,
        }
        | State::Failure {
            exception,
            traceback,
        } => (raw(to_json(exception)), *traceback),
        State::Revoked { exception } => (raw(to_json(exception)), None),
    }
}

/// A job's own value; what a Python client would take for a tagged value gets other keys, because
/// one of an unknown type breaks even `.status`.
pub(crate) fn readable(value: &RawValue) -> Box<RawValue> {
    // A depth that no value has which serde_json wrote; the nesting is the job's own affair.
    match lenient::tidy(value.get(), usize::MAX, Tags::Rename) {
        Ok(renamed) => raw(renamed),
        Err(_) => raw(value.get().to_owned()),
    }
}

/// JSON of a value that cannot fail to be written: its keys are texts.
pub(crate) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// JSON text as a value.
pub(crate) fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
