//! Steering the gates from outside, for all workers at once.
//!
//! A rate that an operator sets is read by the script that hands out permits, so it counts from
//! the next call on, whatever the code declares. It survives restarts of everything; it leaves by
//! reset, or a month after the last worker that declares the limit.

use std::time::Duration;

use crate::client::{Client, ClientError};
use crate::gates::Rate;
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
        let known = self.limit_names().await?;
        if !known.iter().any(|limit| limit == name) {
            return Err(ClientError::UnknownLimit {
                name: name.to_owned(),
                known: known.join(", "),
            });
        }
        let call = LIMIT_SET
            .call(&self.keyspace().limit(name))
            .arg(rate)
            .arg(OVERRIDE_KEPT.as_millis() as u64);
        let changed: u8 = self.link().call(call).await?;
        Ok(changed == 1)
    }
}
