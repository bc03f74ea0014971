//! Every metric that a dashboard or an alert rule asks for exists.

#[path = "../../src/telemetry/metrics.rs"]
mod metrics;

use std::fs;
use std::path::Path;

pub(crate) use metrics::ALL as OWN;

/// What our names start with, and the names of the CRM's old rules.
const PREFIXES: [&str; 3] = ["rouage_", "crm_worker_", "celery_"];
/// What a histogram adds to its name.
const PARTS: [&str; 3] = ["_bucket", "_sum", "_count"];

/// The metric names in a text, whatever its format.
fn names(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)))
        .collect()
}

#[test]
fn every_metric_of_the_dashboards_and_rules_is_in_a_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards");
    let tables: Vec<&str> = rouage::metrics::ALL
        .iter()
        .chain(rouage_panel::metrics::ALL)
        .chain(OWN)
        .map(|(name, _)| *name)
        .collect();
    let known = |name: &str| {
        let whole = PARTS
            .iter()
            .find_map(|part| name.strip_suffix(part))
            .filter(|whole| whole.ends_with("_seconds"));
        tables.contains(&name) || whole.is_some_and(|whole| tables.contains(&whole))
    };
    let mut checked = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if !path
            .extension()
            .is_some_and(|end| end == "json" || end == "yml")
        {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for name in names(&text) {
            assert!(
                known(name),
                "{} asks for {name}, which nothing exports",
                path.display()
            );
            checked += 1;
        }
    }
    assert!(checked > 0, "no dashboard names a metric");
}

#[test]
fn names_are_found_in_expressions_and_json() {
    assert_eq!(
        names(r#"{"expr": "sum(rate(rouage_jobs_total[5m])) by (le) > celery_x"}"#),
        ["rouage_jobs_total", "celery_x"]
    );
}
