//! Three primaries that form a cluster, each with a replica if asked for.
//!
//! The slots are given out by hand, a third to each, because that needs no other program and is
//! done as soon as the nodes have met. A slot can be moved as an operator does it, in steps, with
//! clients at work in between.

use std::thread;
use std::time::{Duration, Instant};

use super::{PATIENCE, POLL, Persistence, RedisServer};
use crate::error::ServerError;

/// The slots of each node.
const SLOTS: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];
/// Keys that move with one command.
const KEYS_A_MOVE: u32 = 1000;
/// Longest time for one move, in milliseconds.
const MOVE_MS: u32 = 5000;
/// How long an order to take over holds, by the servers' own rule, and a little more.
const ORDER_HOLDS: Duration = Duration::from_millis(5500);

/// The servers.
#[derive(Debug)]
pub struct RedisCluster {
    /// The primaries of the beginning, in the order of their slots.
    pub nodes: Vec<RedisServer>,
    /// The replica of each, in the same order; none unless asked for.
    pub replicas: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts the nodes and returns when all of them serve. Blocks for one or two seconds.
    pub fn start(persistence: Persistence) -> Result<Self, ServerError> {
        let nodes = start_nodes(persistence)?;
        for (number, (node, (first, last))) in nodes.iter().zip(SLOTS).enumerate() {
            node.tell_until(&format!("CLUSTER ADDSLOTSRANGE {first} {last}"), "+OK")?;
            let epoch = number + 1;
            node.tell_until(&format!("CLUSTER SET-CONFIG-EPOCH {epoch}"), "+OK")?;
        }
        let cluster = Self {
            nodes,
            replicas: Vec::new(),
        };
        for node in &cluster.nodes[1..] {
            cluster.meet(node)?;
        }
        cluster.whole()?;
        Ok(cluster)
    }

    /// The same with a replica of each node, all of them in step. Blocks for some seconds.
    pub fn start_with_replicas(persistence: Persistence) -> Result<Self, ServerError> {
        let mut cluster = Self::start(persistence)?;
        cluster.replicas = start_nodes(persistence)?;
        for replica in &cluster.replicas {
            cluster.meet(replica)?;
        }
        cluster.whole()?;
        for (node, replica) in cluster.nodes.iter().zip(&cluster.replicas) {
            let primary = node_id(node)?;
            replica.tell_until(&format!("CLUSTER REPLICATE {primary}"), "+OK")?;
        }
        for replica in &cluster.replicas {
            replica.tell_until("INFO replication", "master_link_status:up")?;
        }
        Ok(cluster)
    }

    fn meet(&self, node: &RedisServer) -> Result<(), ServerError> {
        let meet = format!("CLUSTER MEET 127.0.0.1 {}", node.port());
        self.nodes[0].tell_until(&meet, "+OK")
    }

    /// Waits until every node knows all slots served.
    pub fn whole(&self) -> Result<(), ServerError> {
        let nodes = self.nodes.len() + self.replicas.len();
        for node in self.nodes.iter().chain(&self.replicas) {
            node.tell_until("CLUSTER INFO", "cluster_state:ok")?;
            node.tell_until("CLUSTER INFO", &format!("cluster_known_nodes:{nodes}"))?;
        }
        Ok(())
    }

    /// The address for clients: two of the nodes, which know the others.
    pub fn url(&self) -> String {
        format!(
            "redis+cluster://127.0.0.1:{},127.0.0.1:{}/",
            self.nodes[0].port(),
            self.nodes[1].port()
        )
    }

    /// Orders a failover to that node's replica, again when an order runs out before the others
    /// have voted, and returns when it has taken its place.
    pub fn fail_over(&self, number: usize) -> Result<(), ServerError> {
        let start = Instant::now();
        let replica = &self.replicas[number];
        while !replica.tell("INFO replication")?.contains("role:master") {
            let next_order = Instant::now() + ORDER_HOLDS;
            replica.tell("CLUSTER FAILOVER")?;
            while Instant::now() < next_order
                && !replica.tell("INFO replication")?.contains("role:master")
            {
                thread::sleep(POLL);
            }
            if start.elapsed() > PATIENCE {
                break;
            }
        }
        self.promoted(number)
    }

    /// Waits until that replica has taken its node's place, by order or because the node died.
    pub fn promoted(&self, number: usize) -> Result<(), ServerError> {
        let replica = &self.replicas[number];
        replica.tell_until("INFO replication", "role:master")?;
        replica.tell_until("CLUSTER INFO", "cluster_state:ok")
    }

    /// Begins to move the slot of `key` between two nodes: from here on the clients are sent from
    /// one to the other. Returns the slot.
    pub fn open_slot(&self, key: &str, from: usize, to: usize) -> Result<u16, ServerError> {
        let answer = self.nodes[from].tell(&format!("CLUSTER KEYSLOT {key}"))?;
        let slot = answer.trim_start_matches(':').trim().parse().unwrap_or(0);
        let (source, target) = (node_id(&self.nodes[from])?, node_id(&self.nodes[to])?);
        let importing = format!("CLUSTER SETSLOT {slot} IMPORTING {source}");
        self.nodes[to].tell_until(&importing, "+OK")?;
        let migrating = format!("CLUSTER SETSLOT {slot} MIGRATING {target}");
        self.nodes[from].tell_until(&migrating, "+OK")?;
        Ok(slot)
    }

    /// Moves at most `most` keys of an open slot; false if there was none left.
    pub fn move_keys(
        &self,
        slot: u16,
        from: usize,
        to: usize,
        most: u32,
    ) -> Result<bool, ServerError> {
        let most = most.min(KEYS_A_MOVE);
        let listed = self.nodes[from].tell(&format!("CLUSTER GETKEYSINSLOT {slot} {most}"))?;
        // `*2`, then of each key its length and itself.
        let keys: Vec<&str> = listed.lines().skip(2).step_by(2).collect();
        if keys.is_empty() {
            return Ok(false);
        }
        let port = self.nodes[to].port();
        let keys = keys.join(" ");
        let migrate = format!("MIGRATE 127.0.0.1 {port} \"\" 0 {MOVE_MS} KEYS {keys}");
        self.nodes[from].tell_until(&migrate, "+OK")?;
        Ok(true)
    }

    /// Gives an open slot, whose keys have moved, to its new node.
    pub fn close_slot(&self, slot: u16, to: usize) -> Result<(), ServerError> {
        let target = node_id(&self.nodes[to])?;
        // The new owner first, so that there is one all the time.
        let target_first = std::iter::once(to).chain((0..self.nodes.len()).filter(|n| *n != to));
        for number in target_first {
            let node = format!("CLUSTER SETSLOT {slot} NODE {target}");
            self.nodes[number].tell_until(&node, "+OK")?;
        }
        Ok(())
    }
}

fn start_nodes(persistence: Persistence) -> Result<Vec<RedisServer>, ServerError> {
    let start = |_| {
        RedisServer::start_with(persistence, |_| {
            "cluster-enabled yes\ncluster-node-timeout 2000\n\
             repl-diskless-sync yes\nrepl-diskless-sync-delay 0\n"
                .to_owned()
        })
    };
    SLOTS.iter().map(start).collect()
}

/// The name of a node among the others.
fn node_id(node: &RedisServer) -> Result<String, ServerError> {
    let answer = node.tell("CLUSTER MYID")?;
    // A bulk string: its length, then itself.
    Ok(answer.lines().nth(1).unwrap_or_default().to_owned())
}
