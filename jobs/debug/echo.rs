//! `debug.echo`: answers with the value it was given.

use crm_job_contract::debug::Echo;
use rouage::{JobContext, JobError};
use serde_json::Value;

pub(super) async fn echo(job: Echo, _cx: JobContext) -> Result<Value, JobError> {
    Ok(job.value)
}
