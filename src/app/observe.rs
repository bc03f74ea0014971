//! What the probes ask of a running worker.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use rouage::{Client, Pulse, Shutdown};

use crate::store::pool::{self, Pool};
use crate::telemetry::probes::Pages;
use crate::telemetry::readiness::Part;
use crate::telemetry::scrape::{Connections, Scrape};

/// A fetch loop that did not turn for this long is stuck, unless it is allowed to idle longer.
const STUCK: Duration = Duration::from_secs(30);

/// What is asked.
pub(super) struct Observed {
    pub(super) client: Client,
    /// The pool of the jobs.
    pub(super) database: Pool,
    /// A connection of its own for the probe.
    pub(super) probe: Pool,
    /// Of the worker, where jobs are run.
    pub(super) pulse: Option<Pulse>,
    pub(super) idle_poll: Duration,
    pub(super) shutdown: Shutdown,
    /// Families whose queues are not served.
    pub(super) refused: Vec<&'static str>,
    /// What the other roles are asked.
    pub(super) roles: Vec<Part>,
}

impl Observed {
    /// The pages of the probes.
    pub(super) fn pages(self, handle: PrometheusHandle) -> Pages {
        let scrape = Scrape::new(
            handle,
            self.client.clone(),
            connections(self.database.clone()),
        );
        Pages {
            parts: self.parts(),
            scrape,
        }
    }

    fn parts(self) -> Vec<Part> {
        let Self {
            client,
            probe,
            pulse,
            shutdown,
            refused,
            roles,
            ..
        } = self;
        let limit = STUCK.max(self.idle_poll * 2);
        let mut parts = vec![
            Part::new("redis", move || {
                let client = client.clone();
                // The cheapest question there is; what it answers does not matter.
                async move {
                    client
                        .queue_names()
                        .await
                        .map(drop)
                        .map_err(|_| "no answer".to_owned())
                }
            }),
            Part::new("database", move || {
                let probe = probe.clone();
                async move { pool::ping(&probe).await.map_err(|_| "no answer".to_owned()) }
            }),
            Part::new("families", move || {
                let names = format!(
                    "refused: {}; crm-worker doctor says why",
                    refused.join(", ")
                );
                std::future::ready(if refused.is_empty() {
                    Ok(())
                } else {
                    Err(names)
                })
            }),
            Part::new("process", move || {
                let draining = shutdown.drain.is_cancelled();
                std::future::ready(if draining {
                    Err("draining".to_owned())
                } else {
                    Ok(())
                })
            }),
        ];
        parts.extend(pulse.map(|pulse| queues(pulse, limit)));
        parts.extend(roles);
        parts
    }
}

/// Whether each served queue was looked at.
fn queues(pulse: Pulse, limit: Duration) -> Part {
    Part::new("queues", move || {
        let late: Vec<String> = pulse
            .late(limit)
            .into_iter()
            .map(|(queue, age)| format!("{queue} for {} s", age.as_secs()))
            .collect();
        let stuck = format!("not looked at: {}", late.join(", "));
        std::future::ready(if late.is_empty() { Ok(()) } else { Err(stuck) })
    })
}

fn connections(database: Pool) -> Connections {
    Arc::new(move || {
        let idle = database.num_idle();
        ((database.size() as usize).saturating_sub(idle), idle)
    })
}
