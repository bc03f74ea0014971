//! Circuit breakers: jobs wait while what they need is broken, instead of failing one by one.
//!
//! A breaker belongs to a kind ([`crate::Job::BREAKER`]), perhaps one for each
//! [`crate::Job::breaker_key`], or is declared by name and guards one call inside handlers:
//! `cx.breaker("resend").call(send(..)).await?`. Its state is in Redis, on Redis' clock, shared by
//! all workers; the scripts decide everything.
//!
//! Errors that are retried, timeouts and panics count as failures. Snoozes, cancellations,
//! hand-backs and discards do not count at all: a discard says something about the job, not about
//! what it needs.
//!
//! While it is open, jobs are snoozed without losing an attempt and come back spread over another
//! open time. A worker believes an answer for [`BELIEVED`] and tells results in batches, failures
//! at once, so a closed breaker costs about one call per worker in that time. A breaker never
//! stops work because Redis did not answer, and results that Redis did not take are dropped: they
//! are old by the time it is back.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::Rng;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::executor::JobError;
use crate::gates::Circuit;
use crate::gates::declared::words;
use crate::gates::tally::{BELIEVED, Glance, Message, PROBE_LEASE, Tally, Verdict};
use crate::keys::Keyspace;
use crate::link::{Link, LinkError};
use crate::policy::Breaker;
use crate::scripts::{BREAKER_ASK, BREAKER_TELL};

/// Most messages in one call.
const MAX_MESSAGES: usize = 100;

/// Leave to run: what is to be told when the attempt is over.
#[derive(Debug)]
pub(crate) struct Pass {
    circuit: Circuit,
    /// There if it is a probe.
    token: Option<String>,
}

/// The declared breakers, what is known of them, and the way to Redis.
#[derive(Debug)]
pub(crate) struct Breakers {
    pub(crate) link: Link,
    pub(crate) keyspace: Keyspace,
    pub(crate) declared: BTreeMap<String, Breaker>,
    tally: Mutex<Tally>,
    /// Rung when something should be told at once.
    bell: Notify,
}

impl Breakers {
    pub(crate) fn new(link: Link, keyspace: Keyspace, declared: BTreeMap<String, Breaker>) -> Self {
        Self {
            link,
            keyspace,
            declared,
            tally: Mutex::default(),
            bell: Notify::new(),
        }
    }

    /// Lets an attempt pass, or snoozes it.
    pub(crate) async fn enter(&self, circuit: Circuit) -> Result<Pass, JobError> {
        let Some(policy) = self.declared.get(&circuit.name) else {
            let known: Vec<&str> = self.declared.keys().map(String::as_str).collect();
            return Err(JobError::discard(format!(
                "breaker {:?} is not declared; declared are: {}",
                circuit.name,
                known.join(", ")
            )));
        };
        let glance = self.tally().glance(&circuit, Instant::now());
        match glance {
            Glance::Closed => Ok(Pass {
                circuit,
                token: None,
            }),
            Glance::Open(wait) => Err(not_now(&circuit, policy, wait)),
            Glance::Unknown => self.ask(circuit, policy).await,
        }
    }

