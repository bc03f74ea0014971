//! From the bytes of a list to a message, in the order that keeps most of a bad one: size, envelope,
//! id and task, times, content type, body. The task id comes early, because who has it can be told.

use std::time::Duration;

use serde_json::value::RawValue;

use super::content::{Content, embed};
use super::envelope::{Envelope, Fields, array, fields, present, text};
use super::lenient::{self, Tags};
use super::message::{Message, Origin};
use super::refusal::{Reason, Refusal};
use super::{Limits, body, time};

/// What can be known of a message without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The task id.
    pub id: String,
    /// The name of the task.
    pub task: String,
    /// How often it was tried before.
    pub retries: u32,
    /// How often the task replaced itself. Id, retries and this name one wanted execution.
    pub nesting: u32,
    /// Whether the caller wants no result.
    pub ignore_result: bool,
    /// The name of this publication of the message, if it has one.
    pub delivery_tag: Option<String>,
    /// Whether a consumer took it before and gave it back.
    pub redelivered: bool,
}

/// Reads who a message is, without its body (but for protocol 1, which has everything there).
pub fn head(raw: &[u8], limits: &Limits) -> Result<Head, Refusal> {
    Opened::new(raw, limits).map(|opened| opened.head)
}

/// Reads a whole message. `now_ms`: the time now, for the horizon of etas.
pub fn read(raw: &[u8], now_ms: u64, limits: &Limits) -> Result<Message, Refusal> {
    let opened = Opened::new(raw, limits)?;
    let known = Known::of(&opened.head);
    opened
        .message(now_ms, limits)
        .map_err(|reason| known.refuse(reason))
}

/// What can be saved of a message that [`read`] refused: enough to end what was to follow it, through
/// [`super::after`] with the refusal's exception. `None` where only the task id is left, or not even that.
#[must_use]
pub fn salvage(raw: &[u8], queue: &str, limits: &Limits) -> Option<Origin> {
    let Opened {
        envelope,
        head,
        one,
    } = Opened::new(raw, limits).ok()?;
    let headers = one.as_ref().unwrap_or(&envelope.headers);
    let part = |name| key_part(headers, name, limits).ok().flatten();
    let embed = if let Some(fields) = &one {
        embed(fields, limits).ok()?
    } else {
        let body = body::decode(&envelope, limits).ok()?;
        let body = lenient::tidy(&body, limits.depth, Tags::Keep).ok()?;
        embed(&fields(array(&body)?.get(2)?.get())?, limits).ok()?
    };
    Some(Origin {
        root_id: part("root_id"),
        parent_id: part("parent_id"),
        group: part("group").or_else(|| part("taskset")),
        group_index: present(headers, "group_index").and_then(|raw| raw.get().parse().ok()),
        id: head.id,
        task: head.task,
        queue: queue.to_owned(),
        retries: head.retries,
        ignore_result: head.ignore_result,
        priority: priority(&envelope),
        reply_to: reply_to(&envelope, limits),
        embed,
        arguments: None,
    })
}

/// What a refusal can say of a message.
#[derive(Default)]
struct Known {
    id: Option<String>,
    task: Option<String>,
    ignore_result: bool,
}

impl Known {
    fn of(head: &Head) -> Self {
        Self {
            id: Some(head.id.clone()),
            task: Some(head.task.clone()),
            ignore_result: head.ignore_result,
        }
    }

    fn refuse(self, reason: Reason) -> Refusal {
        Refusal {
            task_id: self.id,
            task: self.task,
            ignore_result: self.ignore_result,
            ..Refusal::bare(reason)
        }
    }
}

/// A message whose envelope is read.
struct Opened {
    envelope: Envelope,
    head: Head,
    /// The body of protocol 1, which is also its headers.
    one: Option<Fields>,
}

