//! The scheduler: enqueues jobs when they are due. Any number of processes may have the role; one
//! of them leads.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use rouage::schedule::{Entry, Heartbeat, Scheduler, SchedulerOptions};

use super::{Duty, Ground, Role, Roles};
use crate::app::schedules::schedules;
use crate::store::schedules::Schedules;
use crate::telemetry::readiness::Part;

/// A scheduler that did not turn for this long hangs: a turn takes milliseconds, the pause between
/// two at most six seconds.
const STUCK: Duration = Duration::from_secs(30);

/// The role, unless nobody wants it or there is nothing to schedule.
pub(super) async fn start(ground: &Ground<'_>, roles: &Roles) -> anyhow::Result<Option<Duty>> {
    if !roles.has(Role::Scheduler) {
        return Ok(None);
    }
    let entries = schedules(ground.config)?;
    if entries.is_empty() && !roles.asked(Role::Scheduler) {
        return Ok(None);
    }
    let prefix = &ground.config.settings.redis.prefix;
    let store = Schedules::new(ground.database.clone(), prefix);
    tell(&entries, &store).await;
    let client = ground.client.clone();
    let options = SchedulerOptions::default();
    let scheduler = Scheduler::new(client, Arc::new(store), entries, &options);
    let heartbeat = scheduler.heartbeat();
    Ok(Some(Duty {
        name: Role::Scheduler.name(),
        run: scheduler.run(ground.shutdown.drain.clone()).boxed(),
        parts: vec![Part::new("scheduler", move || {
            std::future::ready(is_well(&heartbeat))
        })],
    }))
}

/// Says how many schedules there are, and how many are not as the file has them.
async fn tell(entries: &[Entry], store: &Schedules) {
    let enabled = entries.iter().filter(|entry| entry.enabled).count();
    // Who cannot read them now is told by the scheduler.
    let stored = store.all().await.unwrap_or_default();
    let changed = stored.iter().filter(|stored| {
        let is_known = entries.iter().any(|entry| entry.name == stored.name);
        is_known && !stored.overrides.is_empty()
    });
    let changed = changed.count();
    let schedules = entries.len();
    tracing::info!(schedules, enabled, changed, "schedules are known");
}

fn is_well(heartbeat: &Heartbeat) -> Result<(), String> {
    match heartbeat.look() {
        (age, _) if age > STUCK => Err(format!("has not turned for {} s", age.as_secs())),
        (_, Some(trouble)) => Err(trouble.to_owned()),
        (_, None) => Ok(()),
    }
}
