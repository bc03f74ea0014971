//! A message that was read, and what has to be remembered of it until its job has ended.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Signature;

/// A message of a Celery client.
#[derive(Debug, Clone)]
pub struct Message {
    /// The task id: free text, not always a UUID.
    pub id: String,
    /// The name of the task.
    pub task: String,
    /// The positional arguments; Python's types are plain JSON already.
    pub args: Vec<Box<RawValue>>,
    /// The keyword arguments; Python's types are plain JSON already.
    pub kwargs: BTreeMap<String, Box<RawValue>>,
    /// What is to happen afterwards.
    pub embed: Embed,
    /// Not to run before, in ms since 1970.
    pub eta_ms: Option<u64>,
    /// Not to start after, in ms since 1970.
    pub expires_ms: Option<u64>,
    /// How often it was tried before.
    pub retries: u32,
    /// From 0, the most urgent, to 9.
    pub priority: u8,
    /// Whether the caller wants no result.
    pub ignore_result: bool,
    /// Hard and soft limit of its run; each may be left to the task.
    pub time_limit: (Option<Duration>, Option<Duration>),
    /// The group or chord it is a part of.
    pub group: Option<String>,
    /// Its place there.
    pub group_index: Option<i64>,
    /// The first task of the tree it belongs to.
    pub root_id: Option<String>,
    /// The task that sent it; its own id after a retry.
    pub parent_id: Option<String>,
    /// Where the rpc backend would answer; copied when it is sent again.
    pub reply_to: Option<String>,
    /// How often the task replaced itself; 0 before Celery 5.3.
    pub nesting: u32,
    /// The caller's own headers, such as a tenant or a trace id.
    pub headers: BTreeMap<String, Box<RawValue>>,
    /// The name of this publication of the message; not the task id.
    pub delivery_tag: Option<String>,
    /// Whether a consumer took it before and gave it back.
    pub redelivered: bool,
    /// 1 or 2.
    pub protocol: u8,
}

/// What is to happen after a task.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Embed {
    /// Sent with the result after a success.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callbacks: Vec<Signature>,
    /// Sent with the id after a failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errbacks: Vec<Signature>,
    /// The rest of the chain, as on the wire: the next one is the LAST.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Signature>,
    /// The body of the chord this is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chord: Option<Signature>,
}

/// The arguments as they came, for results that show them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Arguments {
    /// Positional.
    pub args: Vec<Box<RawValue>>,
    /// By name.
    pub kwargs: BTreeMap<String, Box<RawValue>>,
}

/// Everything of a message that is needed after its job has ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Origin {
    /// The task id.
    pub id: String,
    /// The name of the task.
    pub task: String,
    /// The list it was taken from.
    pub queue: String,
    /// The first task of the tree it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_id: Option<String>,
    /// The task that sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    /// The group or chord it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Its place there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_index: Option<i64>,
    /// How often it was tried before it came here.
    #[serde(default)]
    pub retries: u32,
    /// Whether the caller wants no result.
    #[serde(default)]
    pub ignore_result: bool,
    /// From 0, the most urgent, to 9.
    #[serde(default)]
    pub priority: u8,
    /// Where the rpc backend would answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// What is to happen afterwards.
    #[serde(default)]
    pub embed: Embed,
    /// Only where results show them (`result_extended`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Arguments>,
}

impl Message {
    /// What to remember of it. `extended`: results shall show name, arguments and worker.
    #[must_use]
    pub fn origin(&self, queue: &str, extended: bool) -> Origin {
        Origin {
            id: self.id.clone(),
            task: self.task.clone(),
            queue: queue.to_owned(),
            root_id: self.root_id.clone(),
            parent_id: self.parent_id.clone(),
            group: self.group.clone(),
            group_index: self.group_index,
            retries: self.retries,
            ignore_result: self.ignore_result,
            priority: self.priority,
            reply_to: self.reply_to.clone(),
            embed: self.embed.clone(),
            arguments: extended.then(|| Arguments {
                args: self.args.clone(),
                kwargs: self.kwargs.clone(),
            }),
        }
    }
}
