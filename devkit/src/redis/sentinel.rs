//! A primary, its replica and three sentinels that watch them.
//!
//! The sentinels give up on a silent primary after a second, so that a failover takes some three
//! seconds instead of half a minute. It starts when every sentinel knows the two others and the
//! replica; before that a failover would be refused.

use super::{Persistence, RedisServer};
use crate::error::ServerError;

/// What the sentinels call the pair.
const SERVICE: &str = "devkit";

/// The five servers.
#[derive(Debug)]
pub struct RedisSentinels {
    /// The primary of the beginning.
    pub primary: RedisServer,
    /// Its replica.
    pub replica: RedisServer,
    /// Those who watch.
    pub sentinels: Vec<RedisServer>,
}

impl RedisSentinels {
    /// Starts all and returns when a failover would succeed. Blocks for some three seconds.
    pub fn start() -> Result<Self, ServerError> {
        let quick = "repl-diskless-sync yes\nrepl-diskless-sync-delay 0\n";
        let primary = RedisServer::start_with(Persistence::None, |_| quick.to_owned())?;
        let replica = RedisServer::start_with(Persistence::None, |_| {
            format!("{quick}replicaof 127.0.0.1 {}\n", primary.port())
        })?;
        replica.tell_until("INFO replication", "master_link_status:up")?;
        let sentinels: Result<Vec<_>, _> = (0..3).map(|_| sentinel(primary.port())).collect();
        let sentinels = sentinels?;
        for sentinel in &sentinels {
            sentinel.tell_until("INFO sentinel", "slaves=1,sentinels=3")?;
        }
        Ok(Self {
            primary,
            replica,
            sentinels,
        })
    }

    /// The address for clients, database 0.
    pub fn url(&self) -> String {
        let places = self.sentinels.iter().map(RedisServer::port);
        let places: Vec<String> = places.map(|port| format!("127.0.0.1:{port}")).collect();
        format!("redis+sentinel://{}/{SERVICE}/0", places.join(","))
    }

    /// Orders a failover, and returns when the replica of the beginning is the primary and every
    /// sentinel says so. The old primary learns it later and takes itself for one until then.
    pub fn fail_over(&self) -> Result<(), ServerError> {
        self.sentinels[0].tell_until(&format!("SENTINEL FAILOVER {SERVICE}"), "+OK")?;
        self.promoted()
    }

    /// Waits until the replica of the beginning is the primary and every sentinel says so.
    pub fn promoted(&self) -> Result<(), ServerError> {
        self.replica.tell_until("INFO replication", "role:master")?;
        let question = format!("SENTINEL GET-MASTER-ADDR-BY-NAME {SERVICE}");
        let port = self.replica.port().to_string();
        let mut sentinels = self.sentinels.iter();
        sentinels.try_for_each(|sentinel| sentinel.tell_until(&question, &port))
    }
}

fn sentinel(primary: u16) -> Result<RedisServer, ServerError> {
    RedisServer::begin(Some("--sentinel"), &|folder, port| {
        let folder = folder.display();
        format!(
            "bind 127.0.0.1\n\
             port {port}\n\
             dir \"{folder}\"\n\
             logfile \"{folder}/server.log\"\n\
             sentinel monitor {SERVICE} 127.0.0.1 {primary} 2\n\
             sentinel down-after-milliseconds {SERVICE} 1000\n\
             sentinel failover-timeout {SERVICE} 3000\n"
        )
    })
}
