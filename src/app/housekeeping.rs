//! What the worker forgets in the database, once an hour: rows whose time is over, and payloads
//! whose job is gone.
//!
//! Every worker does it. The statements are bounded, skip what another one is removing, and are
//! harmless to run twice; after a failure the next round does the rest.

use std::time::Duration;

use rouage::Client;

use crate::config::Settings;
use crate::store::deeds::Deeds;
use crate::store::effects::Effects;
use crate::store::job_runs::JobRuns;
use crate::store::outbox::ParkedRows;
use crate::store::pool::Pool;

/// How often.
const EVERY: Duration = Duration::from_hours(1);
/// Statements of one kind in one round.
const STATEMENTS: usize = 100;
/// Payloads that are looked at in one step.
const PAYLOADS: usize = 500;

/// What is forgotten, and after how long.
pub(super) struct Housekeeping {
    client: Client,
    effects: Effects,
    keep_effects: Duration,
    history: JobRuns,
    keep_history: Duration,
    outbox: ParkedRows,
    keep_parked: Duration,
    deeds: Deeds,
    keep_deeds: Duration,
}

impl Housekeeping {
    pub(super) fn new(client: Client, database: &Pool, settings: &Settings) -> Self {
        Self {
            client,
            effects: Effects::new(database.clone()),
            keep_effects: settings.keep_effects,
            history: JobRuns::new(database.clone()),
            keep_history: settings.keep_history,
            outbox: ParkedRows::new(database.clone()),
            keep_parked: settings.outbox.keep_parked,
            deeds: Deeds::new(database.clone(), &settings.redis.prefix),
            keep_deeds: settings.panel.keep_deeds,
        }
    }

    /// Tidies up until it is dropped.
    pub(super) async fn run(self) {
        loop {
            if let Err(error) = self.round().await {
                tracing::warn!(%error, "old rows were not removed, trying again in an hour");
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn round(&self) -> anyhow::Result<()> {
        for _ in 0..STATEMENTS {
            if self.effects.forget(self.keep_effects).await? == 0 {
                break;
            }
        }
        for _ in 0..STATEMENTS {
            if self.history.forget(self.keep_history).await? == 0 {
                break;
            }
        }
        for _ in 0..STATEMENTS {
            let rows = self.outbox.forget(self.keep_parked).await?;
            if rows == 0 {
                break;
            }
            tracing::warn!(
                rows,
                "parked rows of the outbox were removed: nobody decided in time"
            );
        }
        for _ in 0..STATEMENTS {
            if self.deeds.forget(self.keep_deeds).await? == 0 {
                break;
            }
        }
        for _ in 0..STATEMENTS {
            if self.client.collect_payloads(PAYLOADS).await?.looked_at < PAYLOADS {
                break;
            }
        }
        Ok(())
    }
}
