//! Remote control: `celery inspect`, `celery control`, `revoke` and Flower's buttons.
//!
//! Whoever may publish on the broker may ask, so a request is believed in nothing but its method:
//! it is answered only where Celery's own answers go, and what it may do is the caller's decision.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::envelope::{Envelope, Fields, fields, present, text};
use super::lenient::{self, Tags};
use super::{BrokerKeys, Limits, Reason, body, publish};

/// How long an answer waits to be fetched, in seconds.
pub const REPLY_SECONDS: u64 = 10;

/// The exchange of answers; the only one that is answered to.
const REPLY_EXCHANGE: &str = "reply.celery.pidbox";

/// A request that is for this node.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// Where the answer goes, if one is wanted.
    pub reply: Option<ReplyTo>,
    /// The asker's Lamport clock.
    pub clock: u64,
}

/// Where an answer goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyTo {
    /// By which the asker knows its question.
    pub ticket: String,
    /// The asker: a UUID, part of the name of its list.
    pub routing_key: String,
}

/// What is asked of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// `{"ok": "pong"}`.
    Ping,
    /// A worker started; answered with what is revoked, unless it is this one.
    Hello {
        /// Who.
        from: String,
        /// What it knows as revoked.
        revoked: Vec<String>,
    },
    /// What runs.
    Active,
    /// What is taken and waits.
    Reserved,
    /// What waits for its time.
    Scheduled,
    /// The revoked ids.
    Revoked,
    /// The names of the tasks.
    Registered,
    /// Counts, limits, the process.
    Stats,
    /// The queues that are served.
    ActiveQueues,
    /// The settings. No secrets.
    Conf,
    /// The Lamport clock.
    Clock,
    /// A report in words.
    Report,
    /// Do not run these.
    Revoke {
        /// Which; at most [`MAX_REVOKED`].
        ids: Vec<String>,
        /// Also stop them if they run.
        terminate: bool,
        /// With which signal; for processes, of which there are none here.
        signal: Option<String>,
    },
    /// Events on or off, or one heartbeat now; the last has no answer.
    Events(EventsWish),
    /// Celery knows it, and it is not done here: answer [`not_supported`], do not pretend.
    Unsupported(&'static str),
    /// Not known; no answer.
    Unknown,
}

/// What is asked of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventsWish {
    /// `enable_events`.
    Enable,
    /// `disable_events`.
    Disable,
    /// `heartbeat`.
    Heartbeat,
}

/// Ids in one request; more are left out.
pub const MAX_REVOKED: usize = 10_000;

/// Reads a request; `None` if it is not for `node` or its time has passed.
pub fn parse(
    raw: &[u8],
    now_ms: u64,
    node: &str,
    limits: &Limits,
) -> Result<Option<Request>, Reason> {
    let envelope = Envelope::open(raw, limits)?;
    let headers = &envelope.headers;
    if number(headers, "expires").is_some_and(|at| at > 0.0 && at * 1000.0 < now_ms as f64) {
        return Ok(None);
    }
    let body = body::decode(&envelope, limits)?;
    let body = lenient::tidy(&body, limits.depth, Tags::Keep)?;
    let body = fields(&body).ok_or(Reason::BodyShape)?;
    if !addressed(&body, node) {
        return Ok(None);
    }
    let arguments = present(&body, "arguments")
        .and_then(|raw| fields(raw.get()))
        .unwrap_or_default();
    let name = present(&body, "method")
        .and_then(text)
        .ok_or(Reason::BodyShape)?;
    Ok(Some(Request {
        method: method(&name, &arguments, limits),
        reply: reply_to(&body, limits),
        clock: number(headers, "clock").map_or(0, |clock| clock as u64),
    }))
}

fn addressed(body: &Fields, node: &str) -> bool {
    let destination = present(body, "destination");
    let pattern = present(body, "pattern");
    if destination.is_none() && pattern.is_none() {
        return true;
    }
    let named = destination
        .and_then(|raw| serde_json::from_str::<Vec<String>>(raw.get()).ok())
        .is_some_and(|nodes| nodes.iter().any(|name| name == node));
    // A regular expression of a stranger is not run here.
    let glob = present(body, "matcher")
        .and_then(text)
        .is_none_or(|matcher| matcher == "glob");
    named
        || (glob
            && pattern
                .and_then(text)
                .is_some_and(|pattern| pattern.len() <= 255 && matches(&pattern, node)))
}

/// Shell patterns with `*`, `?` and `[…]`, as in Python's `fnmatch`. Linear in memory, and at worst
/// the product of both lengths in time.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, seen));
                at += 1;
                continue;
            }
            Some(_) => {
                if let Some(length) = matches_one(&pattern[at..], name[seen]) {
                    at += length;
                    seen += 1;
                    continue;
                }
            }
            None => {}
        }
        let Some((after, from)) = star else {
            return false;
        };
        star = Some((after, from + 1));
        at = after;
        seen = from + 1;
    }
    pattern[at..].iter().all(|sign| *sign == '*')
}

/// Whether the pattern's first element takes the sign, and how long that element is.
fn matches_one(pattern: &[char], sign: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => {
            let negated = pattern.get(1) == Some(&'!');
            let first = if negated { 2 } else { 1 };
            // A bracket right at the start is a member of the set.
            let close = (first + 1..pattern.len()).find(|at| pattern[*at] == ']');
            let Some(close) = close else {
                return (sign == '[').then_some(1);
            };
            (in_set(&pattern[first..close], sign) != negated).then_some(close + 1)
        }
        other => (*other == sign).then_some(1),
    }
}

