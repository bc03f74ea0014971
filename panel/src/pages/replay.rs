//! `/jobs/{queue}/{id}/edit`: the payload in a form, and running the job again with another one.

use askama::Template;
use axum::extract::{Form, Path};
use axum::response::{IntoResponse, Redirect, Response};
use rouage::inspect::JobView;
use rouage::{ClientError, JobId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::actions::Operator;
use super::frame::{Frame, Screen};
use super::job::pretty;
use super::jobs::quote;
use super::show::short;
use super::trouble::{Trouble, rendered};
use crate::panel::Panel;

#[derive(Template)]
#[template(path = "replay.html")]
struct Page {
    frame: Frame,
    path: String,
    kind: String,
    queue: String,
    short_id: String,
    payload: String,
    /// What is wrong with it, and what to do about it.
    problem: Option<(String, String)>,
    /// The kind's schema.
    schema: String,
}

/// Shows the payload, which is noted.
pub(crate) async fn edit(
    operator: Operator,
    Path((queue, id)): Path<(String, String)>,
) -> Response {
    let target = format!("{queue}/{id}");
    let (frame, panel) = operator.did("payload.show", &target, "to edit it").await;
    let job = match find(&panel, &queue, &id).await {
        Ok(Some(job)) => job,
        Ok(None) => return Trouble::Missing.page(frame),
        Err(error) => return Trouble::from(error).page(frame),
    };
    match panel.client().payload(&job).await {
        Ok(payload) => page(frame, &panel, &job, pretty(payload.as_ref()), None),
        Err(error) => {
            tracing::warn!(%error, "a payload could not be loaded");
            Trouble::Away.page(frame)
        }
    }
}

async fn find(panel: &Panel, queue: &str, id: &str) -> Result<Option<JobView>, ClientError> {
    match id.parse::<JobId>() {
        Ok(id) => panel.client().job(queue, &id).await,
        Err(_) => Ok(None),
    }
}

fn page(
    frame: Frame,
    panel: &Panel,
    job: &JobView,
    payload: String,
    problem: Option<(String, String)>,
) -> Response {
    let known = panel
        .kinds()
        .kinds()
        .iter()
        .find(|info| info.kind == job.kind);
    let page = Page {
        path: format!("/jobs/{}/{}", quote(&job.queue), job.id),
        kind: job.kind.clone(),
        queue: job.queue.clone(),
        short_id: short(job.id.as_str()),
        payload,
        problem,
        schema: known
            .map(|info| pretty(Some(&info.schema)))
            .unwrap_or_default(),
        frame: frame.at(Screen::Jobs),
    };
    rendered(&page)
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    payload: String,
}

/// Runs it again: the payload must fit the kind.
pub(crate) async fn replay(
    operator: Operator,
    Path((queue, id)): Path<(String, String)>,
    Form(asked): Form<Asked>,
) -> Response {
    let (frame, panel) = operator
        .did("job.replay", &format!("{queue}/{id}"), "")
        .await;
    let job = match find(&panel, &queue, &id).await {
        Ok(Some(job)) => job,
        Ok(None) => return Trouble::Missing.page(frame),
        Err(error) => return Trouble::from(error).page(frame),
    };
    let payload = match check(&panel, &job.kind, &asked.payload) {
        Ok(payload) => payload,
        Err(problem) => return page(frame, &panel, &job, asked.payload, Some(problem)),
    };
    match panel.client().replay(&queue, &job.id, Some(payload)).await {
        Ok(new) => {
            panel.desk().glance().forget().await;
            let path = format!("{}/jobs/{}/{new}?said=replayed", frame.base, quote(&queue));
            Redirect::to(&path).into_response()
        }
        Err(error @ ClientError::NotReplayable { .. }) => {
            let problem = (error.to_string(), String::new());
            page(frame, &panel, &job, asked.payload, Some(problem))
        }
        Err(error) => Trouble::from(error).page(frame),
    }
}

/// The payload as it will be stored, or what is wrong and where.
fn check(panel: &Panel, kind: &str, payload: &str) -> Result<Box<RawValue>, (String, String)> {
    if let Err(refusal) = panel.kinds().new_job(kind, payload) {
        let (field, detail, hint) = refusal.fault.into_parts();
        return Err((format!("{field}: {detail}"), hint.unwrap_or_default()));
    }
    RawValue::from_string(payload.trim().to_owned())
        .map_err(|error| (error.to_string(), String::new()))
}
