//! What one attempt has to do with limits and breakers: asking, waiting, and telling at its end.
//!
//! An attempt that passed a breaker keeps its pass until somebody knows how it went: the guarded
//! call itself, or the judge, who also sees the panics and timeouts that no handler lives to tell.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::executor::context::{JobContext, StopReason};
use crate::executor::error::JobError;
use crate::executor::outcome::Ending;
use crate::gates::{Circuit, Gates, Pass, Verdict};

/// The gates' side of an attempt.
#[derive(Debug, Default)]
pub(super) struct Gated {
    /// `None` in tests of handlers, where nothing stops anything.
    gates: Option<Arc<Gates>>,
    /// Time spent waiting for permits, in µs: the timeout does not count it.
    waited: AtomicU64,
    /// Passes whose end is not told yet.
    passes: Mutex<Passes>,
}

#[derive(Debug, Default)]
struct Passes {
    made: u64,
    open: Vec<(u64, Pass)>,
}

impl Gated {
    pub(super) fn by(gates: &Arc<Gates>) -> Self {
        Self {
            gates: Some(Arc::clone(gates)),
            ..Self::default()
        }
    }

    fn passes(&self) -> MutexGuard<'_, Passes> {
        // Whole values only are stored, so a poisoned lock guards nothing torn.
        self.passes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JobContext {
    /// A rate limit by the name it was declared with.
    pub fn limit<'c>(&'c self, name: &'c str) -> Limit<'c> {
        Limit { cx: self, name }
    }

    /// A circuit breaker by the name it was declared with.
    pub fn breaker<'c>(&'c self, name: &'c str) -> Guard<'c> {
        let circuit = Circuit::plain(name);
        Guard { cx: self, circuit }
    }

    /// Sleeps for `duration`, which the timeout will not count.
    pub(crate) async fn wait(&self, duration: Duration) -> Result<(), JobError> {
        let micros = duration.as_micros() as u64;
        self.gated().waited.fetch_add(micros, Ordering::AcqRel);
        self.sleep(duration).await
    }

    /// Time the timeout must not count, so far.
    pub(crate) fn waited(&self) -> Duration {
        Duration::from_micros(self.gated().waited.load(Ordering::Acquire))
    }

    /// Passes a breaker, or snoozes; answers the number of the pass.
    pub(crate) async fn enter(&self, circuit: Circuit) -> Result<u64, JobError> {
        let Some(gates) = &self.gated().gates else {
            return Ok(0);
        };
        let pass = gates.breakers.enter(circuit).await?;
        let mut passes = self.gated().passes();
        passes.made += 1;
        let number = passes.made;
        passes.open.push((number, pass));
        Ok(number)
    }

    /// Tells how it went behind the pass of that number, unless the judge was quicker.
    fn leave(&self, number: u64, verdict: Verdict) {
        let open = &mut self.gated().passes().open;
        if let Some(at) = open.iter().position(|(of, _)| *of == number) {
            let (_, pass) = open.swap_remove(at);
            self.tell(&pass, verdict);
        }
    }

    /// Tells how the attempt went, behind all passes that are still open.
    pub(crate) fn leave_all(&self, ending: &Ending) {
        let open = std::mem::take(&mut self.gated().passes().open);
        for (_, pass) in open {
            self.tell(&pass, verdict(ending, self.stop_reason()));
        }
    }

    fn tell(&self, pass: &Pass, verdict: Verdict) {
        if let Some(gates) = &self.gated().gates {
            gates.breakers.leave(pass, verdict);
        }
    }
}

/// What an ending says about what a breaker guards. Failures are what a retry may cure: errors,
/// panics, timeouts. A discard says something about the job; a job that was asked to stop, or to
/// wait, says nothing.
fn verdict(ending: &Ending, stop: Option<StopReason>) -> Verdict {
    match (ending, stop) {
        (Ending::Returned(Ok(_)), _) => Verdict::Good,
        (
            Ending::Refused(_)
            | Ending::Returned(Err(
                JobError::Snooze { .. } | JobError::Discard(_) | JobError::Unknown(_),
            )),
            _,
        )
        | (_, Some(StopReason::Requested | StopReason::Shutdown | StopReason::LeaseLost)) => {
            Verdict::Void
        }
        (_, Some(StopReason::Timeout))
        | (Ending::Panicked(_) | Ending::Returned(Err(JobError::Retry { .. })), None) => {
            Verdict::Bad
        }
        (Ending::Dropped | Ending::Returned(Err(JobError::Cancelled)), None) => Verdict::Void,
    }
}

/// A rate limit as one attempt asks for it.
#[derive(Debug, Clone, Copy)]
pub struct Limit<'c> {
    cx: &'c JobContext,
    name: &'c str,
}

