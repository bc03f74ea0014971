//! Who fires: a lease in Redis with a fence.
//!
//! The lead saves work and nothing else: occurrences have names, so two leaders do no harm. The
//! fence keeps one that was stopped for long from writing old states over newer ones.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::client::{Client, ClientError};
use crate::scripts::SCHEDULE_LEAD;

/// How a scheduler behaves.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// How long the lead lasts without a word: what a failover takes.
    pub lease: Duration,
}

impl Default for SchedulerOptions {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(6),
        }
    }
}

/// Who leads, as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeaderView {
    /// The process.
    pub instance: String,
    /// Its fence.
    pub fence: u64,
    /// Until when, ms since 1970.
    pub until: u64,
}

/// Who leads the schedulers; `None` if nobody does now.
pub async fn leader(client: &Client) -> Result<Option<LeaderView>, ClientError> {
    let key = client.keyspace().scheduler();
    let mut ask = redis::cmd("HMGET");
    ask.arg(key).arg(&["holder", "fence", "until"]);
    let known: (Option<String>, Option<u64>, Option<u64>) = client.link().command(&ask).await?;
    let (Some(instance), Some(fence), Some(until)) = known else {
        return Ok(None);
    };
    let (seconds, _): (u64, u64) = client.link().command(&redis::cmd("TIME")).await?;
    let view = LeaderView {
        instance,
        fence,
        until,
    };
    Ok((until > seconds * 1000).then_some(view))
}

/// What Redis said about the lead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// The fence, if this process leads.
    pub(super) fence: Option<u64>,
    /// Redis' time, in ms since 1970.
    pub(super) now_ms: u64,
    /// How long the lease of whoever leads lasts.
    pub(super) left: Duration,
    /// When it was asked: the lease is over no later than that and `left`.
    asked: Instant,
}

impl Standing {
    /// Whether the lead certainly lasts for now.
    pub(super) fn still_leads(&self) -> bool {
        self.fence.is_some() && self.asked.elapsed() < self.left
    }
}

/// A process' claim to the lead.
#[derive(Debug, Clone)]
pub(super) struct Lead {
    pub(super) client: Client,
    pub(super) instance: String,
    pub(super) lease: Duration,
}

impl Lead {
    /// Takes the lead if nobody has it, keeps it if this process has.
    pub(super) async fn hold(&self) -> Result<Standing, ClientError> {
        self.call("hold").await
    }

    /// Gives the lead back.
    pub(super) async fn release(&self) -> Result<(), ClientError> {
        self.call("release").await.map(drop)
    }

    async fn call(&self, wish: &str) -> Result<Standing, ClientError> {
        let asked = Instant::now();
        let call = SCHEDULE_LEAD
            .call(&self.client.keyspace().scheduler())
            .arg(wish)
            .arg(&self.instance)
            .arg(self.lease.as_millis() as u64);
        let (fence, now_ms, left): (u64, u64, u64) = self.client.link().call(call).await?;
        Ok(Standing {
            fence: (fence > 0).then_some(fence),
            now_ms,
            left: Duration::from_millis(left),
            asked,
        })
    }
}
