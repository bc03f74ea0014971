//! The relay of the outbox: rows of `worker.outbox` become jobs.

use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use rouage::ingress::{Build, Relay, RelayOptions, RelayPulse, misfit};
use rouage::metrics::{RELAY_LAG, RELAY_PARKED, RELAY_WAITING};

use super::{Duty, Ground};
use crate::app::{checkup, new_job};
use rouage::startup::Severity;

use crate::store::outbox::{Outbox, ParkedRows};
use crate::telemetry::readiness::Part;

/// How often the gauges are set.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// A relay that had no turn for so long does not work.
const LATE: Duration = Duration::from_secs(60);
/// What its metrics are labelled with.
const SOURCE: &str = "outbox";

/// Refuses nothing: the table is there, since the migrations were checked.
pub(super) async fn prepare(ground: &Ground<'_>, asked: bool) -> anyhow::Result<Option<Duty>> {
    let settings = &ground.config.settings.outbox;
    if !settings.enabled && !asked {
        return Ok(None);
    }
    let finding = checkup::outbox::known(&ground.database).await?;
    if finding.severity != Severity::Ok {
        tracing::warn!(hint = finding.hint, "{}", finding.message);
    }
    let source = Outbox::new(&crate::app::database(ground.config)?);
    let options = RelayOptions {
        poll: settings.poll,
        ..RelayOptions::default()
    };
    let relay = Relay::new(ground.client.clone(), source, builder(), options);
    let part = readiness(SOURCE, relay.pulse());
    let look = look(ParkedRows::new(ground.database.clone()));
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

/// Jobs of the kinds this release knows; what does not fit is told without its values.
pub(super) fn builder() -> Build {
    Arc::new(|kind, payload| new_job(kind, payload).map_err(|error| reason(kind, &error)))
}

fn reason(kind: &str, error: &anyhow::Error) -> String {
    match error.downcast_ref::<serde_path_to_error::Error<serde_json::Error>>() {
        Some(error) => {
            let why = misfit(error.inner());
            // The name of an unknown field is the producer's own text; the root has none.
            let named = error.path().iter().next().is_some() && !why.starts_with("unknown field");
            let field = named.then(|| format!("{}: ", error.path()));
            format!(
                "payload does not fit {kind}: {}{why}",
                field.unwrap_or_default()
            )
        }
        None => format!("{error:#}"),
    }
}

/// Whether a relay has its turns.
pub(super) fn readiness(source: &'static str, pulse: RelayPulse) -> Part {
    Part::new(source, move || {
        let age = pulse.age();
        std::future::ready(if age < LATE {
            Ok(())
        } else {
            Err(format!("no turn for {} s", age.as_secs()))
        })
    })
}

/// Sets the gauges for ever. If the database is away they keep their values: the probe says so.
async fn look(outbox: ParkedRows) {
    loop {
        if let Ok(glance) = outbox.glance().await {
            gauge!(RELAY_WAITING, "source" => SOURCE).set(glance.waiting as f64);
            gauge!(RELAY_LAG, "source" => SOURCE).set(glance.lag_ms as f64 / 1000.0);
            gauge!(RELAY_PARKED, "source" => SOURCE).set(glance.parked as f64);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: &str, payload: &str) -> String {
        builder()(kind, payload).map(drop).unwrap_err()
    }

    #[test]
    fn what_does_not_fit_is_told_without_its_values() {
        let reason = refused("debug.sleep", r#"{"ms":"anne@example.org"}"#);
        assert_eq!(
            reason,
            "payload does not fit debug.sleep: ms: invalid type, expected u64 at line 1 column 24"
        );
        let reason = refused("debug.slep", "{}");
        assert!(reason.contains("did you mean debug.sleep?"), "{reason}");
    }
}