impl Limit<'_> {
    /// Waits for permits, at most as many as the limit's burst; the timeout does not count the
    /// wait. Ends early with [`JobError::Cancelled`] or, if the wait would be long, with
    /// [`JobError::Snooze`]; pass both on with `?`.
    pub async fn acquire(self, permits: u32) -> Result<(), JobError> {
        let Some(gates) = &self.cx.gated().gates else {
            return Ok(());
        };
        let wait = gates.limits.reserve(self.name, permits).await?;
        if wait.is_zero() {
            Ok(())
        } else {
            self.cx.wait(wait).await
        }
    }
}

/// A circuit breaker around one call of a handler.
#[derive(Debug, Clone)]
pub struct Guard<'c> {
    cx: &'c JobContext,
    circuit: Circuit,
}

impl Guard<'_> {
    /// The breaker of that name for one key, such as a host: one key's failures do not stop
    /// another one. Anything but a short word of letters, digits and `._-:` is kept as a digest.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.circuit = Circuit::keyed(&self.circuit.name, key);
        self
    }

    /// Does `work` if the breaker lets it pass, and tells the breaker how it went. While the
    /// breaker is open, `work` is not started and the answer is a [`JobError::Snooze`]; pass it on
    /// with `?`. An error that would be retried counts as a failure, and so does a timeout or a
    /// panic on the way; a discard does not.
    pub async fn call<T, E: Into<JobError>>(
        self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, JobError> {
        let pass = self.cx.enter(self.circuit).await?;
        let (value, ending) = match work.await.map_err(Into::into) {
            Ok(value) => (Some(value), Ending::Returned(Ok(None))),
            Err(error) => (None, Ending::Returned(Err(error))),
        };
        self.cx.leave(pass, verdict(&ending, self.cx.stop_reason()));
        match (value, ending) {
            (Some(value), _) => Ok(value),
            (None, Ending::Returned(Err(error))) => Err(error),
            (None, _) => Err(JobError::Cancelled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(error: JobError) -> Ending {
        Ending::Returned(Err(error))
    }

    #[test]
    fn what_a_retry_may_cure_is_a_failure_and_a_discard_is_not() {
        let panic = || Ending::Panicked("boom".to_owned());
        assert_eq!(verdict(&Ending::Returned(Ok(None)), None), Verdict::Good);
        assert_eq!(verdict(&failed(JobError::retry("503")), None), Verdict::Bad);
        assert_eq!(verdict(&panic(), None), Verdict::Bad);
        let timeout = Some(StopReason::Timeout);
        assert_eq!(verdict(&Ending::Dropped, timeout), Verdict::Bad);
        assert_eq!(verdict(&failed(JobError::Cancelled), timeout), Verdict::Bad);
        let discard = failed(JobError::discard("no such user"));
        assert_eq!(verdict(&discard, None), Verdict::Void);
    }

    #[test]
    fn an_attempt_that_was_asked_to_stop_or_to_wait_says_nothing() {
        let snooze = failed(JobError::snooze(Duration::from_secs(1)));
        assert_eq!(verdict(&snooze, None), Verdict::Void);
        for stop in [
            StopReason::Requested,
            StopReason::Shutdown,
            StopReason::LeaseLost,
        ] {
            let ending = failed(JobError::retry("cut off"));
            assert_eq!(verdict(&ending, Some(stop)), Verdict::Void, "{stop:?}");
        }
    }
}
