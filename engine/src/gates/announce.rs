//! Tells Redis what this worker declares, so that operators see it without the code.
//!
//! Repeated every minute: a Redis that was emptied hears of it again, and what no worker declares
//! any more leaves by itself after a week. A limit is asked with the rate its own worker declares,
//! so two releases with two rates may run side by side; the list shows the one said last.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::backoff::jittered;
use crate::gates::declared::words;
use crate::gates::steer::OVERRIDE_KEPT;
use crate::gates::{Breakers, Gates, Limits};
use crate::link::{Link, LinkError};

/// How often it is said again.
const EVERY: Duration = Duration::from_mins(1);
/// How soon after a failure.
const AGAIN: Duration = Duration::from_secs(2);
/// How long what nobody declares any more is still shown.
const KEPT: Duration = Duration::from_hours(7 * 24);

/// Most names that are listed.
const MAX_NAMES: isize = 1000;

/// The task that says it.
pub(crate) struct Announcer {
    pub(crate) gates: Arc<Gates>,
}

impl Announcer {
    /// Says it until `stop`; ends at once if there is nothing to say.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let Gates { limits, breakers } = &*self.gates;
        if limits.declared.is_empty() && breakers.declared.is_empty() {
            return;
        }
        loop {
            let said = tokio::try_join!(announce_limits(limits), announce_breakers(breakers));
            let next = match said {
                Ok(_) => jittered(EVERY),
                Err(error) => {
                    tracing::warn!(%error, "limits and breakers were not announced, trying again");
                    jittered(AGAIN)
                }
            };
            if timeout(next, stop.cancelled()).await.is_ok() {
                return;
            }
        }
    }
}

async fn announce_limits(limits: &Limits) -> Result<(), LinkError> {
    for (name, limit) in &limits.declared {
        let base = limits.keyspace.limit(name);
        let mut pipeline = redis::pipe();
        declare(&mut pipeline, &base, &limit.rate.to_string());
        pipeline.cmd("PEXPIRE").arg(format!("{base}:set"));
        pipeline.arg(OVERRIDE_KEPT.as_millis() as u64).ignore();
        let () = limits.link.pipeline(&pipeline).await?;
    }
    list(
        &limits.link,
        &limits.keyspace.limits(),
        limits.declared.keys(),
    )
    .await
}

async fn announce_breakers(breakers: &Breakers) -> Result<(), LinkError> {
    for (name, policy) in &breakers.declared {
        let mut pipeline = redis::pipe();
        let text = words(policy).map(|word| word.to_string()).join(" ");
        declare(&mut pipeline, &breakers.keyspace.breaker(name), &text);
        let () = breakers.link.pipeline(&pipeline).await?;
    }
    let key = breakers.keyspace.breakers();
    list(&breakers.link, &key, breakers.declared.keys()).await
}

fn declare(pipeline: &mut redis::Pipeline, base: &str, text: &str) {
    pipeline
        .cmd("SET")
        .arg(format!("{base}:declared"))
        .arg(text);
    pipeline.arg("PX").arg(KEPT.as_millis() as u64).ignore();
}

/// Puts names into a list of what was declared when, and takes out what is too old or too much.
async fn list<'n>(
    link: &Link,
    key: &str,
    names: impl Iterator<Item = &'n String>,
) -> Result<(), LinkError> {
    let mut names = names.peekable();
    if names.peek().is_none() {
        return Ok(());
    }
    let (seconds, _): (u64, u64) = link.command(&redis::cmd("TIME")).await?;
    let now = seconds * 1000;
    let mut pipeline = redis::pipe();
    pipeline.cmd("ZADD").arg(key);
    for name in names {
        pipeline.arg(now).arg(name);
    }
    let old = now.saturating_sub(KEPT.as_millis() as u64);
    pipeline
        .ignore()
        .cmd("ZREMRANGEBYSCORE")
        .arg(key)
        .arg("-inf")
        .arg(old)
        .ignore();
    pipeline
        .cmd("ZREMRANGEBYRANK")
        .arg(key)
        .arg(0)
        .arg(-MAX_NAMES - 1)
        .ignore();
    link.pipeline(&pipeline).await
}
