//! `debug.sleep`: does nothing for a while, reports every tenth of it, wakes when cancelled.

use std::time::Duration;

use crm_job_contract::debug::Sleep;
use rouage::{JobContext, JobError};

/// Reports per sleep.
const STEPS: u64 = 10;

pub(super) async fn sleep(job: Sleep, cx: JobContext) -> Result<(), JobError> {
    if job.ms > Sleep::MAX_MS {
        let message = format!(
            "cannot sleep for {} ms; allowed: at most {} (one hour)",
            job.ms,
            Sleep::MAX_MS
        );
        return Err(JobError::discard(message));
    }
    tracing::info!(ms = job.ms, "sleeping");
    for step in 0..STEPS {
        let done = job.ms * step / STEPS;
        cx.progress(done, Some(job.ms), "ms slept");
        let until = job.ms * (step + 1) / STEPS;
        cx.sleep(Duration::from_millis(until - done)).await?;
    }
    cx.progress(job.ms, Some(job.ms), "ms slept");
    Ok(())
}

#[cfg(test)]
mod tests {
    use rouage::StopReason;
    use rouage::testing::{Outcome, function, perform};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_sleep_lasts_as_long_as_asked_and_ends_at_its_total() {
        let slept = perform(&function(sleep), Sleep { ms: 12_345 }).await;
        assert_eq!(slept.outcome, Outcome::Completed);
        // The timer of the runtime counts whole milliseconds and may round each step up.
        let ms = slept.elapsed.as_millis();
        assert!((12_345..=12_365).contains(&ms), "{ms} ms");
        assert_eq!(slept.logs[0].text, "sleeping ms=12345");
        let progress = slept.progress.unwrap();
        assert_eq!((progress.done, progress.total), (12_345, Some(12_345)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_ends_early_when_it_is_cancelled() {
        let second = Duration::from_secs(1);
        let stopped = perform(&function(sleep), Sleep { ms: Sleep::MAX_MS })
            .stopped_after(second, StopReason::Requested)
            .await;
        let reason = "requested";
        assert_eq!(stopped.outcome, Outcome::Cancelled { reason });
        assert_eq!(stopped.elapsed, second);
    }

    #[tokio::test]
    async fn a_sleep_above_an_hour_is_refused_for_ever() {
        let ms = Sleep::MAX_MS + 1;
        let refused = perform(&function(sleep), Sleep { ms }).await;
        let Outcome::Discarded { error, .. } = refused.outcome else {
            panic!("{:?}", refused.outcome)
        };
        assert!(error.contains("3600001"), "{error}");
    }
}
