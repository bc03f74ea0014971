//! What follows a task's end: links, chains and chords, decided without doing any of it.
//!
//! A caller may wait for any id in a canvas, so each of them gets an end: a chain that breaks
//! fails all that is behind the break, and a chord that cannot complete fails its body.

use serde_json::value::RawValue;

use super::envelope::{array, fields};
use super::publish::{self, With};
use super::result::{State, Subject, meta, raw, readable, to_json};
use super::{Embed, Exception, Origin, Sender, Signature, chord};

pub use super::chord::{Part, fail_chord, gather};

/// How a task ended.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// It returned this.
    Success {
        /// What it returned.
        result: &'a RawValue,
    },
    /// It failed for good, or was refused.
    Failure {
        /// Why.
        exception: &'a Exception,
        /// For people.
        traceback: Option<&'a str>,
    },
    /// It was revoked, terminated, or its time had passed.
    Revoked {
        /// Which of them.
        exception: &'a Exception,
    },
}

/// One thing to do, in the order given.
#[derive(Debug, Clone)]
pub enum Act {
    /// Push a message. Whether this queue and task are allowed is not decided here.
    Publish {
        /// The queue, without prefix.
        queue: String,
        /// From 0 to 9; decides the list.
        priority: u8,
        /// The task.
        task: String,
        /// Its id.
        task_id: String,
        /// The message.
        raw: String,
    },
    /// Store and publish a result.
    Store {
        /// Whose.
        task_id: String,
        /// `SUCCESS`, `FAILURE` or `REVOKED`.
        state: &'static str,
        /// The text.
        meta: String,
    },
    /// Count a part of a chord as ended.
    Chord(Part),
}

/// Everything that follows the end of a task, its own result included.
pub fn after(origin: &Origin, outcome: Outcome<'_>, sender: &mut Sender<'_>) -> Vec<Act> {
    match outcome {
        Outcome::Success { result } => after_success(origin, result, sender),
        Outcome::Failure {
            exception,
            traceback,
        } => {
            let state = State::Failure {
                exception,
                traceback,
            };
            let mut acts = after_break(origin, &state, exception, sender);
            acts.extend(errbacks(
                origin,
                &origin.id,
                origin.root_id.as_deref(),
                &origin.embed.errbacks,
                sender,
            ));
            acts
        }
        Outcome::Revoked { exception } => {
            after_break(origin, &State::Revoked { exception }, exception, sender)
        }
    }
}

/// The exception with which to refuse a message because of what shall follow it; ask before it
/// runs. Groups, chains and chords inside of signatures are not taken apart.
#[must_use]
pub fn refused(embed: &Embed) -> Option<Exception> {
    let nested = embed
        .callbacks
        .iter()
        .chain(&embed.errbacks)
        .chain(&embed.chain)
        .chain(&embed.chord)
        .any(is_nested);
    nested.then(nested_canvas)
}

fn is_nested(signature: &Signature) -> bool {
    signature.parts().is_none_or(|parts| parts.canvas.is_some())
}

pub(crate) fn nested_canvas() -> Exception {
    Exception::invalid_task(
        "a group, chain or chord inside of a callback, chain or chord is not supported",
    )
}

fn after_success(origin: &Origin, result: &RawValue, sender: &mut Sender<'_>) -> Vec<Act> {
    // Python reads it in arguments and in chords just as it does in the result.
    let result = &*readable(result);
    let mut acts = Vec::new();
    let mut children = Vec::new();
    let root_id = origin.root_id.as_deref().unwrap_or(&origin.id);
    let with = With {
        first: Some(result),
        parent_id: Some(&origin.id),
        root_id: Some(root_id),
        chain: None,
    };
    let (next, rest) = match origin.embed.chain.split_last() {
        Some((next, rest)) => (Some(next), Some(rest)),
        None => (None, None),
    };
    let chained = With {
        chain: rest,
        ..with
    };
    let mut broken = Vec::new();
    let callbacks = origin.embed.callbacks.iter().map(|link| (link, &with));
    for (signature, with) in callbacks.chain(next.map(|next| (next, &chained))) {
        match publish::signature(origin, signature, with, sender) {
            Some(act) => {
                if let Act::Publish { task_id, .. } = &act {
                    children.push(task_id.clone());
                }
                acts.push(act);
            }
            None => broken.push((signature, with.chain.unwrap_or_default())),
        }
    }
    let state = State::Success { result };
    acts.extend(own_result(origin, &state, &children, sender));
    acts.extend(chord_part(origin, &state, sender));
    let exception = nested_canvas();
    let failure = State::Failure {
        exception: &exception,
        traceback: None,
    };
    for (signature, rest) in broken {
        fail_signatures(rest, &failure, sender, &mut acts);
        fail_signatures(std::slice::from_ref(signature), &failure, sender, &mut acts);
    }
    acts
}

