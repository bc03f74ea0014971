//! Who may act, and what the forms of the pages do. Each checks the role, notes who does what,
//! acts, and leads back.

use axum::extract::{Form, FromRequestParts, Path};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use rouage::filter::Filter;
use rouage::{Cancelled, ClientError, Discarded, Job, JobId, Operation, Retried};
use serde::Deserialize;

use super::frame::Frame;
use super::jobs::quote;
use super::trouble::{Ask, Trouble};
use crate::auth::{Role, Visitor};
use crate::panel::Panel;

/// Longest reason of a pause, in characters.
const MOST_REASON: usize = 200;

/// Whoever may operate; everybody else gets a page that says so.
pub(crate) struct Operator(Ask);

/// Whoever may administer.
pub(crate) struct Administrator(Ask);

async fn allowed(
    parts: &mut Parts,
    panel: &Panel,
    may: impl Fn(Role) -> bool,
) -> Result<Ask, Response> {
    let visitor = parts.extensions.get::<Visitor>().cloned();
    let ask = Ask::from_request_parts(parts, panel)
        .await
        .map_err(IntoResponse::into_response)?;
    match visitor {
        Some(visitor) if may(visitor.role) => Ok(ask),
        _ => Err(Trouble::NotAllowed.page(ask.frame)),
    }
}

impl FromRequestParts<Panel> for Operator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, panel: &Panel) -> Result<Self, Response> {
        allowed(parts, panel, Role::can_operate).await.map(Self)
    }
}

impl FromRequestParts<Panel> for Administrator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, panel: &Panel) -> Result<Self, Response> {
        allowed(parts, panel, Role::can_administer).await.map(Self)
    }
}

impl Operator {
    /// Only looks at what operators may see.
    pub(super) fn looks(self) -> (Frame, Panel) {
        (self.0.frame, self.0.panel)
    }

    /// Notes what is done now.
    pub(super) async fn did(
        self,
        what: &'static str,
        target: &str,
        detail: &str,
    ) -> (Frame, Panel) {
        did(self.0, what, target, detail).await
    }
}

impl Administrator {
    /// Only looks at what administrators may see.
    pub(super) fn looks(self) -> (Frame, Panel) {
        (self.0.frame, self.0.panel)
    }

    /// Notes what is done now.
    pub(super) async fn did(
        self,
        what: &'static str,
        target: &str,
        detail: &str,
    ) -> (Frame, Panel) {
        did(self.0, what, target, detail).await
    }
}

async fn did(ask: Ask, what: &'static str, target: &str, detail: &str) -> (Frame, Panel) {
    let Ask { frame, panel } = ask;
    panel.desk().note(&frame.deed(what, target, detail)).await;
    (frame, panel)
}

/// Leads back with a word about what was done.
async fn done(
    (frame, panel): (Frame, Panel),
    path: &str,
    said: Result<&'static str, ClientError>,
) -> Response {
    panel.desk().glance().forget().await;
    match said {
        Ok(said) => Redirect::to(&format!("{}{path}?said={said}", frame.base)).into_response(),
        Err(error) => Trouble::from(error).page(frame),
    }
}

/// The word for a change that may have been one already.
fn changed(
    changed: Result<bool, ClientError>,
    word: &'static str,
) -> Result<&'static str, ClientError> {
    changed.map(|changed| if changed { word } else { "unchanged" })
}

/// The page of a queue.
fn of_queue(queue: &str) -> String {
    format!("/queues/{}", quote(queue))
}

#[derive(Deserialize)]
pub(crate) struct Reason {
    reason: String,
}

pub(crate) async fn pause(
    operator: Operator,
    Path(queue): Path<String>,
    Form(Reason { reason }): Form<Reason>,
) -> Response {
    let reason: String = reason.chars().take(MOST_REASON).collect();
    let ground = operator.did("queue.pause", &queue, &reason).await;
    let paused = ground
        .1
        .client()
        .pause(&queue, &ground.0.user, &reason)
        .await;
    done(ground, &of_queue(&queue), changed(paused, "paused")).await
}

pub(crate) async fn resume(operator: Operator, Path(queue): Path<String>) -> Response {
    let ground = operator.did("queue.resume", &queue, "").await;
    let resumed = ground.1.client().resume(&queue).await;
    done(ground, &of_queue(&queue), changed(resumed, "resumed")).await
}

#[derive(Deserialize)]
pub(crate) struct Slots {
    /// Empty for what each worker was started with.
    slots: String,
}

/// How many jobs of a queue run at once in every worker.
pub(crate) async fn set_slots(
    administrator: Administrator,
    Path(queue): Path<String>,
    Form(Slots { slots }): Form<Slots>,
) -> Response {
    let ground = administrator.did("queue.slots", &queue, &slots).await;
    let client = ground.1.client();
    let said = match slots.trim() {
        "" => client.clear_slots(&queue, None).await,
        // What is no number is none that a queue can have.
        slots => {
            client
                .set_slots(&queue, None, slots.parse().unwrap_or(0))
                .await
        }
    };
    done(ground, &of_queue(&queue), said.map(|()| "set")).await
}