fn in_set(mut set: &[char], sign: char) -> bool {
    loop {
        set = match set {
            [] => return false,
            [low, '-', high, rest @ ..] => {
                if (*low..=*high).contains(&sign) {
                    return true;
                }
                rest
            }
            [one, rest @ ..] => {
                if *one == sign {
                    return true;
                }
                rest
            }
        };
    }
}

fn method(name: &str, arguments: &Fields, limits: &Limits) -> Method {
    match name {
        "ping" => Method::Ping,
        "hello" => Method::Hello {
            from: present(arguments, "from_node")
                .and_then(text)
                .unwrap_or_default(),
            revoked: revoked_ids(arguments, limits),
        },
        "active" | "dump_active" => Method::Active,
        "reserved" | "dump_reserved" => Method::Reserved,
        "scheduled" | "dump_schedule" => Method::Scheduled,
        "revoked" | "dump_revoked" => Method::Revoked,
        "registered" | "dump_tasks" => Method::Registered,
        "stats" => Method::Stats,
        "active_queues" => Method::ActiveQueues,
        "conf" | "dump_conf" => Method::Conf,
        "clock" => Method::Clock,
        "report" => Method::Report,
        "revoke" => revoke(arguments, truth(arguments, "terminate"), limits),
        "terminate" => revoke(arguments, true, limits),
        "enable_events" => Method::Events(EventsWish::Enable),
        "disable_events" => Method::Events(EventsWish::Disable),
        "heartbeat" => Method::Events(EventsWish::Heartbeat),
        _ => UNSUPPORTED
            .iter()
            .find(|known| **known == name)
            .map_or(Method::Unknown, |known| Method::Unsupported(known)),
    }
}

/// What Celery's workers do and these do not.
const UNSUPPORTED: &[&str] = &[
    "add_consumer",
    "autoscale",
    "cancel_consumer",
    "election",
    "memdump",
    "memsample",
    "objgraph",
    "pool_grow",
    "pool_restart",
    "pool_shrink",
    "query_task",
    "rate_limit",
    "revoke_by_stamped_headers",
    "shutdown",
    "time_limit",
];

fn revoke(arguments: &Fields, terminate: bool, limits: &Limits) -> Method {
    let ids = arguments
        .get("task_id")
        .or_else(|| arguments.get("task_ids"))
        .map(|raw| match text(raw) {
            Some(id) => vec![id],
            None => serde_json::from_str(raw.get()).unwrap_or_default(),
        })
        .unwrap_or_default();
    Method::Revoke {
        ids: usable(ids, limits),
        terminate,
        signal: present(arguments, "signal").and_then(text),
    }
}

/// Celery sends either a list of ids or an object of id to time.
fn revoked_ids(arguments: &Fields, limits: &Limits) -> Vec<String> {
    let ids = present(arguments, "revoked").map(|raw| {
        fields(raw.get()).map_or_else(
            || serde_json::from_str(raw.get()).unwrap_or_default(),
            |fields| fields.into_keys().collect(),
        )
    });
    usable(ids.unwrap_or_default(), limits)
}

fn usable(ids: Vec<String>, limits: &Limits) -> Vec<String> {
    ids.into_iter()
        .filter(|id| !id.is_empty() && id.len() <= limits.id_bytes)
        .take(MAX_REVOKED)
        .collect()
}

/// Only Celery's own exchange and a UUID: the name of a list that a stranger chose is not written.
fn reply_to(body: &Fields, limits: &Limits) -> Option<ReplyTo> {
    let to = fields(present(body, "reply_to")?.get())?;
    let exchange = text(present(&to, "exchange")?)?;
    let routing_key = text(present(&to, "routing_key")?)?;
    let ticket = text(present(body, "ticket")?)?;
    (exchange == REPLY_EXCHANGE && is_uuid(&routing_key) && ticket.len() <= limits.id_bytes)
        .then_some(ReplyTo {
            ticket,
            routing_key,
        })
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn truth(fields: &Fields, name: &str) -> bool {
    fields.get(name).is_some_and(|raw| raw.get() == "true")
}

fn number(fields: &Fields, name: &str) -> Option<f64> {
    let number = present(fields, name)?.get().parse::<f64>().ok()?;
    number.is_finite().then_some(number)
}

/// The answer to what is not done here.
#[must_use]
pub fn not_supported() -> Value {
    json!({"error": "not supported"})
}

/// What `revoke` answers, in Celery's words.
#[must_use]
pub fn flagged_as_revoked(ids: &[String]) -> Value {
    let ids: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
    json!({"ok": format!("tasks {{{}}} flagged as revoked", ids.join(", "))})
}

/// The lists an answer is pushed to: the asker's routes, of which there is one in practice.
/// `bindings`: the members of `keys.binding("reply.celery.pidbox")`.
#[must_use]
pub fn reply_lists(keys: &BrokerKeys, to: &ReplyTo, bindings: &[String]) -> Vec<String> {
    let own = format!("{}.{REPLY_EXCHANGE}", to.routing_key);
    let routed: Vec<String> = bindings
        .iter()
        .filter_map(|member| keys.bound_queue(member, &to.routing_key))
        // A route may name any list; only the asker's own is written.
        .filter(|queue| *queue == own)
        .map(|queue| keys.list(queue, 0))
        .collect();
    if routed.is_empty() {
        vec![keys.reply_list(&to.routing_key)]
    } else {
        routed
    }
}

/// The answer as a message.
#[must_use]
pub fn reply(
    to: &ReplyTo,
    node: &str,
    answer: &RawValue,
    clock: u64,
    delivery_tag: &str,
) -> String {
    let body = format!("{{{}:{}}}", json!(node), answer.get());
    publish::notice(
        &body,
        &json!({"ticket": to.ticket, "clock": clock}),
        REPLY_EXCHANGE,
        &to.routing_key,
        delivery_tag,
    )
}
