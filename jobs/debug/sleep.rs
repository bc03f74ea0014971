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
#[expect(
    clippy::disallowed_methods,
    reason = "a test cancels a job that runs beside it"
)]
mod tests {
    use rouage::StopReason;

    use super::*;

    fn context() -> JobContext {
        JobContext::new("s".parse().unwrap(), "debug.sleep", "debug", 1, 1)
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_lasts_as_long_as_asked_and_ends_at_its_total() {
        let (cx, start) = (context(), tokio::time::Instant::now());
        sleep(Sleep { ms: 12_345 }, cx.clone()).await.unwrap();
        // The timer of the runtime counts whole milliseconds and may round each step up.
        let slept = start.elapsed().as_millis();
        assert!((12_345..=12_365).contains(&slept), "{slept} ms");
        let progress = cx.take_progress().unwrap();
        assert_eq!((progress.done, progress.total), (12_345, Some(12_345)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_ends_early_when_it_is_cancelled() {
        let cx = context();
        let sleeper = tokio::spawn(sleep(Sleep { ms: Sleep::MAX_MS }, cx.clone()));
        tokio::time::sleep(Duration::from_secs(1)).await;
        cx.stop(StopReason::Requested);
        assert!(matches!(sleeper.await.unwrap(), Err(JobError::Cancelled)));
    }

    #[tokio::test]
    async fn a_sleep_above_an_hour_is_refused_for_ever() {
        let error = sleep(
            Sleep {
                ms: Sleep::MAX_MS + 1,
            },
            context(),
        )
        .await
        .unwrap_err();
        assert!(matches!(error, JobError::Discard(_)), "{error}");
        assert!(error.to_string().contains("3600001"), "{error}");
    }
}
