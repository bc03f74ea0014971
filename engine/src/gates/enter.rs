//! The way in of one attempt: everything its kind declares must let it pass.
//!
//! Runs between the decoding of the payload and the handler, so a job's own values may decide how
//! many permits it needs and which breaker is its, and a panic in one of its methods is caught
//! like the handler's. The breaker first: what it stops must not use up permits. A kind that
//! declares nothing compiles to nothing.

use crate::executor::{JobContext, JobError};
use crate::gates::Circuit;
use crate::job::Job;

/// Waits for what the kind of `job` declares, or says how the attempt ends instead.
pub(crate) async fn enter<J: Job>(job: &J, cx: &JobContext) -> Result<(), JobError> {
    if J::BREAKER.is_some() {
        let circuit = match job.breaker_key() {
            Some(key) => Circuit::keyed(J::KIND, &key),
            None => Circuit::plain(J::KIND),
        };
        cx.enter(circuit).await?;
    }
    if let Some(limit) = J::LIMIT {
        cx.limit(limit).acquire(job.permits()).await?;
    }
    Ok(())
}
