//! One attempt on its way through the executor.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::backend::MAX_LOST;
use crate::batch::{Batch, Member};
use crate::client::Client;
use crate::envelope::Envelope;
use crate::executor::context::JobContext;
use crate::executor::handler::{Kind, Registry};
use crate::executor::outcome::Refusal;
use crate::gates::Gates;
use crate::id::JobId;
use crate::policy::{Priority, RetryPolicy, Timeout};
use crate::record::RunRecord;

/// What a claim brought for one job.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) id: JobId,
    pub(crate) queue: Arc<str>,
    /// What is stored; empty once it is decoded.
    pub(crate) envelope: Vec<u8>,
    /// The member that stands for this claim in the lease index: `fence:id`.
    pub(crate) lease: Arc<str>,
    /// Who claimed it.
    pub(crate) worker: Arc<str>,
    /// The run record that the claim wrote, without the worker: attempt, fence, place in the line,
    /// Redis' clock.
    pub(crate) record: RunRecord,
    /// What an earlier attempt left to start from, as JSON; empty for nothing.
    pub(crate) checkpoint: String,
    /// The moment of the claim by this process' clock.
    pub(crate) claimed_at: Instant,
}

impl Claim {
    /// Whether the next death of its worker would hold it; `claim.lua` hands out one at a time.
    pub(crate) fn is_suspect(&self) -> bool {
        self.record.lost + 1 >= MAX_LOST
    }

    /// Redis' time now, by the distance from the claim: no clock of this host is trusted.
    pub(crate) fn now_ms(&self) -> u64 {
        self.record.started + self.claimed_at.elapsed().as_millis() as u64
    }
}

/// What is to be done with a claim.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one, behind an Arc, and nearly always the large one"
)]
pub(crate) enum Body {
    /// Run this handler.
    Run(Kind, Envelope),
    /// Nothing can run it here.
    Refuse(Refusal),
}

#[derive(Debug)]
struct Inner {
    claim: Claim,
    body: Body,
    cx: JobContext,
    retry: RetryPolicy,
    timeout: Timeout,
}

/// An attempt. Cheap to clone: every layer keeps what it needs.
#[derive(Debug, Clone)]
pub(crate) struct Execution(Arc<Inner>);

impl Execution {
    /// Finds out what the stored bytes ask for. A job that cannot be read or that nobody here
    /// knows becomes an execution that will be held; it never harms the worker.
    pub(crate) fn prepare(
        mut claim: Claim,
        registry: &Registry,
        gates: &Arc<Gates>,
        client: &Client,
    ) -> Self {
        // Taken out: the decoded payload is the one copy that is kept.
        let body = match Envelope::decode(&std::mem::take(&mut claim.envelope)) {
            Err(error) => Body::Refuse(Refusal::Undecodable(error.to_string())),
            Ok(envelope) => match registry.get(&envelope.kind) {
                _ if envelope
                    .expires_at
                    .is_some_and(|at| at <= claim.record.started) =>
                {
                    Body::Refuse(Refusal::Expired)
                }
                Some(kind) => Body::Run(kind.clone(), envelope),
                None => Body::Refuse(Refusal::UnknownKind(envelope.kind)),
            },
        };
        let (name, mut retry, mut timeout) = match &body {
            Body::Run(kind, _) => (kind.name, kind.retry, kind.timeout),
            Body::Refuse(_) => (
                "",
                RetryPolicy::NEVER,
                Timeout::after(Duration::from_secs(1)),
            ),
        };
        if let Body::Run(_, envelope) = &body {
            retry.max_attempts = envelope.max_attempts.unwrap_or(retry.max_attempts);
            if let Some(soft) = envelope.timeout() {
                timeout = Timeout::after(soft).tidy(timeout.hard.saturating_sub(timeout.soft));
            }
        }
        let dry_run = matches!(&body, Body::Run(_, envelope) if envelope.dry_run);
        let mut cx = JobContext::new(
            claim.id.clone(),
            name,
            Arc::clone(&claim.queue),
            claim.record.attempt,
            retry.max_attempts,
        )
        .claimed(
            claim.record.fence,
            std::mem::take(&mut claim.checkpoint),
            dry_run,
            gates,
        )
        .started(claim.record.started, claim.claimed_at);
        if let Some(ledger) = registry.effect_ledger() {
            cx = cx.with_effects(Arc::clone(ledger));
        }
        if let Some(producer) = registry.producer() {
            cx = cx.with_producer(Arc::clone(producer));
        }
        if let Body::Run(_, envelope) = &body
            && let Some(batch) = &envelope.batch
        {
            let member = Member {
                queue: claim.queue.to_string(),
                id: claim.id.clone(),
            };
            cx = cx.in_batch(Batch::of_member(client.clone(), batch.clone(), member));
        }
        Self(Arc::new(Inner {
            claim,
            body,
            cx,
            retry,
            timeout,
        }))
    }

    pub(crate) fn claim(&self) -> &Claim {
        &self.0.claim
    }

    pub(crate) fn body(&self) -> &Body {
        &self.0.body
    }

    pub(crate) fn cx(&self) -> &JobContext {
        &self.0.cx
    }

    pub(crate) fn retry(&self) -> &RetryPolicy {
        &self.0.retry
    }

    pub(crate) fn timeout(&self) -> Timeout {
        self.0.timeout
    }

    pub(crate) fn kind(&self) -> &str {
        self.0.cx.kind()
    }

    pub(crate) fn priority(&self) -> Priority {
        match &self.0.body {
            Body::Run(_, envelope) => envelope.priority,
            Body::Refuse(_) => Priority::NORMAL,
        }
    }

    /// The run record as the attempt ends.
    pub(crate) fn record(&self, refund: bool, reason: &str) -> RunRecord {
        let claim = self.claim();
        RunRecord {
            attempt: claim.record.attempt.saturating_sub(u32::from(refund)),
            finished: claim.now_ms(),
            worker: claim.worker.to_string(),
            reason: reason.to_owned(),
            ..claim.record.clone()
        }
    }
}
