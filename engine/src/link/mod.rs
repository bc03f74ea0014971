//! The way to Redis: one multiplexed connection that is replaced when it breaks.
//!
//! Behind one type are a single server (TCP, TLS or socket), the primary that sentinels name, and
//! a cluster; [`address`] says how each is written. Every call has a deadline. The call that met
//! a break gets the error, and whoever must not lose it (the acknowledgements) tries again.
//! Scripts are sent by their SHA-1 and loaded again where they are not known.
//!
//! All keys of a queue lie on one node of a cluster, so a script or a pipeline of one queue needs
//! nothing special. What concerns the whole installation asks every primary
//! ([`Link::on_all_primaries`]).

mod address;
mod keeper;
mod options;
mod script;
mod source;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use redis::cluster_routing::{
    MultipleNodeRoutingInfo, Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr,
};
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind};
use tokio::time::{Instant, timeout_at};

use self::address::Address;
use self::keeper::{Keeper, Kept};
pub use self::options::LinkOptions;
pub(crate) use self::script::{Call, Script};
use self::source::Source;

/// Why Redis did not answer.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No answer before the deadline.
    #[error("redis did not answer within {0:?}; hint: is it running and reachable?")]
    Timeout(Duration),
    /// Redis or the connection refused.
    #[error("redis: {0}")]
    Redis(#[from] RedisError),
    /// The URL or a file it names is of no use, or leads to no primary.
    #[error("{0}")]
    Address(String),
    /// Redis answered something a script of this version never answers.
    #[error("unexpected {0}; hint: do several versions share this redis?")]
    Malformed(String),
}

/// A handle on one Redis. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct Link {
    source: Arc<Source>,
    keeper: Arc<Keeper>,
    deadline: Duration,
    /// Calls that are left to a process which a test lets die.
    #[cfg(feature = "faults")]
    life: Option<Arc<std::sync::atomic::AtomicU64>>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address only: a URL may carry a password.
        write!(f, "Link({})", self.address())
    }
}

impl Link {
    /// Connects to what `url` names; `deadline` bounds every call.
    pub async fn connect(url: &str, deadline: Duration) -> Result<Self, LinkError> {
        Self::connect_with(url, LinkOptions::default(), deadline).await
    }

    /// The same with files that the URL does not name.
    pub async fn connect_with(
        url: &str,
        options: LinkOptions,
        deadline: Duration,
    ) -> Result<Self, LinkError> {
        let source = Source::new(Address::parse(url, options)?);
        if source.is_encrypted() {
            // Fails only if a provider is installed already, which is as good.
            drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        }
        Self::open(Arc::new(source), deadline).await
    }

    /// Another connection to the same Redis.
    pub async fn another(&self, deadline: Duration) -> Result<Self, LinkError> {
        Self::open(Arc::clone(&self.source), deadline).await
    }

    /// A link that connects when it is used: whoever can wait does not need the other side now.
    pub fn to(url: &str, deadline: Duration) -> Result<Self, LinkError> {
        let source = Source::new(Address::parse(url, LinkOptions::default())?);
        if source.is_encrypted() {
            drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        }
        Ok(Self::unopened(Arc::new(source), deadline))
    }

    fn unopened(source: Arc<Source>, deadline: Duration) -> Self {
        Self {
            source,
            keeper: Arc::new(Keeper::new()),
            deadline,
            #[cfg(feature = "faults")]
            life: None,
        }
    }

    /// The same link for a process that dies after so many calls, counted over all links that share
    /// the count: no later call is made.
    #[cfg(feature = "faults")]
    #[must_use]
    pub fn mortal(mut self, life: Arc<std::sync::atomic::AtomicU64>) -> Self {
        self.life = Some(life);
        self
    }