/// What a button of a job's page does.
pub(crate) async fn change(
    operator: Operator,
    Path((queue, id, action)): Path<(String, String, String)>,
) -> Response {
    let what = match action.as_str() {
        "retry" => "job.retry",
        "cancel" => "job.cancel",
        "discard" => "job.discard",
        _ => return Trouble::Missing.page(operator.looks().0),
    };
    let Ok(job) = id.parse::<JobId>() else {
        return Trouble::Missing.page(operator.looks().0);
    };
    let ground = operator.did(what, &format!("{queue}/{id}"), "").await;
    let said = match what {
        "job.retry" => retry(&ground.1, &queue, &job).await,
        "job.cancel" => cancel(&ground.1, &queue, &job).await,
        _ => {
            let note = format!("discarded by {}", ground.0.user);
            let discarded = ground.1.client().discard(&queue, &job, &note).await;
            discarded.map(|discarded| match discarded {
                Discarded::Now => "discarded",
                Discarded::Running | Discarded::AlreadyOver => "unchanged",
            })
        }
    };
    let path = format!("/jobs/{}/{id}", quote(&queue));
    done(ground, &path, said).await
}

async fn retry(panel: &Panel, queue: &str, job: &JobId) -> Result<&'static str, ClientError> {
    let retried = panel.client().retry(queue, job).await;
    retried.map(|retried| match retried {
        Retried::From(_) => "retried",
        Retried::Unchanged | Retried::Taken(_) => "unchanged",
    })
}

async fn cancel(panel: &Panel, queue: &str, job: &JobId) -> Result<&'static str, ClientError> {
    let cancelled = panel.client().cancel(queue, job).await;
    cancelled.map(|cancelled| match cancelled {
        Cancelled::Now | Cancelled::Asked => "cancelled",
        Cancelled::AlreadyOver => "unchanged",
    })
}

/// Takes an operation back, or stops it.
pub(crate) async fn undo(operator: Operator, Path(id): Path<String>) -> Response {
    let Ok(job) = id.parse::<JobId>() else {
        return Trouble::Missing.page(operator.looks().0);
    };
    let ground = operator.did("operation.undo", &id, "").await;
    let said = cancel(&ground.1, Operation::QUEUE, &job).await;
    let said = said.map(|said| if said == "cancelled" { "undone" } else { said });
    done(ground, &format!("/operations/{id}"), said).await
}

pub(crate) async fn change_batch(
    operator: Operator,
    Path((id, action)): Path<(String, String)>,
) -> Response {
    let what = match action.as_str() {
        "retry" => "batch.retry",
        "cancel" => "batch.cancel",
        _ => return Trouble::Missing.page(operator.looks().0),
    };
    let ground = operator.did(what, &id, "").await;
    let client = ground.1.client();
    let said = if what == "batch.retry" {
        let retried = client.retry_failed(&id).await;
        retried.map(|members| {
            if members.retried > 0 {
                "retried"
            } else {
                "unchanged"
            }
        })
    } else {
        client.cancel_batch(&id).await.map(|_| "cancelled")
    };
    done(ground, &format!("/batches/{}", quote(&id)), said).await
}

pub(crate) async fn order(
    administrator: Administrator,
    Path((instance, order)): Path<(String, String)>,
) -> Response {
    let what = match order.as_str() {
        "quiet" => "worker.quiet",
        "resume" => "worker.resume",
        "stop" => "worker.stop",
        _ => return Trouble::Missing.page(administrator.looks().0),
    };
    let ground = administrator.did(what, &instance, "").await;
    let client = ground.1.client();
    let told = match what {
        "worker.quiet" => client.quiet(&instance).await,
        "worker.resume" => client.resume_worker(&instance).await,
        _ => client.stop_worker(&instance).await,
    };
    done(ground, "/workers", told.map(|()| "ordered")).await
}

#[derive(Deserialize)]
pub(crate) struct Name {
    name: String,
}

pub(crate) async fn reset_limit(
    administrator: Administrator,
    Form(Name { name }): Form<Name>,
) -> Response {
    let ground = administrator.did("limit.reset", &name, "").await;
    let reset = ground.1.client().reset_limit(&name).await;
    done(ground, "/limits", changed(reset, "reset")).await
}

pub(crate) async fn close_breaker(operator: Operator, Form(Name { name }): Form<Name>) -> Response {
    let ground = operator.did("breaker.close", &name, "").await;
    let closed = ground.1.client().reset_breaker(&name).await;
    done(ground, "/limits", changed(closed, "reset")).await
}

/// A filter that came in a form; one that is none is a page by hand.
pub(super) fn filter(text: &str) -> Option<Filter> {
    text.parse()
        .ok()
        .filter(|filter: &Filter| !filter.is_empty())
}
