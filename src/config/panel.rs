//! Where the HTTP API listens, and what one caller may take of it.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use super::reader::Reader;

/// The HTTP API.
#[derive(Debug)]
pub(crate) struct PanelSettings {
    /// `None` for nowhere.
    pub(crate) bind: Option<SocketAddr>,
    pub(crate) connections: usize,
    pub(crate) body_bytes: usize,
    pub(crate) jobs_per_request: usize,
    /// Of one token; `None` for no limit.
    pub(crate) requests_per_second: Option<NonZeroU32>,
    pub(crate) longest_wait: Duration,
    pub(crate) waiting: usize,
}

impl PanelSettings {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self {
            bind: r.address("panel.bind", 9181),
            connections: r.integer("panel.connections", 1..=10_000) as usize,
            body_bytes: r.integer("panel.body_bytes", 1024..=6_291_456) as usize,
            jobs_per_request: r.integer("panel.jobs_per_request", 1..=10_000) as usize,
            requests_per_second: NonZeroU32::new(
                r.integer("panel.requests_per_second", 0..=100_000) as u32,
            ),
            longest_wait: r.seconds("panel.longest_wait_s", 1..=60),
            waiting: r.integer("panel.waiting", 0..=1000) as usize,
        }
    }
}
