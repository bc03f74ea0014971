//! The metrics of what is served. Labels are routes as they are written here, methods and statuses:
//! never a path that somebody asked for.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// Requests that were answered, by route, method and status.
pub const REQUESTS: &str = "rouage_http_requests_total";
/// How long answers took, by route.
pub const REQUEST_DURATION: &str = "rouage_http_request_duration_seconds";
/// Open connections.
pub const CONNECTIONS: &str = "rouage_http_connections";

/// Every name with its help text: what dashboards and alerts may use.
pub const ALL: &[(&str, &str)] = &[
    (
        REQUESTS,
        "HTTP requests that were answered, by route, method and status",
    ),
    (REQUEST_DURATION, "How long HTTP answers took, by route"),
    (CONNECTIONS, "Open HTTP connections of this process"),
];

/// Buckets for [`REQUEST_DURATION`], in seconds: from a stored job to the longest wait.
pub const DURATION_BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 90.0,
];

/// Says what the metrics mean, to the recorder that is installed.
pub fn describe() {
    for (name, help) in ALL {
        match *name {
            REQUESTS => describe_counter!(*name, *help),
            REQUEST_DURATION => describe_histogram!(*name, *help),
            _ => describe_gauge!(*name, *help),
        }
    }
}

pub(crate) fn request(method: &'static str, route: String, status: u16, took: Duration) {
    let duration = histogram!(REQUEST_DURATION, "route" => route.clone());
    duration.record(took.as_secs_f64());
    let status = status.to_string();
    counter!(REQUESTS, "method" => method, "route" => route, "status" => status).increment(1);
}

pub(crate) fn connections(open: usize) {
    gauge!(CONNECTIONS).set(open as f64);
}
