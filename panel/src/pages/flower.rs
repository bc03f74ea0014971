//! Flower's own routes, for scripts that ask them: the same shapes, filled from what is stored
//! here instead of from what was seen since a start.
//!
//! Payloads and outputs are left out: with Flower everybody who had its password saw them all.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rouage::filter::Filter;
use rouage::inspect::{JobView, WorkerView};
use rouage::{Cancelled, ClientError, JobId, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::actions::Operator;
use crate::panel::Panel;

/// Tasks of one answer.
const MOST: usize = 1000;
const USUAL: usize = 100;

/// Flower's word for a state.
const fn word(state: State) -> &'static str {
    match state {
        State::Scheduled | State::Available => "PENDING",
        State::Running => "STARTED",
        State::Retrying => "RETRY",
        State::Held | State::Discarded => "FAILURE",
        State::Completed => "SUCCESS",
        State::Cancelled => "REVOKED",
    }
}

/// `GET /healthcheck`: unlike Flower's it asks.
pub(super) async fn healthcheck(Shared(panel): Shared<Panel>) -> Response {
    match panel.queues().await {
        Ok(_) => "OK".into_response(),
        Err(error) => refused(&error),
    }
}

/// An error in Flower's way: its message as text.
fn refused(error: &ClientError) -> Response {
    let status = match error {
        ClientError::Link(_) => StatusCode::SERVICE_UNAVAILABLE,
        ClientError::UnknownJob { .. } => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, error.to_string()).into_response()
}

/// `GET /api/queues/length`.
pub(super) async fn queues(Shared(panel): Shared<Panel>) -> Response {
    match panel.queues().await {
        Ok(queues) => {
            let queues = queues
                .iter()
                .map(|queue| json!({ "name": queue.queue, "messages": queue.available }));
            Json(json!({ "active_queues": queues.collect::<Vec<_>>() })).into_response()
        }
        Err(error) => refused(&error),
    }
}

