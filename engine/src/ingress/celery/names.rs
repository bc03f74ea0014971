//! The table of task names: which kind of job each is, and which argument is which field.
//!
//! A call in Python has positional and keyword arguments; a job has one object. The table names the
//! parameters in their order, so that both ways to call become the same payload, and what Python
//! would refuse is refused here with Python's words.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write};

use serde_json::Value;

use super::wire::Message;

/// What is done with the messages of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Mode {
    /// Nothing: they are left for Celery's own workers.
    #[default]
    Off,
    /// They are counted and left.
    Shadow,
    /// They become jobs.
    Take,
}

impl Mode {
    /// Its name in settings and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Shadow => "shadow",
            Self::Take => "take",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A parameter of the Python function and the field of the payload it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// Its name in Python.
    pub name: String,
    /// The field.
    pub field: String,
}

impl Argument {
    /// Reads `message`, or `message=value` if the field has another name.
    pub fn read(text: &str) -> Self {
        let (name, field) = text.split_once('=').unwrap_or((text, text));
        Self {
            name: name.trim().to_owned(),
            field: field.trim().to_owned(),
        }
    }
}

/// A task that can become a job.
#[derive(Debug, Clone, Default)]
pub struct Task {
    /// The name on the wire.
    pub name: String,
    /// The kind of job.
    pub kind: String,
    /// What is done with its messages.
    pub mode: Mode,
    /// Its parameters in their order.
    pub args: Vec<Argument>,
    /// Fields that are set where the caller left them out.
    pub defaults: BTreeMap<String, Value>,
    /// Fields that the caller cannot set.
    pub fixed: BTreeMap<String, Value>,
}

impl Task {
    /// The payload of a call, or what Python would say about it.
    pub fn payload(&self, message: &Message) -> Result<String, String> {
        let mut fields: BTreeMap<&str, &str> = BTreeMap::new();
        let function = self.name.rsplit('.').next().unwrap_or(&self.name);
        if message.args.len() > self.args.len() {
            return Err(format!(
                "{function}() takes {} positional arguments but {} were given",
                self.args.len(),
                message.args.len()
            ));
        }
        for (argument, value) in self.args.iter().zip(&message.args) {
            fields.insert(&argument.field, value.get());
        }
        for (name, value) in &message.kwargs {
            let argument = self.args.iter().find(|argument| argument.name == *name);
            let Some(argument) = argument else {
                return Err(format!("{function}() got an unexpected keyword argument"));
            };
            if fields.insert(&argument.field, value.get()).is_some() {
                return Err(format!(
                    "{function}() got multiple values for argument '{}'",
                    argument.name
                ));
            }
        }
        let defaults = texts(&self.defaults);
        for (field, value) in &defaults {
            fields.entry(field).or_insert(value);
        }
        let fixed = texts(&self.fixed);
        fields.extend(fixed.iter().map(|(field, value)| (*field, value.as_str())));
        Ok(object(&fields))
    }
}

fn texts(values: &BTreeMap<String, Value>) -> Vec<(&str, String)> {
    let texts = values.iter();
    texts
        .map(|(field, value)| (field.as_str(), value.to_string()))
        .collect()
}

/// Written by hand: numbers beyond 64 bits must arrive as they were sent.
fn object(fields: &BTreeMap<&str, &str>) -> String {
    let mut text = String::from("{");
    for (number, (field, value)) in fields.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{}:{value}", Value::from(*field));
    }
    text.push('}');
    text
}

/// The table.
#[derive(Debug, Clone, Default)]
pub struct Names {
    tasks: HashMap<String, Task>,
}

impl Names {
    /// A table; of two tasks of one name the later one counts.
    pub fn new(tasks: impl IntoIterator<Item = Task>) -> Self {
        let tasks = tasks.into_iter().map(|task| (task.name.clone(), task));
        Self {
            tasks: tasks.collect(),
        }
    }

    /// The task of that name.
    pub fn get(&self, name: &str) -> Option<&Task> {
        self.tasks.get(name)
    }

    /// All of them by name.
    pub fn all(&self) -> Vec<&Task> {
        let mut all: Vec<&Task> = self.tasks.values().collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// Whether no name is left to other workers.
    pub fn all_taken(&self) -> bool {
        self.tasks.values().all(|task| task.mode == Mode::Take)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::wire::{self, Limits};
    use super::*;

    fn call(args: &Value, kwargs: &Value) -> Message {
        let body = json!([args, kwargs, null]).to_string();
        let envelope = json!({
            "body": body, "content-encoding": "utf-8", "content-type": "application/json",
            "headers": {"task": "mail.send", "id": "one"}, "properties": {},
        });
        wire::read(envelope.to_string().as_bytes(), 0, &Limits::default()).unwrap()
    }

    fn task() -> Task {
        Task {
            name: "mail.send".to_owned(),
            args: vec![Argument::read("send_id"), Argument::read("days=keep_days")],
            defaults: BTreeMap::from([("keep_days".to_owned(), json!(30))]),
            fixed: BTreeMap::from([("rows".to_owned(), json!("logs"))]),
            ..Task::default()
        }
    }

    #[test]
    fn positional_and_keyword_arguments_become_the_same_payload() {
        let payload = r#"{"keep_days":7,"rows":"logs","send_id":1}"#;
        for message in [
            call(&json!([1, 7]), &json!({})),
            call(&json!([]), &json!({"days": 7, "send_id": 1})),
        ] {
            assert_eq!(task().payload(&message), Ok(payload.to_owned()));
        }
    }

    #[test]
    fn what_the_caller_leaves_out_has_its_default() {
        let message = call(&json!([1]), &json!({}));
        let payload = r#"{"keep_days":30,"rows":"logs","send_id":1}"#;
        assert_eq!(task().payload(&message), Ok(payload.to_owned()));
    }

    #[test]
    fn what_python_would_refuse_is_refused_in_its_words() {
        let refused = |args, kwargs| task().payload(&call(&args, &kwargs)).unwrap_err();
        let many = refused(json!([1, 2, 3]), json!({}));
        assert_eq!(many, "send() takes 2 positional arguments but 3 were given");
        let unknown = refused(json!([]), json!({"rows": "all"}));
        assert_eq!(unknown, "send() got an unexpected keyword argument");
        let twice = refused(json!([1]), json!({"send_id": 2}));
        assert_eq!(twice, "send() got multiple values for argument 'send_id'");
    }
}
