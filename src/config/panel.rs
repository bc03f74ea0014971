//! Where panel and HTTP API listen, who may open the pages, and what one caller may take.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use secrecy::SecretString;

use super::reader::Reader;

/// Proxies that may be believed.
const MOST_PROXIES: usize = 50;

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
    /// Lines of name:role:hash.
    pub(crate) users: Option<SecretString>,
    /// Flower's user:password, in clear.
    pub(crate) flower: Option<SecretString>,
    /// Empty, or a path without a slash at its end.
    pub(crate) base_path: String,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) keep_deeds: Duration,
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
            users: r.secret("panel.users"),
            flower: r.secret("panel.flower_basic_auth"),
            base_path: base_path(r),
            trusted_proxies: trusted_proxies(r),
            keep_deeds: r.hours("panel.keep_deeds_hours", 24..=87_600),
        }
    }
}

fn base_path(r: &mut Reader<'_>) -> String {
    let text = r.text("panel.base_path");
    let path = text.trim_end_matches('/');
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.');
    let good = path.is_empty()
        || (path.starts_with('/')
            && !path.contains("//")
            && path.len() <= 100
            && path.bytes().all(fits));
    if !good {
        r.refuse(
            "panel.base_path",
            "\"\", or a path such as \"/jobs\" of letters, digits, '/', '-', '_' and '.'",
        );
    }
    path.to_owned()
}

fn trusted_proxies(r: &mut Reader<'_>) -> Vec<IpAddr> {
    let text = r.text("panel.trusted_proxies");
    let named = text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let read: Result<Vec<IpAddr>, _> = named.map(str::parse).collect();
    match read {
        Ok(addresses) if addresses.len() <= MOST_PROXIES => addresses,
        _ => {
            r.refuse(
                "panel.trusted_proxies",
                "addresses separated by commas, at most 50",
            );
            Vec::new()
        }
    }
}
