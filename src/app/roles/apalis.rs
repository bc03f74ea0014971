//! The ingress of apalis-redis: tasks that other services push become jobs.

use std::time::Duration;

use metrics::gauge;
use rouage::ingress::apalis::Apalis;
use rouage::ingress::{Relay, RelayOptions};
use rouage::metrics::{RELAY_PARKED, RELAY_WAITING};

use super::outbox::{builder, readiness};
use super::{Duty, Ground};
use crate::app;

/// How often the gauges are set.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// What its metrics are labelled with.
const SOURCE: &str = "apalis";

/// Refuses kinds that do not exist; the other Redis may be away.
pub(super) fn prepare(ground: &Ground<'_>, asked: bool) -> anyhow::Result<Option<Duty>> {
    let Some(settings) = ground.config.settings.apalis.as_ref() else {
        if asked {
            app::apalis(ground.config)?;
        }
        return Ok(None);
    };
    let source = app::apalis(ground.config)?;
    let options = RelayOptions {
        poll: settings.poll,
        ..RelayOptions::default()
    };
    let relay = Relay::new(ground.client.clone(), source, builder(), options);
    let part = readiness(SOURCE, relay.pulse());
    let look = look(app::apalis(ground.config)?);
    let stop = ground.shutdown.drain.clone();
    let run = async move {
        let relay = relay.run(stop);
        tokio::select! {
            () = relay => {}
            () = look => {}
        }
    };
    Ok(Some(Duty {
        name: SOURCE,
        run: Box::pin(run),
        parts: vec![part],
    }))
}

/// Sets the gauges for ever. If the other Redis is away they keep their values: readiness says so.
async fn look(mut queues: Apalis) {
    loop {
        if let Ok(glance) = queues.glance().await {
            let waiting = glance.waiting + glance.held;
            gauge!(RELAY_WAITING, "source" => SOURCE).set(waiting as f64);
            gauge!(RELAY_PARKED, "source" => SOURCE).set(glance.parked as f64);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