impl Opened {
    fn new(raw: &[u8], limits: &Limits) -> Result<Self, Refusal> {
        let envelope = Envelope::open(raw, limits).map_err(Refusal::bare)?;
        let one = first_protocol(&envelope, limits);
        let headers = one.as_ref().unwrap_or(&envelope.headers);

        let mut known = Known {
            ignore_result: flag(headers, "ignore_result"),
            ..Known::default()
        };
        known.id = named(headers, "id", limits.id_bytes);
        known.task = named(headers, "task", limits.task_bytes);
        let (id, task) = match (&known.id, &known.task) {
            (Some(id), Some(task)) => (id.clone(), task.clone()),
            (None, Some(_)) => return Err(known.refuse(Reason::NoId)),
            (_, None) => return Err(known.refuse(Reason::NoTask)),
        };
        let Some(retries) = whole(headers, "retries") else {
            return Err(known.refuse(Reason::InvalidRetries));
        };
        let head = Head {
            id,
            task,
            retries,
            nesting: whole(headers, "replaced_task_nesting").unwrap_or(0),
            ignore_result: known.ignore_result,
            delivery_tag: envelope
                .property("delivery_tag")
                .and_then(text)
                .filter(|tag| tag.len() <= limits.id_bytes),
            redelivered: redelivered(&envelope),
        };
        Ok(Self {
            envelope,
            head,
            one,
        })
    }

    fn message(self, now_ms: u64, limits: &Limits) -> Result<Message, Reason> {
        let Self {
            envelope,
            head,
            mut one,
        } = self;
        let headers = one.as_ref().unwrap_or(&envelope.headers);
        let eta_ms = moment(headers, "eta", Reason::InvalidEta)?;
        let expires_ms = moment(headers, "expires", Reason::InvalidExpires)?;
        if let (Some(eta), Some(horizon)) = (eta_ms, limits.horizon)
            && u128::from(eta.saturating_sub(now_ms)) > horizon.as_millis()
        {
            return Err(Reason::BeyondHorizon);
        }
        let time_limit = time_limit(present(headers, "timelimit"))?;
        let group = key_part(headers, "group", limits)?.or(key_part(headers, "taskset", limits)?);
        let group_index = match present(headers, "group_index") {
            None => None,
            Some(raw) => Some(
                raw.get()
                    .parse()
                    .map_err(|_| Reason::InvalidHeader("group_index"))?,
            ),
        };
        let root_id = key_part(headers, "root_id", limits)?;
        let parent_id = key_part(headers, "parent_id", limits)?;
        let protocol = if one.is_some() { 1 } else { 2 };
        let content = match one.as_mut() {
            Some(fields) => Content::of_first(fields, limits)?,
            None => Content::of_second(&body::decode(&envelope, limits)?, limits)?,
        };
        Ok(Message {
            id: head.id,
            task: head.task,
            args: content.args,
            kwargs: content.kwargs,
            embed: content.embed,
            eta_ms,
            expires_ms,
            retries: head.retries,
            priority: priority(&envelope),
            ignore_result: head.ignore_result,
            time_limit,
            group,
            group_index,
            root_id,
            parent_id,
            reply_to: reply_to(&envelope, limits),
            nesting: head.nesting,
            headers: envelope
                .headers
                .into_iter()
                .filter(|(name, _)| !PROTOCOL.contains(&name.as_str()))
                .collect(),
            delivery_tag: head.delivery_tag,
            redelivered: head.redelivered,
            protocol,
        })
    }
}

/// The headers that are not the caller's own.
const PROTOCOL: &[&str] = &[
    "argsrepr",
    "compression",
    "eta",
    "expires",
    "group",
    "group_index",
    "id",
    "ignore_result",
    "kwargsrepr",
    "lang",
    "origin",
    "parent_id",
    "redelivered",
    "replaced_task_nesting",
    "retries",
    "root_id",
    "shadow",
    "stamped_headers",
    "stamps",
    "task",
    "timelimit",
];

