//! The Celery ingress: messages of Celery clients become jobs, and their callers get results. Any
//! number of processes may have the role.

use futures_util::FutureExt;

use super::{Duty, Ground, Role, Roles};
use crate::app::celery;
use crate::telemetry::readiness::Part;

/// The role, unless nobody wants it or Celery is not configured.
pub(super) fn start(ground: &Ground<'_>, roles: &Roles) -> anyhow::Result<Option<Duty>> {
    let wanted = roles.has(Role::Celery);
    if !wanted || !(celery::is_configured(ground.config) || roles.asked(Role::Celery)) {
        return Ok(None);
    }
    let ingress = celery::ingress(ground.config, ground.client.clone())?;
    let queues = ground.config.settings.celery.ingress.queues.join(",");
    let [(_, taken), (_, shadowed), (_, left)] = ingress.modes();
    tracing::info!(
        queues,
        taken,
        shadowed,
        left,
        "celery messages are taken in"
    );
    let (runs, asked) = (ingress.clone(), ingress);
    let stop = ground.shutdown.drain.clone();
    Ok(Some(Duty {
        name: Role::Celery.name(),
        run: async move { runs.run(stop).await }.boxed(),
        parts: vec![Part::new("celery", move || {
            let ingress = asked.clone();
            async move {
                let answer = ingress.check().await;
                answer.map(drop).map_err(|_| "no answer".to_owned())
            }
        })],
    }))
}
