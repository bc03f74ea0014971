//! Where a figure is measured: a fresh Redis, with or without an append-only file, near or far.

use std::time::Duration;

use anyhow::{Context, Result};
use devkit::{Persistence, RedisServer};
use redis::Connection;

use crate::delay::Delay;
use crate::probe;

/// The conditions a Redis is measured under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Added to every round trip.
    pub(crate) rtt: Duration,
    /// Whether an append-only file is written, flushed every second.
    pub(crate) aof: bool,
}

impl Place {
    /// Loopback without persistence.
    pub(crate) const NEAR: Self = Self {
        rtt: Duration::ZERO,
        aof: false,
    };

    /// As figures name it.
    pub(crate) fn name(self) -> String {
        let aof = if self.aof { "aof everysec" } else { "aof off" };
        if self.rtt.is_zero() {
            aof.to_owned()
        } else {
            format!("+{} ms, {aof}", self.rtt.as_secs_f64() * 1000.0)
        }
    }
}

/// A Redis of its own for one run.
pub(crate) struct Server {
    redis: RedisServer,
    delay: Option<Delay>,
    /// The measuring side's own way to it, never delayed.
    pub(crate) connection: Connection,
}

impl Server {
    pub(crate) fn start(place: Place) -> Result<Self> {
        let redis = RedisServer::start(if place.aof {
            Persistence::Aof
        } else {
            Persistence::None
        })?;
        let connection = redis::Client::open(redis.url())?.get_connection()?;
        let delay = (!place.rtt.is_zero()).then(|| Delay::start(redis.port(), place.rtt));
        Ok(Self {
            delay: delay.transpose()?,
            redis,
            connection,
        })
    }

    /// The way of the measured side.
    pub(crate) fn url(&self) -> String {
        match &self.delay {
            Some(delay) => format!("redis://127.0.0.1:{}/0", delay.port()),
            None => self.redis.url(),
        }
    }

    /// A number that `INFO` tells.
    pub(crate) fn number(&mut self, section: &str, field: &str) -> Result<f64> {
        let info: String = redis::cmd("INFO")
            .arg(section)
            .query(&mut self.connection)?;
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.and_then(|text| text.trim().parse().ok())
            .with_context(|| format!("INFO has no {field}"))
    }

    /// CPU seconds of the server so far.
    pub(crate) fn cpu(&self) -> Result<f64> {
        probe::cpu_seconds(self.redis.pid().context("redis is gone")?)
    }
}
