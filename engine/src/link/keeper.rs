//! Keeps one connection and replaces it when it is of no more use.
//!
//! A connection is of no more use when it broke, when an answer stayed out (a host that vanished
//! never says so), when the server has become a replica or lost its replicas (a primary that was
//! voted out does not know it yet), or when it wants another password. The
//! call that met this gets the error; the next one waits for the replacement, which one of the
//! waiting calls makes for all. A cluster's connection mends itself node by node, with the
//! password it was made with; only a changed password replaces it.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::RoutingInfo;
use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ServerErrorKind};

use super::LinkError;
use super::source::Source;

/// Dials per call, with doubling pauses between them.
const DIALS: u32 = 4;
/// The first pause.
const PAUSE: Duration = Duration::from_millis(20);

/// What commands are sent over.
pub(super) enum Wire {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Wire {
    pub(super) async fn command<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        match self {
            Self::Single(connection) => command.query_async(&mut connection.clone()).await,
            Self::Cluster(connection) => command.query_async(&mut connection.clone()).await,
        }
    }

    pub(super) async fn pipeline<T: FromRedisValue>(&self, pipeline: &Pipeline) -> RedisResult<T> {
        match self {
            Self::Single(connection) => pipeline.query_async(&mut connection.clone()).await,
            Self::Cluster(connection) => pipeline.query_async(&mut connection.clone()).await,
        }
    }

    /// Sends a command where it belongs in a cluster; elsewhere there is one place only.
    pub(super) async fn routed<T: FromRedisValue>(
        &self,
        command: Cmd,
        place: RoutingInfo,
    ) -> RedisResult<T> {
        match self {
            Self::Single(_) => self.command(&command).await,
            Self::Cluster(connection) => {
                let value = connection.clone().route_command(command, place).await?;
                Ok(redis::from_redis_value(value.extract_error()?)?)
            }
        }
    }

    /// Whether `error` means that another connection would do better.
    fn is_worn_out_by(&self, error: &RedisError) -> bool {
        let refused = error.kind() == ErrorKind::AuthenticationFailed
            || matches!(error.code(), Some("NOAUTH" | "WRONGPASS"));
        match self {
            Self::Cluster(_) => refused,
            Self::Single(_) => {
                refused
                    || error.is_unrecoverable_error()
                    || error.is_timeout()
                    || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
                    || error.code() == Some("NOREPLICAS")
            }
        }
    }
}

/// The connection in use and how many there were before it.
pub(super) struct Kept {
    pub(super) wire: Wire,
    number: u64,
    /// What the password's file held when it was made.
    password: Option<String>,
}

impl Kept {
    /// Whether a cluster's connection mends its nodes with a password that is no longer in the
    /// file. What such a node says is lost on the way here, so the file is asked.
    fn is_locked_out(&self, source: &Source) -> bool {
        let now = || source.password().ok().flatten();
        matches!(self.wire, Wire::Cluster(_)) && self.password != now()
    }
}

/// Hands out the connection.
pub(super) struct Keeper {
    current: RwLock<Option<Arc<Kept>>>,
    /// The number of the next connection; whoever holds it dials.
    dialling: tokio::sync::Mutex<u64>,
}

impl Keeper {
    pub(super) fn new() -> Self {
        Self {
            current: RwLock::new(None),
            dialling: tokio::sync::Mutex::new(0),
        }
    }

    /// The connection, a new one if there is none.
    pub(super) async fn wire(
        &self,
        source: &Source,
        patience: Duration,
    ) -> Result<Arc<Kept>, LinkError> {
        if let Some(kept) = self.current() {
            return Ok(kept);
        }
        let mut number = self.dialling.lock().await;
        if let Some(kept) = self.current() {
            return Ok(kept);
        }
        let password = source.password()?;
        let wire = dial(source, patience).await?;
        *number += 1;
        let kept = Arc::new(Kept {
            wire,
            number: *number,
            password,
        });
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&kept));
        Ok(kept)
    }

    /// Looks at how a call over `used` ended.
    pub(super) fn judge<T>(
        &self,
        used: &Kept,
        source: &Source,
        answer: RedisResult<T>,
    ) -> Result<T, LinkError> {
        answer.map_err(|error| {
            if used.wire.is_worn_out_by(&error) || used.is_locked_out(source) {
                self.drop(used);
            }
            LinkError::Redis(error)
        })
    }

    /// An answer over `used` stayed out.
    pub(super) fn unanswered(&self, used: &Kept, source: &Source) {
        if matches!(used.wire, Wire::Single(_)) || used.is_locked_out(source) {
            self.drop(used);
        }
    }

    fn drop(&self, used: &Kept) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current
            .as_ref()
            .is_some_and(|kept| kept.number == used.number)
        {
            *current = None;
        }
    }

    fn current(&self) -> Option<Arc<Kept>> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Dials a few times, with growing pauses that differ between processes.
async fn dial(source: &Source, patience: Duration) -> Result<Wire, LinkError> {
    let mut dials = 1;
    let mut pause = PAUSE;
    loop {
        match source.dial(patience).await {
            Err(_) if dials < DIALS => {
                dials += 1;
                let jitter = rand::Rng::random_range(&mut rand::rng(), 0.5..1.0);
                tokio::time::sleep(pause.mul_f64(jitter)).await;
                pause *= 3;
            }
            outcome => return outcome,
        }
    }
}
