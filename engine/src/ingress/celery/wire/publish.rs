//! Writes messages as a Celery client of protocol 2 would, so that any worker can take them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::canvas::Act;
use super::envelope::{Envelope, Fields, array, fields, text};
use super::result::{raw, to_json};
use super::signature::Parts;
use super::{Limits, Origin, Reason, Signature, time};

/// Who writes, and when. The ids it needs are made by the caller.
pub struct Sender<'a> {
    /// The node, `name@host`; the `origin` of messages and the `worker` of results.
    pub node: &'a str,
    /// The time now, in ms since 1970.
    pub now_ms: u64,
    /// A new random UUID with each call.
    pub fresh: &'a mut dyn FnMut() -> String,
}

impl std::fmt::Debug for Sender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender")
            .field("node", &self.node)
            .field("now_ms", &self.now_ms)
            .finish_non_exhaustive()
    }
}

/// What a signature is sent with besides its own arguments.
#[derive(Default)]
pub(crate) struct With<'a> {
    /// Put before its arguments, unless it is immutable.
    pub(crate) first: Option<&'a RawValue>,
    /// The rest of the chain, as on the wire.
    pub(crate) chain: Option<&'a [Signature]>,
    /// The task after which it is sent, and the first of its tree.
    pub(crate) parent_id: Option<&'a str>,
    pub(crate) root_id: Option<&'a str>,
}

/// Sends a plain signature after a task; `None` if it is none that can be sent.
pub(crate) fn signature(
    origin: &Origin,
    signature: &Signature,
    with: &With<'_>,
    sender: &mut Sender<'_>,
) -> Option<Act> {
    let parts = signature.parts().filter(|parts| parts.canvas.is_none())?;
    let task_id = parts
        .option_text("task_id")
        .unwrap_or_else(|| (sender.fresh)());
    let queue = parts
        .option_text("queue")
        .filter(|queue| !queue.is_empty())
        .unwrap_or_else(|| origin.queue.clone());
    let priority = number(&parts, "priority").map_or(0, |given| given.clamp(0.0, 9.0) as u8);
    let (expires, expires_in) = expires(&parts, sender.now_ms);

    let headers = headers(&parts, &task_id, expires.as_deref(), with, sender);
    let mut properties = json!({
        "correlation_id": task_id,
        "reply_to": parts.option_text("reply_to").or_else(|| origin.reply_to.clone()).unwrap_or_default(),
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": queue},
        "priority": priority,
        "body_encoding": "base64",
        "delivery_tag": (sender.fresh)(),
    });
    if let Some(ms) = expires_in {
        properties["expiration"] = json!(ms.to_string());
    }
    Some(Act::Publish {
        raw: envelope(&body(&parts, with), &headers, &properties),
        task: parts.task,
        task_id,
        queue,
        priority,
    })
}

fn headers(
    parts: &Parts,
    task_id: &str,
    expires: Option<&str>,
    with: &With<'_>,
    sender: &Sender<'_>,
) -> BTreeMap<String, Box<RawValue>> {
    let option = |name: &str| {
        parts
            .options
            .get(name)
            .cloned()
            .unwrap_or_else(|| RawValue::NULL.to_owned())
    };
    let limit = |name: &str| number(parts, name).map_or(Value::Null, |_| value(&option(name)));
    let stamped = parts
        .options
        .get("stamped_headers")
        .and_then(|raw| serde_json::from_str::<Vec<String>>(raw.get()).ok());
    let stamps: Fields = stamped
        .iter()
        .flatten()
        .map(|name| (name.clone(), option(name)))
        .collect();
    let root_id = with.root_id.unwrap_or(task_id);
    let fields = json!({
        "lang": "py",
        "task": parts.task,
        "id": task_id,
        "shadow": null,
        "eta": eta(parts, sender.now_ms),
        "expires": expires,
        "group": parts.option_text("group_id"),
        "group_index": number(parts, "group_index").map(|_| value(&option("group_index"))),
        "retries": 0,
        "timelimit": [limit("time_limit"), limit("soft_time_limit")],
        "root_id": root_id,
        "parent_id": with.parent_id,
        // For people only, and they may hold what people should not see.
        "argsrepr": "",
        "kwargsrepr": "",
        "origin": sender.node,
        "ignore_result": option("ignore_result").get() == "true",
        "replaced_task_nesting": 0,
        "stamped_headers": stamped,
    });
    let mut headers: Fields = match fields {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, raw(value.to_string())))
            .collect(),
        _ => Fields::new(),
    };
    headers.insert("stamps".to_owned(), raw(to_json(&stamps)));
    let own = parts
        .options
        .get("headers")
        .and_then(|raw| self::fields(raw.get()));
    for (name, value) in own.into_iter().flatten() {
        headers.entry(name).or_insert(value);
    }
    headers
}

