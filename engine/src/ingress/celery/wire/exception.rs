//! Exceptions as Celery's clients can raise them, and no others: a class that is none, or one that
//! ends a thread, would hurt the caller instead of telling it something.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The module under which the exceptions of our own jobs appear to the client, which makes a class
/// of this name up.
pub const MODULE: &str = "rouage";

/// An exception as Celery stores it. The client raises `exc_module.exc_type(*exc_message)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exception {
    /// The class.
    pub exc_type: String,
    /// The arguments of its constructor.
    pub exc_message: Vec<Value>,
    /// Where the class is.
    pub exc_module: String,
}

impl Exception {
    fn celery(class: &str, arguments: Vec<Value>) -> Self {
        Self::new("celery.exceptions", class, arguments)
    }

    fn billiard(class: &str, arguments: Vec<Value>) -> Self {
        Self::new("billiard.exceptions", class, arguments)
    }

    fn new(module: &str, class: &str, arguments: Vec<Value>) -> Self {
        Self {
            exc_type: class.to_owned(),
            exc_message: arguments,
            exc_module: module.to_owned(),
        }
    }

    /// No job of this name.
    #[must_use]
    pub fn not_registered(task: &str) -> Self {
        Self::celery("NotRegistered", vec![json!(task)])
    }

    /// A message that is not one.
    #[must_use]
    pub fn invalid_task(sentence: &str) -> Self {
        Self::celery("InvalidTaskError", vec![json!(sentence)])
    }

    /// A content type that is not taken.
    #[must_use]
    pub fn content_disallowed(sentence: &str) -> Self {
        Self::new(
            "kombu.exceptions",
            "ContentDisallowed",
            vec![json!(sentence)],
        )
    }

    /// A body that cannot be read.
    #[must_use]
    pub fn decode_error(sentence: &str) -> Self {
        Self::new("kombu.exceptions", "DecodeError", vec![json!(sentence)])
    }

    /// Its time had passed before it started.
    #[must_use]
    pub fn expired() -> Self {
        Self::celery("TaskRevokedError", vec![json!("expired")])
    }

    /// It was revoked before it started.
    #[must_use]
    pub fn revoked() -> Self {
        Self::celery("TaskRevokedError", vec![json!("revoked")])
    }

    /// It was stopped while it ran.
    #[must_use]
    pub fn terminated() -> Self {
        Self::celery("TaskRevokedError", vec![json!("terminated")])
    }

    /// It ran longer than its soft limit.
    #[must_use]
    pub fn soft_time_limit() -> Self {
        Self::billiard("SoftTimeLimitExceeded", Vec::new())
    }

    /// It ran longer than its hard limit.
    #[must_use]
    pub fn time_limit(seconds: f64) -> Self {
        // Whole seconds appear as Python's int, as they do in Celery.
        let seconds = if seconds.fract() == 0.0 && (0.0..9e15).contains(&seconds) {
            json!(seconds as u64)
        } else {
            json!(seconds)
        };
        Self::billiard("TimeLimitExceeded", vec![seconds])
    }

    /// Its worker died.
    #[must_use]
    pub fn worker_lost(sentence: &str) -> Self {
        Self::billiard("WorkerLostError", vec![json!(sentence)])
    }

    /// A part of a chord did not succeed, so its body does not run.
    #[must_use]
    pub fn chord_error(dependency: &str, raised: &str) -> Self {
        Self::celery(
            "ChordError",
            vec![json!(format!("Dependency {dependency} raised {raised}"))],
        )
    }

    /// The job's own error, after which it is tried no more.
    #[must_use]
    pub fn job_failed(message: &str) -> Self {
        Self::new(MODULE, "JobFailed", vec![json!(message)])
    }

    /// The job said that trying it again is of no use.
    #[must_use]
    pub fn job_discarded(message: &str) -> Self {
        Self::new(MODULE, "JobDiscarded", vec![json!(message)])
    }

    /// The job waits for a person.
    #[must_use]
    pub fn job_held(message: &str) -> Self {
        Self::new(MODULE, "JobHeld", vec![json!(message)])
    }

    /// The arguments are not those of the job.
    #[must_use]
    pub fn wrong_arguments(message: &str) -> Self {
        Self::new("builtins", "TypeError", vec![json!(message)])
    }

    /// As Python's `repr` shows it.
    #[must_use]
    pub fn repr(&self) -> String {
        let arguments: Vec<String> = self.exc_message.iter().map(python_repr).collect();
        format!("{}({})", self.exc_type, arguments.join(", "))
    }
}

/// As Python shows a value; of what is nested, the JSON.
fn python_repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => {
            let escaped = text
                .replace('\\', "\\\\")
                .replace('\n', "\\n")
                .replace('\r', "\\r");
            if escaped.contains('\'') && !escaped.contains('"') {
                format!("\"{escaped}\"")
            } else {
                format!("'{}'", escaped.replace('\'', "\\'"))
            }
        }
        other => other.to_string(),
    }
}
