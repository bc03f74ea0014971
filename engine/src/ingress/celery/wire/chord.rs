//! Chords: parts that end in any order on any worker, and a body that runs after the last.
//!
//! Counting is the broker's affair; here is what is counted, and what follows when all are there.

use serde_json::value::RawValue;

use super::canvas::{self, Act};
use super::envelope::array;
use super::publish::{self, With};
use super::result::{State, raw, to_json};
use super::{Exception, Origin, Sender, Signature};

/// A part of a chord that ended.
#[derive(Debug, Clone)]
pub struct Part {
    /// The chord's group; names its keys.
    pub group: String,
    /// Its place in the list of results; parts without one come last.
    pub index: Option<i64>,
    /// The part's task id.
    pub task_id: String,
    /// The member of `.d`, by which no part counts twice.
    pub seen: String,
    /// The member of `.j`; its score is the index.
    pub member: String,
    /// What runs when all have ended.
    pub body: Signature,
}

pub(crate) fn part(
    group: &str,
    index: Option<i64>,
    task_id: &str,
    state: &State<'_>,
    body: &Signature,
) -> Part {
    let value = match state {
        State::Success { result } => (*result).to_owned(),
        State::Failure { exception, .. } | State::Revoked { exception } => raw(to_json(exception)),
        _ => RawValue::NULL.to_owned(),
    };
    let place = index.map_or_else(|| "None".to_owned(), |index| index.to_string());
    Part {
        group: group.to_owned(),
        index,
        task_id: task_id.to_owned(),
        seen: format!("{task_id}:{place}"),
        member: to_json(&(1, task_id, canvas::final_name(state), value)),
        body: body.clone(),
    }
}

/// The last task of a chain in a chord carries the chord in its options.
pub(crate) fn inherited_part(signature: &Signature, state: &State<'_>) -> Option<Part> {
    let parts = signature.parts()?;
    let body = Signature::new(parts.options.get("chord")?.clone())?;
    let index = parts
        .options
        .get("group_index")
        .and_then(|raw| raw.get().parse().ok());
    Some(part(
        &parts.option_text("group_id")?,
        index,
        &parts.option_text("task_id")?,
        state,
        &body,
    ))
}

/// What follows when all parts of a chord have ended. `members`: `.j` in order; `origin`: the part
/// that ended last, after which the body is sent.
pub fn gather(
    origin: &Origin,
    body: &Signature,
    members: &[String],
    sender: &mut Sender<'_>,
) -> Vec<Act> {
    let results = match results(members) {
        Ok(results) => raw(to_json(&results)),
        Err(exception) => return fail_chord(origin, body, &exception, sender),
    };
    let root_id = origin.root_id.as_deref().unwrap_or(&origin.id);
    let with = With {
        first: Some(&results),
        parent_id: Some(&origin.id),
        root_id: Some(root_id),
        chain: None,
    };
    match publish::signature(origin, body, &with, sender) {
        Some(act) => vec![act],
        None => fail_chord(origin, body, &canvas::nested_canvas(), sender),
    }
}

/// The results of the parts, or why the body does not run.
fn results(members: &[String]) -> Result<Vec<Box<RawValue>>, Exception> {
    type Member = (Box<RawValue>, String, String, Box<RawValue>);
    let mut results = Vec::with_capacity(members.len());
    for member in members {
        let Ok((_, id, state, value)) = serde_json::from_str::<Member>(member) else {
            return Err(Exception::chord_error("unknown", "a part that is not JSON"));
        };
        if state == "FAILURE" || state == "REVOKED" {
            let raised = serde_json::from_str::<Exception>(value.get())
                .map_or_else(|_| "an exception".to_owned(), |exception| exception.repr());
            return Err(Exception::chord_error(&id, &raised));
        }
        results.push(value);
    }
    Ok(results)
}

/// The body of a chord does not run: ends its id and sends its errbacks.
pub fn fail_chord(
    origin: &Origin,
    body: &Signature,
    exception: &Exception,
    sender: &mut Sender<'_>,
) -> Vec<Act> {
    let failure = State::Failure {
        exception,
        traceback: None,
    };
    let mut acts = Vec::new();
    canvas::fail_signatures(std::slice::from_ref(body), &failure, sender, &mut acts);
    let (Some(parts), Some(id)) = (body.parts(), body.task_id()) else {
        return acts;
    };
    let errbacks_of_body: Vec<Signature> = parts
        .options
        .get("link_error")
        .map(|raw| array(raw.get()).unwrap_or_else(|| vec![raw.clone()]))
        .into_iter()
        .flatten()
        .filter_map(Signature::new)
        .collect();
    acts.extend(canvas::errbacks(
        origin,
        &id,
        origin.root_id.as_deref(),
        &errbacks_of_body,
        sender,
    ));
    acts
}
