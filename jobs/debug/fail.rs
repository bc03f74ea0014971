//! `debug.fail`: fails with the message it was given.

use crm_job_contract::debug::Fail;
use rouage::{JobContext, JobError};

pub(super) async fn fail(job: Fail, _cx: JobContext) -> Result<(), JobError> {
    Err(if job.permanent {
        JobError::discard(job.message)
    } else {
        JobError::retry(job.message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn failure(permanent: bool) -> JobError {
        let cx = JobContext::new("f".parse().unwrap(), "debug.fail", "debug", 1, 3);
        let message = "as asked".to_owned();
        fail(Fail { message, permanent }, cx).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_failure_is_permanent_only_if_asked_for() {
        assert!(matches!(failure(true).await, JobError::Discard(_)));
        assert!(matches!(failure(false).await, JobError::Retry { .. }));
        assert_eq!(failure(true).await.to_string(), "as asked");
    }
}
