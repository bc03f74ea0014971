//! `POST /api/v1/jobs`: one job or many.
//!
//! Everything about every job is checked before the first is stored. Redis can still refuse in the
//! middle of many; repeating the request with its `Idempotency-Key` stores the rest.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use rouage::NewJob;

use super::answer::{self, Receipt};
use super::idempotency::{self, Repeatable};
use super::parameters::Parameters;
use super::request::{Asked, JobRequest};
use super::waiting;
use crate::auth::{Caller, Scope};
use crate::http::body::read_json;
use crate::http::decode::{Fault, Undecodable};
use crate::http::problem::{Code, Problem};
use crate::panel::Panel;

pub(super) async fn enqueue(
    State(panel): State<Panel>,
    caller: Caller,
    mut parameters: Parameters,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    caller.require(Scope::JobsEnqueue)?;
    let wait = parameters.wait(panel.limits().longest_wait)?;
    parameters.end()?;
    if wait.is_some() {
        caller.require(Scope::JobsRead)?;
    }
    let key = idempotency::key(&headers)?;
    let body = read_json(&headers, body, panel.limits().body_bytes).await?;
    let asked = Asked::read(&body).map_err(unreadable)?;
    drop(body);
    let many = matches!(asked, Asked::Many(..));
    if many && wait.is_some() {
        let fault = Fault::new("wait", "only for one job");
        return Err(Problem::new(Code::InvalidBody).at(fault));
    }
    let mut jobs = check(&panel, &caller, asked)?;
    let repeatable = key.map(|key| Repeatable::new(caller.grant(), key, &mut jobs));
    let (receipts, replayed) = store(&panel, jobs, repeatable).await?;
    if many {
        return Ok(answer::many(receipts.0, replayed));
    }
    one(&panel, &caller, receipts, wait, replayed).await
}

/// Receipts, and the place of the first job.
struct Stored(Vec<Receipt>, Option<(String, rouage::JobId)>);

async fn store(
    panel: &Panel,
    jobs: Vec<NewJob>,
    repeatable: Option<Repeatable>,
) -> Result<(Stored, bool), Problem> {
    let before = match &repeatable {
        Some(repeatable) => repeatable.before(panel, &jobs).await?,
        None => None,
    };
    let replayed = before.is_some();
    let enqueued = match (before, &repeatable) {
        (Some(enqueued), _) => enqueued,
        (None, None) => panel.client().enqueue_all(jobs.clone()).await?,
        (None, Some(repeatable)) => {
            let enqueued = panel.client().enqueue_all(jobs.clone()).await?;
            let enqueued = idempotency::own(&jobs, enqueued);
            repeatable.answered(panel, &jobs, &enqueued).await;
            enqueued
        }
    };
    let first = jobs.first().zip(enqueued.first());
    let first = first.map(|(job, enqueued)| (job.queue.clone(), enqueued.id.clone()));
    let pairs = jobs.iter().zip(&enqueued);
    let receipts = pairs.map(|(job, enqueued)| Receipt::new(job, enqueued));
    Ok((Stored(receipts.collect(), first), replayed))
}

async fn one(
    panel: &Panel,
    caller: &Caller,
    Stored(receipts, place): Stored,
    wait: Option<Duration>,
    replayed: bool,
) -> Result<Response, Problem> {
    if let (Some(wait), Some((queue, id))) = (wait, place) {
        let job = waiting::wait(panel, &queue, &id, wait).await?;
        return Ok(answer::mark(
            waiting::answer(panel, caller, job, false).await?,
            replayed,
        ));
    }
    let receipt = receipts.into_iter().next();
    let receipt = receipt.ok_or_else(|| Problem::new(Code::Internal))?;
    Ok(answer::one(receipt, replayed))
}

/// All jobs, or all that is wrong with them.
fn check(panel: &Panel, caller: &Caller, asked: Asked) -> Result<Vec<NewJob>, Problem> {
    let (requests, start) = match asked {
        Asked::One(request) => return Ok(vec![check_one(panel, caller, *request, "")?]),
        Asked::Many(requests, start) => (requests, start),
    };
    let most = panel.limits().jobs_per_request;
    if requests.is_empty() {
        let fault = Fault::new(start, "there is no job");
        return Err(Problem::new(Code::InvalidBody).at(fault));
    }
    if requests.len() > most {
        let fault = Fault::new(start, format!("more than {most} jobs"));
        return Err(Problem::new(Code::TooManyJobs).at(fault.hint("send them in several requests")));
    }
    let (mut jobs, mut faults) = (Vec::with_capacity(requests.len()), Vec::new());
    for (number, request) in requests.into_iter().enumerate() {
        let pointer = format!("{start}/{number}");
        match request.check(panel.kinds()) {
            Ok(job) => {
                concerned(caller, &job, &pointer)?;
                jobs.push(job);
            }
            Err(more) => faults.extend(more.into_iter().map(|fault| fault.under(&pointer))),
        }
    }
    if faults.is_empty() {
        return Ok(jobs);
    }
    Err(Problem::new(Code::InvalidBody).all(faults))
}

fn check_one(
    panel: &Panel,
    caller: &Caller,
    request: JobRequest,
    pointer: &str,
) -> Result<NewJob, Problem> {
    let checked = request.check(panel.kinds());
    let job = checked.map_err(|faults| Problem::new(Code::InvalidBody).all(faults))?;
    concerned(caller, &job, pointer)?;
    Ok(job)
}

/// Refuses a job of a kind or queue that the token does not concern.
fn concerned(caller: &Caller, job: &NewJob, pointer: &str) -> Result<(), Problem> {
    if caller.grant().concerns(&job.envelope.kind, &job.queue) {
        return Ok(());
    }
    let fault = Fault::new(
        format!("{pointer}/kind"),
        "the token is limited to other kinds or queues",
    );
    Err(Problem::new(Code::Forbidden).at(fault))
}

fn unreadable(error: Undecodable) -> Problem {
    match error {
        Undecodable::NotJson(detail) => Problem::new(Code::MalformedBody).detail(detail),
        Undecodable::Misfit(fault) => Problem::new(Code::InvalidBody).at(fault),
    }
}