/// The body of a message of protocol 1: an object that names a task, under headers that name none.
fn first_protocol(envelope: &Envelope, limits: &Limits) -> Option<Fields> {
    if envelope.headers.contains_key("task") || envelope.headers.contains_key("id") {
        return None;
    }
    let body = body::decode(envelope, limits).ok()?;
    let body = lenient::tidy(&body, limits.depth, Tags::Keep).ok()?;
    fields(&body).filter(|fields| fields.contains_key("task"))
}

/// A text that is not empty and not too long.
fn named(headers: &Fields, name: &str, bytes: usize) -> Option<String> {
    headers
        .get(name)
        .and_then(|raw| text(raw))
        .filter(|text| !text.is_empty() && text.len() <= bytes)
}

fn flag(headers: &Fields, name: &str) -> bool {
    headers.get(name).is_some_and(|raw| raw.get() == "true")
}

/// A whole number from 0; 0 where there is none, `None` where it is something else.
fn whole(headers: &Fields, name: &str) -> Option<u32> {
    match present(headers, name) {
        None => Some(0),
        Some(raw) => raw.get().parse().ok(),
    }
}

fn redelivered(envelope: &Envelope) -> bool {
    flag(&envelope.headers, "redelivered")
        || envelope
            .property("delivery_info")
            .and_then(|raw| fields(raw.get()))
            .is_some_and(|info| flag(&info, "redelivered"))
}

/// The list it came from has decided already; so what is no number is 0 and no reason to refuse.
fn priority(envelope: &Envelope) -> u8 {
    let given = envelope
        .property("priority")
        .and_then(|raw| raw.get().parse::<f64>().ok())
        .unwrap_or(0.0);
    given.clamp(0.0, 9.0) as u8
}

/// Only copied, so what is no usable text is left out and no reason to refuse.
fn reply_to(envelope: &Envelope, limits: &Limits) -> Option<String> {
    envelope
        .property("reply_to")
        .and_then(text)
        .filter(|name| !name.is_empty() && name.len() <= limits.id_bytes)
}

fn moment(headers: &Fields, name: &str, otherwise: Reason) -> Result<Option<u64>, Reason> {
    let Some(raw) = present(headers, name) else {
        return Ok(None);
    };
    text(raw)
        .and_then(|written| time::parse(&written))
        .map(Some)
        .ok_or(otherwise)
}

/// A text that becomes part of a key's name or of a result.
fn key_part(
    headers: &Fields,
    name: &'static str,
    limits: &Limits,
) -> Result<Option<String>, Reason> {
    let Some(raw) = present(headers, name) else {
        return Ok(None);
    };
    match text(raw) {
        Some(text) if text.len() <= limits.id_bytes => Ok(Some(text).filter(|id| !id.is_empty())),
        _ => Err(Reason::InvalidHeader(name)),
    }
}

fn time_limit(raw: Option<&RawValue>) -> Result<(Option<Duration>, Option<Duration>), Reason> {
    let Some(raw) = raw else {
        return Ok((None, None));
    };
    let limits: Vec<Option<f64>> =
        serde_json::from_str(raw.get()).map_err(|_| Reason::InvalidTimeLimit)?;
    match limits.as_slice() {
        [] => Ok((None, None)),
        [hard, soft] => Ok((seconds(*hard)?, seconds(*soft)?)),
        _ => Err(Reason::InvalidTimeLimit),
    }
}

/// 0 is no limit, as in Celery.
fn seconds(given: Option<f64>) -> Result<Option<Duration>, Reason> {
    // A century; beyond it a limit is none, and clocks overflow.
    const LONGEST: f64 = 3_155_760_000.0;
    match given {
        None | Some(0.0) => Ok(None),
        Some(given) if given > 0.0 => Ok(Some(Duration::from_secs_f64(given.min(LONGEST)))),
        Some(_) => Err(Reason::InvalidTimeLimit),
    }
}
