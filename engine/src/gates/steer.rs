//! Steering the gates from outside, for all workers at once.
//!
//! A rate that an operator sets is read by the script that hands out permits, so it counts from
//! the next call on, whatever the code declares. It survives restarts of everything; it leaves by
//! reset, or a month after the last worker that declares the limit. A breaker that is reset is
//! closed for everybody.

use std::time::Duration;

use crate::client::{Client, ClientError};
use crate::gates::{Circuit, Rate};
use crate::scripts::LIMIT_SET;

/// How long an operator's rate outlives the last worker that declares the limit.
pub(super) const OVERRIDE_KEPT: Duration = Duration::from_hours(30 * 24);

impl Client {
    /// Lets `permits` per `per` with that `burst` be the rate of a limit for all workers, from
    /// their next asking on. What waits already keeps the time it was given. `false` if it was so
    /// already.
    pub async fn set_limit(
        &self,
        name: &str,
        permits: u32,
        per: Duration,
        burst: u32,
    ) -> Result<bool, ClientError> {
        let rate = Rate {
            permits,
            per,
            burst,
        };
        rate.check(name)?;
        self.change_limit(name, &rate.to_string()).await
    }

    /// Lets the declared rate of a limit stand again. `false` if nothing else was set.
    pub async fn reset_limit(&self, name: &str) -> Result<bool, ClientError> {
        self.change_limit(name, "").await
    }

    async fn change_limit(&self, name: &str, rate: &str) -> Result<bool, ClientError> {
        must_be("rate limit", name, &self.limit_names().await?)?;
        let call = LIMIT_SET
            .call(&self.keyspace().limit(name))
            .arg(rate)
            .arg(OVERRIDE_KEPT.as_millis() as u64);
        let changed: u8 = self.link().call(call).await?;
        Ok(changed == 1)
    }

    /// Closes a breaker, `NAME` or `NAME/KEY`, and forgets what it counted. Workers hear of it
    /// within a quarter of a second; jobs that wait for it come back when their time comes.
    /// `false` if there was nothing to forget.
    pub async fn reset_breaker(&self, name: &str) -> Result<bool, ClientError> {
        let Circuit { name, key } = Circuit::parse(name);
        must_be("breaker", &name, &self.breaker_names().await?)?;
        let base = self.keyspace().breaker(&name);
        let suffix = if key.is_empty() {
            String::new()
        } else {
            format!("/{key}")
        };
        let mut pipeline = redis::pipe();
        pipeline.atomic().cmd("DEL");
        pipeline.arg(format!("{base}:state{suffix}"));
        pipeline.arg(format!("{base}:probes{suffix}"));
        pipeline
            .cmd("ZREM")
            .arg(format!("{base}:troubled"))
            .arg(key);
        let (deleted, _): (u64, u64) = self.link().pipeline(&pipeline).await?;
        Ok(deleted > 0)
    }
}

fn must_be(what: &'static str, name: &str, known: &[String]) -> Result<(), ClientError> {
    if known.iter().any(|known| known == name) {
        return Ok(());
    }
    Err(ClientError::UnknownGate {
        what,
        name: name.to_owned(),
        known: known.join(", "),
    })
}
