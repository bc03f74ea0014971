//! Waiting for a job's end, for a while.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use rouage::inspect::JobView;
use rouage::{ClientError, JobId, State};

use super::view::JobBody;
use crate::auth::Caller;
use crate::http::problem::Problem;
use crate::panel::Panel;

/// The job at its end, or as it is when the time is over, the process drains, or too many wait.
pub(super) async fn wait(
    panel: &Panel,
    queue: &str,
    id: &JobId,
    wait: Duration,
) -> Result<JobView, Problem> {
    if let Ok(_place) = panel.waiting().try_acquire() {
        let waited = panel.client().wait_in(queue, id, wait);
        match panel.drain().run_until_cancelled(waited).await {
            Some(Ok(job)) => return Ok(job),
            None | Some(Err(ClientError::StillRunning(_))) => {}
            Some(Err(error)) => return Err(error.into()),
        }
    }
    let job = panel.client().job(queue, id).await?;
    job.ok_or_else(Problem::unknown_job)
}

/// A job as its caller may see it: 200 if it is over or needs a human, else 202.
pub(super) async fn answer(
    panel: &Panel,
    caller: &Caller,
    job: JobView,
    with_payload: bool,
) -> Result<Response, Problem> {
    let over = job.state.is_final() || job.state == State::Held;
    let status = if over {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    let location = format!("/api/v1/queues/{}/jobs/{}", job.queue, job.id);
    let body = JobBody::new(panel, caller, job, with_payload).await?;
    Ok((status, [(LOCATION, location)], Json(body)).into_response())
}
