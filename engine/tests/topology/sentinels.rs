//! Sentinels: a failover on order, and one because the primary died.

use devkit::RedisSentinels;
use rouage::Client;

use crate::stage::{client, ends, enqueue, fsck_is_clean, listening, one_job_runs, work};

/// Returns when all that was answered so far has reached the replica.
async fn replicated(client: &Client) {
    let copies: u64 = client
        .link()
        .command(redis::cmd("WAIT").arg(1).arg(5000))
        .await
        .unwrap();
    assert_eq!(copies, 1, "the replica has it");
}

#[tokio::test]
async fn n5_a_worker_follows_the_primary_over_an_ordered_failover() {
    let servers = RedisSentinels::start().unwrap();
    // Alone, the old primary refuses to acknowledge what nobody will ever see.
    let guard = "CONFIG SET min-replicas-to-write 1";
    servers.primary.tell(guard).unwrap();
    let client = client(&servers.url()).await;
    let mut before = Vec::new();
    for number in 0..50 {
        before.push(enqueue(&client, number).await);
    }
    replicated(&client).await;
    servers.fail_over().unwrap();
    for number in 50..60 {
        before.push(enqueue(&client, number).await);
    }
    let worker = work(&client);
    for (number, id) in before.iter().enumerate() {
        ends(&client, id, number as u64).await;
    }
    listening(&[&servers.replica], 1).await;
    one_job_runs(&client, 60).await;
    worker.drain().await;
    fsck_is_clean(&client).await;
}

#[tokio::test]
async fn n5_a_worker_goes_on_when_the_primary_dies() {
    let mut servers = RedisSentinels::start().unwrap();
    let client = client(&servers.url()).await;
    let worker = work(&client);
    listening(&[&servers.primary], 1).await;
    one_job_runs(&client, 0).await;
    let scheduled = client
        .enqueue(&crate::stage::Echo { number: 1 })
        .delay(std::time::Duration::from_secs(4))
        .await
        .unwrap();
    replicated(&client).await;
    servers.primary.kill().unwrap();
    servers.promoted().unwrap();
    ends(&client, &scheduled, 1).await;
    listening(&[&servers.replica], 1).await;
    one_job_runs(&client, 2).await;
    worker.drain().await;
    fsck_is_clean(&client).await;
}
