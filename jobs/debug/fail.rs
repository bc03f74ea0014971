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
    use rouage::testing::{Outcome, function, perform};

    use super::*;

    async fn outcome(permanent: bool) -> Outcome {
        let message = "as asked".to_owned();
        let job = Fail { message, permanent };
        perform(&function(fail), job).await.outcome
    }

    #[tokio::test]
    async fn a_failure_is_permanent_only_if_asked_for() {
        let forever = outcome(true).await;
        assert!(matches!(forever, Outcome::Discarded { error, .. } if error == "as asked"));
        let once = outcome(false).await;
        assert!(matches!(once, Outcome::Retrying { error, .. } if error == "as asked"));
    }
}
