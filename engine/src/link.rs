//! The way to Redis: one multiplexed connection that reconnects, and scripts called by hash.
//!
//! Every call has a deadline. A connection that breaks is replaced in the background with
//! backoff and jitter; the call that met the break gets the error, and whoever must not lose
//! it (the acknowledgements) tries again. Scripts are sent by their SHA-1 and loaded again when
//! Redis forgot them (`SCRIPT FLUSH`, a restart, a failover).

use std::sync::LazyLock;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind};

/// Why Redis did not answer.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No answer before the deadline.
    #[error("redis did not answer within {0:?}; hint: is it running and reachable?")]
    Timeout(Duration),
    /// Redis or the connection refused.
    #[error("redis: {0}")]
    Redis(#[from] RedisError),
    /// Redis answered something a script of this version never answers.
    #[error("unexpected {0}; hint: do several versions share this redis?")]
    Malformed(String),
}

/// A handle on one Redis. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct Link {
    client: redis::Client,
    manager: ConnectionManager,
    deadline: Duration,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address only: a URL may carry a password.
        write!(f, "Link({})", self.address())
    }
}

impl Link {
    /// Connects to `redis://`, `rediss://`, `unix://`; `deadline` bounds every call.
    pub async fn connect(url: &str, deadline: Duration) -> Result<Self, LinkError> {
        if url.starts_with("rediss") || url.starts_with("valkeys") {
            // Fails only if a provider is installed already, which is as good.
            drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        }
        Self::open(redis::Client::open(url)?, deadline).await
    }

    /// Another connection to the same Redis.
    pub async fn another(&self, deadline: Duration) -> Result<Self, LinkError> {
        Self::open(self.client.clone(), deadline).await
    }

    async fn open(client: redis::Client, deadline: Duration) -> Result<Self, LinkError> {
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(deadline))
            .set_connection_timeout(Some(deadline.min(Duration::from_secs(2))))
            .set_min_delay(Duration::from_millis(20))
            .set_max_delay(Duration::from_secs(1))
            .set_number_of_retries(3);
        let manager =
            tokio::time::timeout(deadline, client.get_connection_manager_with_config(config))
                .await
                .map_err(|_| LinkError::Timeout(deadline))??;
        Ok(Self {
            client,
            manager,
            deadline,
        })
    }

    /// Host and port, or the socket's path; never credentials.
    pub fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    /// Runs one command.
    pub async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, LinkError> {
        let mut manager = self.manager.clone();
        tokio::time::timeout(self.deadline, command.query_async(&mut manager))
            .await
            .map_err(|_| LinkError::Timeout(self.deadline))?
            .map_err(LinkError::from)
    }

    /// Runs a pipeline.
    pub async fn pipeline<T: FromRedisValue>(
        &self,
        pipeline: &redis::Pipeline,
    ) -> Result<T, LinkError> {
        let mut manager = self.manager.clone();
        tokio::time::timeout(self.deadline, pipeline.query_async(&mut manager))
            .await
            .map_err(|_| LinkError::Timeout(self.deadline))?
            .map_err(LinkError::from)
    }

    /// Runs a prepared script call.
    pub(crate) async fn call<T: FromRedisValue>(&self, call: Call) -> Result<T, LinkError> {
        match self.command(&call.command).await {
            Err(LinkError::Redis(error))
                if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) =>
            {
                let () = self
                    .command(redis::cmd("SCRIPT").arg("LOAD").arg(call.script.code()))
                    .await?;
                self.command(&call.command).await
            }
            answer => answer,
        }
    }

    /// A connection of its own for subscriptions.
    pub async fn subscribe(&self, channels: &[String]) -> Result<redis::aio::PubSub, LinkError> {
        let subscribed = async {
            let mut subscription = self.client.get_async_pubsub().await?;
            subscription.subscribe(channels).await?;
            Ok(subscription)
        };
        tokio::time::timeout(self.deadline, subscribed)
            .await
            .map_err(|_| LinkError::Timeout(self.deadline))?
            .map_err(LinkError::Redis)
    }
}

/// A Lua script of this crate.
pub(crate) struct Script(LazyLock<redis::Script>, &'static [&'static str]);

impl Script {
    /// A script from its parts, which are joined in order.
    pub(crate) const fn new(source: fn() -> redis::Script, parts: &'static [&'static str]) -> Self {
        Self(LazyLock::new(source), parts)
    }

    fn code(&self) -> String {
        self.1.concat()
    }

    /// Starts a call with its keys.
    pub(crate) fn call(&'static self, keys: &[String]) -> Call {
        self.call_sized(keys, 8, 256)
    }

    /// Starts a call that will get about that many arguments of that many bytes together.
    pub(crate) fn call_sized(
        &'static self,
        keys: &[String],
        arguments: usize,
        bytes: usize,
    ) -> Call {
        let mut command =
            Cmd::with_capacity(keys.len() + arguments + 3, keys.len() * 40 + bytes + 64);
        command
            .arg("EVALSHA")
            .arg(self.0.get_hash())
            .arg(keys.len())
            .arg(keys);
        Call {
            script: self,
            command,
        }
    }
}

/// A script call that is being put together.
pub(crate) struct Call {
    script: &'static Script,
    command: Cmd,
}

impl Call {
    /// Adds an argument.
    pub(crate) fn arg(mut self, argument: impl redis::ToRedisArgs) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds an argument in a loop.
    pub(crate) fn push(&mut self, argument: impl redis::ToRedisArgs) {
        self.command.arg(argument);
    }
}
