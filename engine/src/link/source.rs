//! Makes connections: reads the password and the certificates, finds the primary, dials.
//!
//! Nothing is remembered between two connections. Each one starts with the files as they are now
//! and, behind sentinels, with the question who the primary is; that is the whole of password
//! rotation and failover.

use std::time::Duration;

use futures_util::future::select_ok;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::cluster::ClusterClientBuilder;
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, RedisConnectionInfo};

use super::LinkError;
use super::address::{Address, Way};
use super::keeper::Wire;

/// One dial takes at most this long.
const DIAL: Duration = Duration::from_secs(2);
/// A connection that is silent this long is probed, and again after a third of it.
const SILENT: Duration = Duration::from_secs(15);
/// A host that answers no probe and takes no data for this long is gone.
#[cfg(target_os = "linux")]
const GONE: Duration = Duration::from_secs(30);

/// Where connections come from.
pub(super) struct Source {
    address: Address,
}

impl Source {
    pub(super) fn new(address: Address) -> Self {
        Self { address }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// The password as its file holds it now.
    pub(super) fn password(&self) -> Result<Option<String>, LinkError> {
        self.address.options.password()
    }

    /// A connection for commands; each answer may take `patience`.
    pub(super) async fn dial(&self, patience: Duration) -> Result<Wire, LinkError> {
        match &self.address.way {
            Way::Single => {
                let client = self.client(self.node(&self.address.nodes[0])?)?;
                Ok(Wire::Single(connection(&client, patience).await?))
            }
            Way::Sentinel(service) => {
                let client = self.primary(service, patience).await?;
                Ok(Wire::Single(connection(&client, patience).await?))
            }
            Way::Cluster => self.cluster(patience).await,
        }
    }

    /// A connection for subscriptions. Any node of a cluster hears what is published on any
    /// other; the first that answers is taken.
    pub(super) async fn listen(&self, patience: Duration) -> Result<PubSub, LinkError> {
        match &self.address.way {
            Way::Sentinel(service) => {
                let client = self.primary(service, patience).await?;
                Ok(client.get_async_pubsub().await?)
            }
            Way::Single | Way::Cluster => {
                let mut clients = Vec::new();
                for node in &self.address.nodes {
                    clients.push(self.client(self.node(node)?)?);
                }
                let dials = clients
                    .iter()
                    .map(|client| Box::pin(client.get_async_pubsub()));
                Ok(select_ok(dials).await?.0)
            }
        }
    }

    async fn cluster(&self, patience: Duration) -> Result<Wire, LinkError> {
        let nodes: Result<Vec<_>, _> = self.address.nodes.iter().map(|n| self.node(n)).collect();
        let mut builder = ClusterClientBuilder::new(nodes?)
            .connection_timeout(patience.min(DIAL))
            .response_timeout(patience)
            .tcp_settings(tcp())
            .retries(5)
            .min_retry_wait(10)
            .max_retry_wait(500);
        if self.is_encrypted() {
            builder = builder.certs(self.address.options.certificates()?);
        }
        let connection = builder.build()?.get_async_connection().await?;
        Ok(Wire::Cluster(connection))
    }

    /// The primary, as the first sentinel says whose answer proves right.
    async fn primary(&self, service: &str, patience: Duration) -> Result<Client, LinkError> {
        let mut answers = Vec::new();
        for node in &self.address.nodes {
            answers.push(Box::pin(self.ask(node, service, patience)));
        }
        Ok(select_ok(answers).await?.0)
    }

    /// Asks one sentinel, and the server it names whether it agrees.
    async fn ask(
        &self,
        sentinel: &ConnectionInfo,
        service: &str,
        patience: Duration,
    ) -> Result<Client, LinkError> {
        let mut account = RedisConnectionInfo::default();
        if let Some(user) = &self.address.sentinel.0 {
            account = account.set_username(user);
        }
        if let Some(password) = &self.address.sentinel.1 {
            account = account.set_password(password);
        }
        let client = self.client(sentinel.clone().set_redis_settings(account))?;
        let mut question = redis::cmd("SENTINEL");
        question.arg("get-master-addr-by-name").arg(service);
        let answer: Option<(String, u16)> = question
            .query_async(&mut connection(&client, patience).await?)
            .await?;
        let place = sentinel.addr();
        let (host, port) = answer.ok_or_else(|| {
            LinkError::Address(format!(
                "sentinel {place} watches no service {service:?}; hint: it is the name in 'sentinel monitor'"
            ))
        })?;
        let named = format!("{host}:{port}");
        let data = sentinel.clone().set_addr(moved(place, host, port));
        let client = self.client(self.node(&data)?)?;
        let role: redis::Value = redis::cmd("ROLE")
            .query_async(&mut connection(&client, patience).await?)
            .await?;
        let role = match &role {
            redis::Value::Array(parts) => parts.first(),
            _ => None,
        };
        match role.map(redis::from_redis_value_ref::<String>) {
            Some(Ok(role)) if role == "master" => Ok(client),
            _ => Err(LinkError::Address(format!(
                "{named} is not the primary of {service:?} that sentinel {place} takes it for; hint: a failover is under way"
            ))),
        }
    }

    /// The node with the password as it is now.
    fn node(&self, node: &ConnectionInfo) -> Result<ConnectionInfo, LinkError> {
        let node = node.clone();
        Ok(match self.password()? {
            Some(password) => {
                let settings = node.redis_settings().clone().set_password(password);
                node.set_redis_settings(settings)
            }
            None => node,
        })
    }

    fn client(&self, node: ConnectionInfo) -> Result<Client, LinkError> {
        let node = node.set_tcp_settings(tcp());
        Ok(if self.is_encrypted() {
            Client::build_with_tls(node, self.address.options.certificates()?)?
        } else {
            Client::open(node)?
        })
    }

    pub(super) fn is_encrypted(&self) -> bool {
        let first = self.address.nodes.first();
        matches!(
            first.map(ConnectionInfo::addr),
            Some(ConnectionAddr::TcpTls { .. })
        )
    }
}

async fn connection(
    client: &Client,
    patience: Duration,
) -> Result<MultiplexedConnection, LinkError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(patience.min(DIAL)))
        .set_response_timeout(Some(patience));
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    Ok(connection.await?)
}

/// Small commands leave at once, and a subscription notices that its server's host vanished: it
/// only ever listens, so without probes it would listen to nobody for good.
fn tcp() -> TcpSettings {
    let probes = TcpKeepalive::new()
        .with_time(SILENT)
        .with_interval(SILENT / 3);
    let settings = TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(probes);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(GONE);
    settings
}

/// Another place that is spoken to in the same way.
fn moved(like: &ConnectionAddr, host: String, port: u16) -> ConnectionAddr {
    match like {
        ConnectionAddr::TcpTls { insecure, .. } => ConnectionAddr::TcpTls {
            host,
            port,
            insecure: *insecure,
            tls_params: None,
        },
        _ => ConnectionAddr::Tcp(host, port),
    }
}
