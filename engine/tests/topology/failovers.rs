//! N5 in a cluster: nodes that are replaced by their replicas, and a slot that moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use devkit::{Persistence, RedisCluster, RedisServer};
use rouage::{Client, Ended, Job, JobId};
use serde_json::json;
use tokio::task::{JoinSet, block_in_place};

use crate::stage::{
    Echo, PATIENCE, Running, Shout, client, ends, enqueue, eventually, fsck_is_clean, one_job_runs,
    work,
};

/// A key of the queue, and so its slot.
const KEY: &str = "crm:{echo}:job";

/// Which of the nodes has the queue.
fn holder(nodes: &[RedisServer]) -> usize {
    holder_of(KEY, nodes)
}

fn holder_of(key: &str, nodes: &[RedisServer]) -> usize {
    let holds = |node: &RedisServer| node.tell(&format!("EXISTS {key}")).unwrap() == ":1\r\n";
    nodes
        .iter()
        .position(holds)
        .expect("one node has the queue")
}

/// A worker, and a producer that goes on until it is judged.
struct Load {
    client: Client,
    worker: Running,
    producer: JoinSet<Vec<(JobId, u64)>>,
    enough: Arc<AtomicBool>,
}

impl Load {
    async fn on(client: &Client) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let mut producer = JoinSet::new();
        producer.spawn(produce(client.clone(), Arc::clone(&enough)));
        let worker = work(client);
        eventually("there is load", || async {
            let view = client.queue_view(Echo::QUEUE).await.ok()?;
            (view.completed_total > 20).then_some(())
        })
        .await;
        Self {
            client: client.clone(),
            worker,
            producer,
            enough,
        }
    }

    /// Every job that was acknowledged ended, and the worker takes new ones.
    async fn judge(mut self) {
        self.enough.store(true, Ordering::Relaxed);
        let sent = self.producer.join_next().await.unwrap().unwrap();
        for (id, number) in sent {
            ends(&self.client, &id, number).await;
        }
        one_job_runs(&self.client, 0).await;
        self.worker.drain().await;
        fsck_is_clean(&self.client).await;
    }
}

async fn produce(client: Client, enough: Arc<AtomicBool>) -> Vec<(JobId, u64)> {
    let mut sent = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        let number = sent.len() as u64;
        sent.push((enqueue(&client, number).await, number));
        tokio::time::sleep(Duration::from_millis(5)).await; // a steady load, not a flood
    }
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n5_a_worker_follows_an_ordered_failover_inside_a_cluster() {
    let cluster = RedisCluster::start_with_replicas(Persistence::None).unwrap();
    let client = client(&cluster.url()).await;
    let load = Load::on(&client).await;
    let number = holder(&cluster.nodes);
    block_in_place(|| cluster.fail_over(number).unwrap());
    load.judge().await;
    assert_eq!(holder(&cluster.replicas), number, "the replica has it now");
}

/// Returns when the replica has everything that its node has.
async fn replicated(cluster: &RedisCluster, number: usize) {
    let offset = |node: &RedisServer| {
        let answer = node.tell("INFO replication").unwrap();
        let line = answer
            .lines()
            .find(|line| line.starts_with("master_repl_offset:"));
        line.unwrap().to_owned()
    };
    eventually("the replica is in step", || async {
        (offset(&cluster.nodes[number]) == offset(&cluster.replicas[number])).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n5_a_worker_goes_on_when_a_node_of_a_cluster_dies() {
    let mut cluster = RedisCluster::start_with_replicas(Persistence::None).unwrap();
    let client = client(&cluster.url()).await;
    let worker = work(&client);
    one_job_runs(&client, 0).await;
    let scheduled = client
        .enqueue(&Echo { number: 1 })
        .delay(Duration::from_secs(4))
        .await
        .unwrap();
    let number = holder(&cluster.nodes);
    replicated(&cluster, number).await;
    block_in_place(|| {
        cluster.nodes[number].kill().unwrap();
        cluster.promoted(number).unwrap();
    });
    ends(&client, &scheduled, 1).await;
    one_job_runs(&client, 2).await;
    worker.drain().await;
    fsck_is_clean(&client).await;
}

/// While a slot moves, its keys are on two nodes, which both know the scripts; a script must run
/// on one that has all of the keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n5_a_queue_whose_slot_moves_under_load_stays_whole() {
    let cluster = RedisCluster::start(Persistence::None).unwrap();
    let client = client(&cluster.url()).await;
    let load = Load::on(&client).await;
    let shout = client.enqueue(&Shout { number: 0 }).await.unwrap();
    let ended = client.wait::<Shout>(&shout, PATIENCE).await.unwrap();
    assert_eq!(ended, Ended::Completed(json!(0)));
    let from = holder(&cluster.nodes);
    let to = holder_of("crm:{shout}:job", &cluster.nodes);
    block_in_place(|| {
        let slot = cluster.open_slot(KEY, from, to).unwrap();
        std::thread::sleep(Duration::from_millis(300)); // calls meet the slot while it is open
        while cluster.move_keys(slot, from, to, 1).unwrap() {
            std::thread::sleep(Duration::from_millis(50)); // and each of its halves
        }
        cluster.close_slot(slot, to).unwrap();
    });
    load.judge().await;
    assert_eq!(holder(&cluster.nodes), to);
}