/// `[args, kwargs, embed]`, every value as it came.
fn body(parts: &Parts, with: &With<'_>) -> String {
    let first = with.first.filter(|_| !parts.immutable);
    let args: Vec<&RawValue> = first
        .into_iter()
        .chain(parts.args.iter().map(|raw| &**raw))
        .collect();
    let list = |name: &str| match parts.options.get(name) {
        // One link alone may come without its list.
        Some(raw) if raw.get().starts_with('{') => format!("[{}]", raw.get()),
        Some(raw) if array(raw.get()).is_some_and(|items| !items.is_empty()) => {
            raw.get().to_owned()
        }
        _ => "null".to_owned(),
    };
    format!(
        "[{},{},{{\"callbacks\":{},\"errbacks\":{},\"chain\":{},\"chord\":{}}}]",
        to_json(&args),
        to_json(&parts.kwargs),
        list("link"),
        list("link_error"),
        to_json(&with.chain),
        parts.options.get("chord").map_or("null", |raw| raw.get()),
    )
}

fn envelope(body: &str, headers: &Fields, properties: &Value) -> String {
    format!(
        "{{\"body\":{},\"content-encoding\":\"utf-8\",\"content-type\":\"application/json\",\"headers\":{},\"properties\":{}}}",
        to_json(&BASE64.encode(body)),
        to_json(headers),
        properties,
    )
}

/// The message again, for another try of the same task: same id and body, one retry more.
pub fn retry(
    message: &[u8],
    retries: u32,
    eta_ms: Option<u64>,
    sender: &mut Sender<'_>,
    limits: &Limits,
) -> Result<String, Reason> {
    let mut envelope = Envelope::open(message, limits)?;
    let id = envelope
        .header("id")
        .map(ToOwned::to_owned)
        .ok_or(Reason::NoId)?;
    let mut header = |name: &str, value: Box<RawValue>| {
        envelope.headers.insert(name.to_owned(), value);
    };
    header("retries", raw(retries.to_string()));
    header("eta", raw(to_json(&eta_ms.map(time::iso))));
    // Celery's own workers do so; tree walks have to bear it.
    header("parent_id", id);
    envelope.headers.remove("redelivered");
    if let Some(info) = envelope.property("delivery_info") {
        let mut info = fields(info.get()).unwrap_or_default();
        info.remove("redelivered");
        envelope
            .properties
            .insert("delivery_info".to_owned(), raw(to_json(&info)));
    }
    let tag = raw(to_json(&(sender.fresh)()));
    envelope.properties.insert("delivery_tag".to_owned(), tag);
    let mut whole = envelope.rest;
    whole.insert("headers".to_owned(), raw(to_json(&envelope.headers)));
    whole.insert("properties".to_owned(), raw(to_json(&envelope.properties)));
    Ok(to_json(&whole))
}

/// An envelope that carries a body of its own kind: a control reply or an event.
pub(crate) fn notice(
    body: &str,
    headers: &Value,
    exchange: &str,
    routing_key: &str,
    delivery_tag: &str,
) -> String {
    let headers: Fields = fields(&headers.to_string()).unwrap_or_default();
    envelope(
        body,
        &headers,
        &json!({
            "delivery_mode": 1,
            "delivery_info": {"exchange": exchange, "routing_key": routing_key},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": delivery_tag,
        }),
    )
}

/// `eta`, or `countdown` from now on. A countdown of nothing is none.
fn eta(parts: &Parts, now_ms: u64) -> Option<String> {
    moment(parts, "eta").or_else(|| {
        let seconds = number(parts, "countdown").filter(|seconds| *seconds > 0.0)?;
        Some(time::iso(now_ms.saturating_add((seconds * 1000.0) as u64)))
    })
}

/// `expires` as a date, and the milliseconds until then.
fn expires(parts: &Parts, now_ms: u64) -> (Option<String>, Option<u64>) {
    if let Some(seconds) = number(parts, "expires") {
        let in_ms = (seconds.max(0.0) * 1000.0) as u64;
        return (Some(time::iso(now_ms.saturating_add(in_ms))), Some(in_ms));
    }
    let Some(written) = moment(parts, "expires") else {
        return (None, None);
    };
    let in_ms = time::parse(&written).map(|at| at.saturating_sub(now_ms));
    (Some(written), in_ms)
}

/// A date in the options: text, or a tagged Python date.
fn moment(parts: &Parts, name: &str) -> Option<String> {
    let raw = parts.options.get(name)?;
    text(raw).or_else(|| text(fields(raw.get())?.get("__value__")?))
}

fn number(parts: &Parts, name: &str) -> Option<f64> {
    let number = parts.options.get(name)?.get().parse::<f64>().ok()?;
    number.is_finite().then_some(number)
}

fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or(Value::Null)
}