/// The task did not succeed: what it stands for in a chord, and everything behind it in its chain.
fn after_break(
    origin: &Origin,
    state: &State<'_>,
    exception: &Exception,
    sender: &mut Sender<'_>,
) -> Vec<Act> {
    let mut acts: Vec<Act> = own_result(origin, state, &[], sender).into_iter().collect();
    acts.extend(chord_part(origin, state, sender));
    let inherited = match state {
        State::Revoked { .. } => State::Revoked { exception },
        _ => State::Failure {
            exception,
            traceback: None,
        },
    };
    fail_signatures(&origin.embed.chain, &inherited, sender, &mut acts);
    for callback in origin.embed.callbacks.iter().filter(|link| is_nested(link)) {
        fail_signatures(
            std::slice::from_ref(callback),
            &inherited,
            sender,
            &mut acts,
        );
    }
    acts
}

fn own_result(
    origin: &Origin,
    state: &State<'_>,
    children: &[String],
    sender: &Sender<'_>,
) -> Option<Act> {
    (!origin.ignore_result).then(|| Act::Store {
        task_id: origin.id.clone(),
        state: final_name(state),
        meta: meta(
            &Subject::of(origin, sender.node),
            state,
            children,
            sender.now_ms,
        ),
    })
}

pub(crate) fn final_name(state: &State<'_>) -> &'static str {
    match state {
        State::Success { .. } => "SUCCESS",
        State::Revoked { .. } => "REVOKED",
        _ => "FAILURE",
    }
}

fn chord_part(origin: &Origin, state: &State<'_>, sender: &Sender<'_>) -> Vec<Act> {
    let Some(body) = &origin.embed.chord else {
        return Vec::new();
    };
    if let Some(group) = &origin.group {
        let part = chord::part(group, origin.group_index, &origin.id, state, body);
        return vec![Act::Chord(part)];
    }
    // Without a group nobody can count its parts: who waits for the body shall know.
    let exception = Exception::invalid_task("a part of a chord has no group");
    let mut acts = Vec::new();
    let failure = State::Failure {
        exception: &exception,
        traceback: None,
    };
    fail_signatures(std::slice::from_ref(body), &failure, sender, &mut acts);
    acts
}

/// Ends every id that these signatures were given, and counts those that are parts of a chord.
pub(crate) fn fail_signatures(
    signatures: &[Signature],
    state: &State<'_>,
    sender: &Sender<'_>,
    acts: &mut Vec<Act>,
) {
    for signature in signatures.iter().rev() {
        let mut ids = Vec::new();
        collect_ids(signature.json(), &mut ids);
        acts.extend(ids.into_iter().map(|id| Act::Store {
            state: final_name(state),
            meta: meta(&Subject::bare(&id), state, &[], sender.now_ms),
            task_id: id,
        }));
        acts.extend(chord::inherited_part(signature, state).map(Act::Chord));
    }
}

/// How many ids of one signature are ended; a real canvas has far fewer.
const MAX_IDS: usize = 10_000;

/// The ids in a signature and in the canvas inside of it, if it is one.
fn collect_ids(json: &str, ids: &mut Vec<String>) {
    if let Some(items) = array(json) {
        for item in items {
            collect_ids(item.get(), ids);
        }
        return;
    }
    let Some(signature) = fields(json) else {
        return;
    };
    let options = signature.get("options").and_then(|raw| fields(raw.get()));
    let id = options
        .as_ref()
        .and_then(|options| super::envelope::text(options.get("task_id")?));
    if let Some(id) = id.filter(|id| ids.len() < MAX_IDS && !ids.contains(id)) {
        ids.push(id);
    }
    let nested = signature
        .get("subtask_type")
        .is_some_and(|raw| raw.get() != "null");
    let Some(kwargs) = signature
        .get("kwargs")
        .filter(|_| nested)
        .and_then(|raw| fields(raw.get()))
    else {
        return;
    };
    for name in ["tasks", "header", "body"] {
        if let Some(inner) = kwargs.get(name) {
            collect_ids(inner.get(), ids);
        }
    }
}

pub(crate) fn errbacks(
    origin: &Origin,
    failed_id: &str,
    root_id: Option<&str>,
    signatures: &[Signature],
    sender: &mut Sender<'_>,
) -> Vec<Act> {
    let first = raw(to_json(&failed_id));
    let with = With {
        first: Some(&first),
        parent_id: Some(failed_id),
        root_id: Some(root_id.unwrap_or(failed_id)),
        chain: None,
    };
    let exception = nested_canvas();
    let failure = State::Failure {
        exception: &exception,
        traceback: None,
    };
    let mut acts = Vec::new();
    for signature in signatures {
        match publish::signature(origin, signature, &with, sender) {
            Some(act) => acts.push(act),
            None => {
                fail_signatures(std::slice::from_ref(signature), &failure, sender, &mut acts);
            }
        }
    }
    acts
}
