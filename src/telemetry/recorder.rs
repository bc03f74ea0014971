//! The metrics recorder: what `metrics::counter!` and its siblings end in.
//!
//! Histograms have explicit buckets: without them the exporter renders summaries, which cannot
//! be added over processes. Observations wait in memory until somebody drains them, which a
//! scrape does and [`upkeep`] does for workers that nobody scrapes.

use std::time::Duration;

use anyhow::Context;
use metrics::{describe_gauge, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::metrics::{ALL, BUILD};

/// How often observations are drained.
const UPKEEP: Duration = Duration::from_secs(5);

/// Seconds an attempt may take: from an echo to the longest sleep.
const DURATION: [f64; 16] = [
    0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0,
    3600.0,
];
/// Seconds a job may wait: from a rung bell to a night without workers.
const WAIT: [f64; 14] = [
    0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0,
];

/// Installs the recorder of this process and says what the metrics mean.
pub(crate) fn install(version: &'static str) -> anyhow::Result<PrometheusHandle> {
    let buckets = |name: &str| Matcher::Full(name.to_owned());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(buckets(rouage::metrics::JOB_DURATION), &DURATION)
        .and_then(|builder| {
            builder.set_buckets_for_metric(buckets(rouage::metrics::JOB_WAIT), &WAIT)
        })
        .and_then(|builder| {
            let name = buckets(rouage_panel::metrics::REQUEST_DURATION);
            builder.set_buckets_for_metric(name, &rouage_panel::metrics::DURATION_BUCKETS)
        })
        .and_then(PrometheusBuilder::install_recorder)
        .context("install the metrics recorder")?;
    rouage::metrics::describe();
    rouage_panel::metrics::describe();
    for (name, help) in ALL {
        describe_gauge!(*name, *help);
    }
    gauge!(BUILD, "version" => version).set(1.0);
    Ok(handle)
}

/// Drains observations for ever.
pub(crate) async fn upkeep(handle: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}