    #[cfg(feature = "faults")]
    fn live(&self) -> Result<(), LinkError> {
        use std::sync::atomic::Ordering;
        let Some(life) = &self.life else {
            return Ok(());
        };
        let left = life.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        });
        left.map(drop)
            .map_err(|_| LinkError::Timeout(Duration::ZERO))
    }

    async fn open(source: Arc<Source>, deadline: Duration) -> Result<Self, LinkError> {
        let link = Self::unopened(source, deadline);
        link.wire(Instant::now() + deadline).await?;
        Ok(link)
    }

    /// Hosts and ports, or the socket's path; never credentials.
    pub fn address(&self) -> String {
        self.source.address().to_string()
    }

    /// Runs one command.
    pub async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, LinkError> {
        let end = Instant::now() + self.deadline;
        let used = self.wire(end).await?;
        self.answer(&used, end, used.wire.command(command)).await
    }

    /// Runs a pipeline, whose keys must lie in one slot.
    pub async fn pipeline<T: FromRedisValue>(
        &self,
        pipeline: &redis::Pipeline,
    ) -> Result<T, LinkError> {
        let end = Instant::now() + self.deadline;
        let used = self.wire(end).await?;
        self.answer(&used, end, used.wire.pipeline(pipeline)).await
    }

    /// Runs a prepared script call.
    pub(crate) async fn call<T: FromRedisValue>(&self, call: Call) -> Result<T, LinkError> {
        match self.command(call.command()).await {
            Err(LinkError::Redis(error))
                if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) =>
            {
                // Only where it runs: another node of a cluster may be away.
                let place = Route::with_key(call.key(), SlotAddr::Master);
                let place = SingleNodeRoutingInfo::SpecificNode(place);
                let _loaded: String = self
                    .routed(call.load(), RoutingInfo::SingleNode(place))
                    .await?;
                self.command(call.command()).await
            }
            answer => answer,
        }
    }

    /// Runs a command on every primary of a cluster, elsewhere once; each answer with its node.
    pub(crate) async fn on_all_primaries<T: FromRedisValue>(
        &self,
        command: Cmd,
    ) -> Result<Vec<(String, T)>, LinkError> {
        if !self.is_cluster() {
            return Ok(vec![(self.address(), self.command(&command).await?)]);
        }
        let everywhere = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        self.routed(command, everywhere).await
    }

    /// Runs a command on one node as [`Self::on_all_primaries`] named it.
    pub(crate) async fn on_node<T: FromRedisValue>(
        &self,
        node: &str,
        command: Cmd,
    ) -> Result<T, LinkError> {
        let Some((host, port)) = node.rsplit_once(':').filter(|_| self.is_cluster()) else {
            return self.command(&command).await;
        };
        let place = SingleNodeRoutingInfo::ByAddress {
            host: host.to_owned(),
            port: port.parse().unwrap_or_default(),
        };
        self.routed(command, RoutingInfo::SingleNode(place)).await
    }

    /// Whether jobs are spread over nodes.
    pub(crate) fn is_cluster(&self) -> bool {
        self.source.address().way == address::Way::Cluster
    }

    /// A connection of its own for subscriptions.
    pub async fn subscribe(&self, channels: &[String]) -> Result<redis::aio::PubSub, LinkError> {
        let subscribed = async {
            let mut subscription = self.source.listen(self.deadline).await?;
            subscription.subscribe(channels).await?;
            Ok(subscription)
        };
        tokio::time::timeout(self.deadline, subscribed)
            .await
            .map_err(|_| LinkError::Timeout(self.deadline))?
    }

    /// Sends a command where it belongs in a cluster; elsewhere there is one place only.
    async fn routed<T: FromRedisValue>(
        &self,
        command: Cmd,
        place: RoutingInfo,
    ) -> Result<T, LinkError> {
        let end = Instant::now() + self.deadline;
        let used = self.wire(end).await?;
        self.answer(&used, end, used.wire.routed(command, place))
            .await
    }

    async fn wire(&self, end: Instant) -> Result<Arc<Kept>, LinkError> {
        #[cfg(feature = "faults")]
        self.live()?;
        timeout_at(end, self.keeper.wire(&self.source, self.deadline))
            .await
            .map_err(|_| LinkError::Timeout(self.deadline))?
    }

    /// Waits for an answer over `used` and notes what it says about the connection.
    async fn answer<T>(
        &self,
        used: &Kept,
        end: Instant,
        answer: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, LinkError> {
        if let Ok(answer) = timeout_at(end, answer).await {
            return self.keeper.judge(used, &self.source, answer);
        }
        self.keeper.unanswered(used, &self.source);
        Err(LinkError::Timeout(self.deadline))
    }
}
