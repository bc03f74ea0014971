//! A request's body, within its bounds.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Bytes;

use super::problem::{Code, Problem};

/// How long a body may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Reads a JSON body of at most `most` bytes.
pub(crate) async fn read_json(
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<Bytes, Problem> {
    if !is_json(headers) {
        let problem = Problem::new(Code::UnsupportedMediaType);
        return Err(problem.hint("send Content-Type: application/json"));
    }
    let too_large = || {
        Problem::new(Code::BodyTooLarge)
            .detail(format!("a body has at most {most} bytes"))
            .hint("send fewer jobs in a request, or store the data and send a reference to it")
            .header(CONNECTION, "close")
    };
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(too_large());
    }
    let read = tokio::time::timeout(PATIENCE, Limited::new(body, most).collect());
    match read.await {
        Ok(Ok(read)) => Ok(read.to_bytes()),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(Code::MalformedBody)
            .detail("the body ended before it was complete")
            .header(CONNECTION, "close")),
        Err(_) => Err(Problem::new(Code::SlowBody)
            .detail(format!("it took longer than {} s", PATIENCE.as_secs()))
            .header(CONNECTION, "close")),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(kind)) = headers.get(CONTENT_TYPE).map(|kind| kind.to_str()) else {
        return false;
    };
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}
