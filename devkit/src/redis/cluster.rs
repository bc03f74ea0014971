//! Three primaries that form a cluster, without replicas.
//!
//! The slots are given out by hand, a third to each, because that needs no other program and is
//! done as soon as the nodes have met.

use super::{Persistence, RedisServer};
use crate::error::ServerError;

/// The slots of each node.
const SLOTS: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

/// The three servers.
#[derive(Debug)]
pub struct RedisCluster {
    /// In the order of their slots.
    pub nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts the nodes and returns when all of them serve. Blocks for one or two seconds.
    pub fn start(persistence: Persistence) -> Result<Self, ServerError> {
        let start = |_| {
            RedisServer::start_with(persistence, |_| {
                "cluster-enabled yes\ncluster-node-timeout 2000\n".to_owned()
            })
        };
        let nodes = SLOTS.iter().map(start).collect::<Result<Vec<_>, _>>()?;
        for (number, (node, (first, last))) in nodes.iter().zip(SLOTS).enumerate() {
            node.tell_until(&format!("CLUSTER ADDSLOTSRANGE {first} {last}"), "+OK")?;
            let epoch = number + 1;
            node.tell_until(&format!("CLUSTER SET-CONFIG-EPOCH {epoch}"), "+OK")?;
        }
        for node in &nodes[1..] {
            let meet = format!("CLUSTER MEET 127.0.0.1 {}", node.port());
            nodes[0].tell_until(&meet, "+OK")?;
        }
        let cluster = Self { nodes };
        cluster.whole()?;
        Ok(cluster)
    }

    /// Waits until every node knows all slots served.
    pub fn whole(&self) -> Result<(), ServerError> {
        for node in &self.nodes {
            node.tell_until("CLUSTER INFO", "cluster_state:ok")?;
            node.tell_until("CLUSTER INFO", "cluster_known_nodes:3")?;
        }
        Ok(())
    }

    /// The address for clients: two of the nodes, which know the third.
    pub fn url(&self) -> String {
        format!(
            "redis+cluster://127.0.0.1:{},127.0.0.1:{}/",
            self.nodes[0].port(),
            self.nodes[1].port()
        )
    }
}