    async fn ask(&self, circuit: Circuit, policy: &Breaker) -> Result<Pass, JobError> {
        let token = format!("{:016x}", rand::rng().random::<u64>());
        let call = BREAKER_ASK
            .call(&self.keyspace.breaker(&circuit.name))
            .arg(&circuit.key)
            .arg(policy.probes)
            .arg(PROBE_LEASE.as_millis() as u64)
            .arg(&token);
        let (answer, wait): (String, u64) = match self.link.call(call).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(breaker = %circuit, %error, "could not ask the breaker, the attempt passes");
                return Ok(Pass {
                    circuit,
                    token: None,
                });
            }
        };
        let (now, wait) = (Instant::now(), Duration::from_millis(wait));
        if answer == "probe" {
            self.tally().lend(&circuit, token.clone(), now);
            let token = Some(token);
            return Ok(Pass { circuit, token });
        }
        let closed = answer == "closed";
        self.tally().learn(&circuit, (!closed).then_some(wait), now);
        if closed {
            Ok(Pass {
                circuit,
                token: None,
            })
        } else {
            Err(not_now(&circuit, policy, wait))
        }
    }

    /// An attempt that passed is over.
    pub(crate) fn leave(&self, pass: &Pass, verdict: Verdict) {
        match &pass.token {
            Some(token) => self.tally().give_back(&pass.circuit, token, verdict),
            None => self.tally().count(&pass.circuit, verdict),
        }
        if pass.token.is_some() || verdict == Verdict::Bad {
            self.bell.notify_one();
        }
    }

    /// Tells results until `stop`, and the last ones then.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        if self.declared.is_empty() {
            return;
        }
        let mut stopped = false;
        while !stopped {
            tokio::select! {
                biased;
                () = stop.cancelled() => stopped = true,
                rung = timeout(BELIEVED, self.bell.notified()) => drop(rung),
            }
            self.tell_all().await;
        }
    }

    async fn tell_all(&self) {
        let messages = self.tally().take_messages(Instant::now());
        let mut of_name: BTreeMap<String, Vec<(Circuit, Message)>> = BTreeMap::new();
        for (circuit, message) in messages {
            let known = of_name.entry(circuit.name.clone()).or_default();
            known.push((circuit, message));
        }
        for (name, messages) in of_name {
            for chunk in messages.chunks(MAX_MESSAGES) {
                if let Err(error) = self.tell(&name, chunk).await {
                    tracing::warn!(breaker = %name, results = chunk.len(), %error, "results were not told to the breaker");
                }
            }
        }
    }

    async fn tell(&self, name: &str, messages: &[(Circuit, Message)]) -> Result<(), LinkError> {
        let Some(policy) = self.declared.get(name) else {
            return Ok(());
        };
        let mut call = BREAKER_TELL.call(&self.keyspace.breaker(name));
        for word in words(policy) {
            call.push(word);
        }
        call.push(PROBE_LEASE.as_millis() as u64);
        for (circuit, message) in messages {
            call.push(&circuit.key);
            match message {
                Message::Count { good, bad } => call.push(("count", good, bad)),
                Message::Renew { token } => call.push(("renew", token, "")),
                Message::Probe { token, verdict } => call.push((verdict.word(), token, "")),
            }
        }
        let answers: Vec<u64> = self.link.call(call).await?;
        for ((circuit, _), wait) in messages.iter().zip(answers) {
            self.learn(circuit, wait);
        }
        Ok(())
    }

    /// Remembers an answer, and says so if the breaker changed.
    fn learn(&self, circuit: &Circuit, wait_ms: u64) {
        let wait = (wait_ms > 0).then(|| Duration::from_millis(wait_ms));
        if !self.tally().learn(circuit, wait, Instant::now()) {
            return;
        }
        if wait_ms > 0 {
            tracing::warn!(breaker = %circuit, wait_ms, "breaker opened: its jobs wait");
        } else {
            tracing::info!(breaker = %circuit, "breaker closed: its jobs go on");
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        // Counters only, so a poisoned lock guards nothing torn.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Void => "void",
        }
    }
}

fn not_now(circuit: &Circuit, policy: &Breaker, wait: Duration) -> JobError {
    let delay = comeback(wait, policy.open, rand::rng().random_range(0.0..1.0));
    JobError::waiting(delay, format!("breaker:{circuit}"))
}

/// When a job asks again: spread over another open time, so that those who wait do not come back
/// together. While all probes are out there is no time to wait for; half an open time stands for
/// it. `random` is in `[0, 1)`.
fn comeback(wait: Duration, open: Duration, random: f64) -> Duration {
    let wait = if wait.is_zero() { open / 2 } else { wait };
    wait + open.mul_f64(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_come_back_after_the_open_time_and_spread_over_another_one() {
        let (wait, open) = (Duration::from_secs(7), Duration::from_secs(30));
        assert_eq!(comeback(wait, open, 0.0), wait);
        assert_eq!(comeback(wait, open, 0.5), Duration::from_secs(22));
        assert_eq!(comeback(Duration::ZERO, open, 0.0), open / 2);
    }
}
