//! `debug.effect`: an effect that changes nothing, for seeing what happens when a worker dies in it.

use std::time::Duration;

use crm_job_contract::debug::Effect;
use rouage::{JobContext, JobError};

pub(super) async fn effect(job: Effect, cx: JobContext) -> Result<String, JobError> {
    if job.ms > Effect::MAX_MS {
        let message = format!(
            "ms is {}; allowed: at most {} (one minute)",
            job.ms,
            Effect::MAX_MS
        );
        return Err(JobError::discard(message));
    }
    let takes = Duration::from_millis(job.ms);
    cx.effect(format!("debug:{}", job.key))
        .lasts(takes + Duration::from_secs(5))
        .if_dry(String::new())
        .run(async || {
            tracing::info!("the effect happens");
            cx.sleep(takes).await?;
            Ok(cx.id().to_string())
        })
        .await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rouage::effects::MemoryLedger;

    use super::*;

    fn attempt(
        id: &str,
        ledger: &Arc<MemoryLedger>,
    ) -> impl Future<Output = Result<String, JobError>> {
        let cx = JobContext::new(id.parse().unwrap(), "debug.effect", "debug", 1, 1);
        let job = Effect {
            key: "trial".to_owned(),
            ms: 10,
        };
        effect(job, cx.with_effects(ledger.clone()))
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_job_with_a_key_gets_the_first_ones_answer() {
        let ledger = Arc::default();
        assert_eq!(attempt("one", &ledger).await.unwrap(), "one");
        assert_eq!(attempt("two", &ledger).await.unwrap(), "one");
    }
}