/// `GET /api/task/types`.
pub(super) async fn types(Shared(panel): Shared<Panel>) -> Json<Value> {
    let kinds = panel.kinds().kinds().iter().map(|info| info.kind.as_str());
    Json(json!({ "task-types": kinds.collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
pub(super) struct AskedWorkers {
    #[serde(default)]
    status: String,
    #[serde(default)]
    workername: String,
}

/// `GET /api/workers`.
pub(super) async fn workers(
    Shared(panel): Shared<Panel>,
    Query(asked): Query<AskedWorkers>,
) -> Response {
    let views = match panel.client().workers().await {
        Ok(views) => views,
        Err(error) => return refused(&error),
    };
    let brief = matches!(asked.status.as_str(), "1" | "true" | "True");
    let wanted =
        |view: &&WorkerView| asked.workername.is_empty() || asked.workername == view.info.instance;
    let answer: Map<String, Value> = views
        .iter()
        .filter(wanted)
        .map(|view| {
            let told = if brief { json!(true) } else { worker(view) };
            (view.info.instance.clone(), told)
        })
        .collect();
    if answer.is_empty() && !asked.workername.is_empty() {
        return (StatusCode::NOT_FOUND, "Unknown worker").into_response();
    }
    Json(answer).into_response()
}

fn worker(view: &WorkerView) -> Value {
    let info = &view.info;
    let slots: usize = info.queues.iter().map(|(_, slots)| slots).sum();
    let queues = info.queues.iter().map(|(name, _)| json!({ "name": name }));
    let active = info.jobs.iter().map(|job| {
        json!({
            "id": job.id, "name": job.kind, "time_start": seconds(job.since),
            "delivery_info": { "routing_key": job.queue }
        })
    });
    json!({
        "stats": {
            "pid": info.pid,
            "pool": { "max-concurrency": slots },
            "rusage": { "maxrss": info.rss_bytes / 1024 },
        },
        "active_queues": queues.collect::<Vec<_>>(),
        "active": active.collect::<Vec<_>>(),
        "registered": [],
        "conf": {},
    })
}

#[derive(Deserialize)]
pub(super) struct AskedTasks {
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    offset: usize,
    #[serde(default)]
    state: String,
    #[serde(default)]
    taskname: String,
    #[serde(default)]
    workername: String,
}

/// `GET /api/tasks`.
pub(super) async fn tasks(
    Shared(panel): Shared<Panel>,
    Query(asked): Query<AskedTasks>,
) -> Response {
    let limit = asked.limit.unwrap_or(USUAL).min(MOST);
    let Some(filter) = meant(&asked) else {
        return (StatusCode::BAD_REQUEST, "no such state or task name").into_response();
    };
    let wanted = asked.offset.min(MOST) + limit;
    let found = match panel.client().search(&filter, None, wanted.max(1)).await {
        Ok(found) => found,
        Err(error) => return refused(&error),
    };
    let tasks: Map<String, Value> = found
        .jobs
        .iter()
        .filter(|job| asked.workername.is_empty() || job.worker == asked.workername)
        .skip(asked.offset)
        .take(limit)
        .map(|job| (job.id.to_string(), task(job)))
        .collect();
    Json(tasks).into_response()
}

/// The same question in our own language.
fn meant(asked: &AskedTasks) -> Option<Filter> {
    let mut terms = Vec::new();
    if !asked.state.is_empty() {
        let states = State::ALL
            .into_iter()
            .filter(|state| word(*state) == asked.state);
        terms.extend(states.map(|state| format!("state:{state}")));
        if terms.is_empty() {
            return None;
        }
    }
    if !asked.taskname.is_empty() {
        terms.push(format!("kind:{}", asked.taskname));
    }
    terms.join(" ").parse().ok()
}

/// `GET /api/task/info/{id}`.
pub(super) async fn info(Shared(panel): Shared<Panel>, Path(id): Path<String>) -> Response {
    let found = match id.parse::<JobId>() {
        Ok(id) => panel.client().find(&id).await,
        Err(_) => Ok(None),
    };
    match found {
        Ok(Some(job)) => Json(task(&job)).into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, "Unknown task").into_response(),
        Err(error) => refused(&error),
    }
}

/// `POST /api/task/revoke/{id}`.
pub(super) async fn revoke(operator: Operator, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<JobId>() else {
        return (StatusCode::NOT_FOUND, "Unknown task").into_response();
    };
    let (_, panel) = operator.did("job.cancel", id.as_str(), "as Flower").await;
    let job = match panel.client().find(&id).await {
        Ok(Some(job)) => job,
        Ok(None) => return (StatusCode::NOT_FOUND, "Unknown task").into_response(),
        Err(error) => return refused(&error),
    };
    match panel.client().cancel(&job.queue, &id).await {
        Ok(Cancelled::Now | Cancelled::Asked) => {
            Json(json!({ "message": format!("Revoked '{id}'") })).into_response()
        }
        Ok(Cancelled::AlreadyOver) => {
            Json(json!({ "message": format!("'{id}' is over already") })).into_response()
        }
        Err(error) => refused(&error),
    }
}

fn seconds(ms: u64) -> Value {
    if ms == 0 {
        Value::Null
    } else {
        json!(ms as f64 / 1000.0)
    }
}

/// A job as Flower shows a task.
fn task(job: &JobView) -> Value {
    let at = |state: State, ms: u64| {
        if job.state == state {
            seconds(ms)
        } else {
            Value::Null
        }
    };
    let error = job.errors.last().map(|error| error.message.clone());
    let ran = job.finished > job.started && job.started > 0;
    let mut task = BTreeMap::from([
        ("uuid", json!(job.id)),
        ("name", json!(job.kind)),
        ("state", json!(word(job.state))),
        ("sent", seconds(job.enqueued_at)),
        ("received", seconds(job.enqueued_at)),
        ("started", seconds(job.started)),
        ("succeeded", at(State::Completed, job.finished)),
        ("failed", at(State::Discarded, job.finished)),
        ("retried", at(State::Retrying, job.finished)),
        ("revoked", at(State::Cancelled, job.finished)),
        ("timestamp", seconds(job.since)),
        ("eta", at(State::Scheduled, job.since)),
        ("expires", job.expires_at.map_or(Value::Null, seconds)),
        ("retries", json!(job.attempt.saturating_sub(1))),
        ("worker", json!(job.worker)),
        ("routing_key", json!(job.queue)),
        ("exception", json!(error)),
    ]);
    if ran {
        task.insert(
            "runtime",
            json!((job.finished - job.started) as f64 / 1000.0),
        );
    }
    for unsaid in [
        "args",
        "kwargs",
        "result",
        "traceback",
        "rejected",
        "runtime",
        "root_id",
        "parent_id",
    ] {
        task.entry(unsaid).or_insert(Value::Null);
    }
    json!(task)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flowers_words_become_our_filter() {
        let asked = |state: &str, taskname: &str| AskedTasks {
            limit: None,
            offset: 0,
            state: state.to_owned(),
            taskname: taskname.to_owned(),
            workername: String::new(),
        };
        let filter = meant(&asked("FAILURE", "exports.export_records")).unwrap();
        assert_eq!(
            filter.to_string(),
            "state:held state:discarded kind:exports.export_records"
        );
        assert!(meant(&asked("", "")).unwrap().is_empty());
        assert!(meant(&asked("nonsense", "")).is_none());
    }
}
