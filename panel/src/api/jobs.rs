//! One job: look at it, wait for it, cancel it.
//!
//! A job lies in its queue, so asking there is one question to Redis; asking by the id alone looks
//! through the queues. Who has only the id of a job gets its place in every answer about it.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rouage::inspect::JobView;
use rouage::{Cancelled, JobId};
use schemars::JsonSchema;
use serde::Serialize;

use super::parameters::Parameters;
use super::view::JobBody;
use super::waiting;
use crate::auth::{Caller, Scope};
use crate::http::decode::Fault;
use crate::http::problem::{Code, Problem};
use crate::panel::Panel;

/// What a cancellation did.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Cancelled")]
pub(super) struct CancelledBody {
    /// The job.
    id: String,
    /// Its queue.
    queue: String,
    /// `cancelled`, or `asked`: it runs, and its worker was told.
    #[schemars(extend("enum" = ["cancelled", "asked"]))]
    outcome: &'static str,
}

type OfId = Result<Path<String>, PathRejection>;
type OfPlace = Result<Path<(String, String)>, PathRejection>;

pub(super) async fn by_id(
    State(panel): State<Panel>,
    caller: Caller,
    parameters: Parameters,
    path: OfId,
) -> Result<Response, Problem> {
    let place = Place::any(path)?;
    show(&panel, &caller, parameters, &place).await
}

pub(super) async fn in_queue(
    State(panel): State<Panel>,
    caller: Caller,
    parameters: Parameters,
    path: OfPlace,
) -> Result<Response, Problem> {
    let place = Place::one(path)?;
    show(&panel, &caller, parameters, &place).await
}

pub(super) async fn cancel_by_id(
    State(panel): State<Panel>,
    caller: Caller,
    parameters: Parameters,
    path: OfId,
) -> Result<Response, Problem> {
    parameters.end()?;
    let place = Place::any(path)?;
    cancel(&panel, &caller, &place).await
}

pub(super) async fn cancel_in_queue(
    State(panel): State<Panel>,
    caller: Caller,
    parameters: Parameters,
    path: OfPlace,
) -> Result<Response, Problem> {
    parameters.end()?;
    let place = Place::one(path)?;
    cancel(&panel, &caller, &place).await
}

/// Where a job is looked for.
struct Place {
    queue: Option<String>,
    id: JobId,
}

impl Place {
    /// In any queue.
    fn any(path: OfId) -> Result<Self, Problem> {
        let Path(id) = path.map_err(|_| Problem::unknown_job())?;
        // What cannot be an id is no job's.
        let id = id.parse().map_err(|_| Problem::unknown_job())?;
        Ok(Self { queue: None, id })
    }

    /// In one.
    fn one(path: OfPlace) -> Result<Self, Problem> {
        let Path((queue, id)) = path.map_err(|_| Problem::unknown_job())?;
        let place = Self::any(Ok(Path(id)))?;
        let queue = Some(queue).filter(|queue| can_be_a_queue(queue));
        Ok(Self {
            queue: Some(queue.ok_or_else(Problem::unknown_job)?),
            ..place
        })
    }

    /// The job, if it is there and concerns the caller; what does not looks as if it were not there.
    async fn job(&self, panel: &Panel, caller: &Caller) -> Result<JobView, Problem> {
        let found = match &self.queue {
            Some(queue) => panel.client().job(queue, &self.id).await?,
            None => panel.client().find(&self.id).await?,
        };
        found
            .filter(|job| caller.grant().concerns(&job.kind, &job.queue))
            .ok_or_else(Problem::unknown_job)
    }
}

/// As the engine has them; anything else would make a key that is not ours.
fn can_be_a_queue(queue: &str) -> bool {
    let fits = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.')
    };
    (1..=100).contains(&queue.len()) && queue.bytes().all(fits)
}

async fn show(
    panel: &Panel,
    caller: &Caller,
    mut parameters: Parameters,
    place: &Place,
) -> Result<Response, Problem> {
    caller.require(Scope::JobsRead)?;
    let wait = parameters.wait(panel.limits().longest_wait)?;
    let with_payload = parameters.flag("payload")?;
    parameters.end()?;
    if with_payload {
        caller.require(Scope::PayloadsRead)?;
    }
    let job = place.job(panel, caller).await?;
    if let Some(wait) = wait {
        let job = waiting::wait(panel, &job.queue, &job.id, wait).await?;
        return waiting::answer(panel, caller, job, with_payload).await;
    }
    let body = JobBody::new(panel, caller, job, with_payload).await?;
    Ok(Json(body).into_response())
}

async fn cancel(panel: &Panel, caller: &Caller, place: &Place) -> Result<Response, Problem> {
    caller.require(Scope::JobsCancel)?;
    let JobView { id, queue, .. } = place.job(panel, caller).await?;
    let (status, outcome) = match panel.client().cancel(&queue, &id).await? {
        Cancelled::Now => (StatusCode::OK, "cancelled"),
        Cancelled::Asked => (StatusCode::ACCEPTED, "asked"),
        Cancelled::AlreadyOver => {
            let job = panel.client().job(&queue, &id).await?;
            let state = job.ok_or_else(Problem::unknown_job)?.state;
            if state != rouage::State::Cancelled {
                let fault = Fault::new("id", format!("the job is {state}"));
                return Err(Problem::new(Code::JobOver).at(fault));
            }
            (StatusCode::OK, "cancelled")
        }
    };
    let body = CancelledBody {
        id: id.to_string(),
        queue,
        outcome,
    };
    Ok((status, Json(body)).into_response())
}
