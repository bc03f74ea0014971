//! A cluster of three: two queues on two nodes, connections that break, a node that restarts.

use std::time::Duration;

use devkit::{Persistence, RedisCluster, RedisServer};
use rouage::startup::Severity;
use rouage::{Ended, Job, NewJob, State};
use serde_json::json;

use crate::secrets::{documented_user, told};
use crate::stage::{
    Echo, PATIENCE, Shout, client, eventually, file, fsck_is_clean, listening, one_job_runs, work,
};

fn all(cluster: &RedisCluster) -> Vec<&RedisServer> {
    cluster.nodes.iter().collect()
}

#[tokio::test]
async fn a_worker_serves_two_queues_on_two_nodes() {
    let cluster = RedisCluster::start(Persistence::None).unwrap();
    let client = client(&cluster.url()).await;
    let worker = work(&client);
    listening(&all(&cluster), 1).await;
    for number in 0..5 {
        one_job_runs(&client, number).await;
        let shout = client.enqueue(&Shout { number }).await.unwrap();
        let ended = client.wait::<Shout>(&shout, PATIENCE).await.unwrap();
        assert_eq!(ended, Ended::Completed(json!(number)));
    }
    let holders = |key: &str| {
        let holds = |node: &&RedisServer| node.tell(&format!("EXISTS {key}")).unwrap() == ":1\r\n";
        all(&cluster).iter().position(holds)
    };
    let (echo, shout) = (holders("crm:{echo}:job"), holders("crm:{shout}:job"));
    assert!(echo.is_some() && shout.is_some() && echo != shout);
    for node in &cluster.nodes {
        node.tell("CLIENT KILL TYPE normal").unwrap();
        node.tell("CLIENT KILL TYPE pubsub").unwrap();
        node.tell("SCRIPT FLUSH").unwrap();
    }
    one_job_runs(&client, 6).await;
    assert_eq!(client.workers().await.unwrap().len(), 1);
    let done = client.list(Echo::QUEUE, State::Completed, 0, 10).await;
    assert_eq!(done.unwrap().len(), 6);
    worker.drain().await;
    fsck_is_clean(&client).await;
}

#[tokio::test]
async fn a_batch_and_a_chain_reach_over_the_nodes() {
    let cluster = RedisCluster::start(Persistence::None).unwrap();
    let client = client(&cluster.url()).await;
    let worker = work(&client);
    let name = |part: &str| format!("night:{part}");
    for part in ["a", "b", "c"] {
        // Three names, so that some lie apart from both queues.
        let opening = client.batch(&name(part)).on_success(&Shout { number: 9 });
        let batch = opening.on_complete(&Echo { number: 9 }).await.unwrap();
        let chain = NewJob::from_job(&Echo { number: 0 }).unwrap();
        let chain = chain.then(NewJob::from_job(&Shout { number: 1 }).unwrap());
        batch.add_all(vec![chain]).await.unwrap();
        batch.add(&[Shout { number: 2 }]).await.unwrap();
        batch.seal().await.unwrap();
    }
    for part in ["a", "b", "c"] {
        let view = eventually("both callbacks are enqueued", || async {
            let view = client.batch_view(&name(part)).await.unwrap()?;
            let sent = |job: &Option<rouage::Callback>| job.as_ref()?.enqueued;
            (sent(&view.on_success).is_some() && sent(&view.on_complete).is_some()).then_some(view)
        })
        .await;
        assert_eq!((view.total, view.completed), (3, 3));
        for callback in [view.on_success.unwrap(), view.on_complete.unwrap()] {
            let ended = client.wait_in(&callback.queue, &callback.id, PATIENCE);
            assert_eq!(ended.await.unwrap().state, State::Completed);
        }
    }
    assert_eq!(client.batches(10).await.unwrap().len(), 3);
    worker.drain().await;
    fsck_is_clean(&client).await;
}

#[tokio::test]
async fn n5_a_node_that_restarts_holds_up_only_its_own_queues() {
    let mut cluster = RedisCluster::start(Persistence::Aof).unwrap();
    for node in &cluster.nodes {
        // A node that is away does not stop the others from serving their slots.
        node.tell("CONFIG SET cluster-require-full-coverage no")
            .unwrap();
        node.tell("CONFIG SET appendfsync always").unwrap();
    }
    let client = client(&cluster.url()).await;
    let worker = work(&client);
    one_job_runs(&client, 0).await;
    // The list of queues may lie on the node that goes away; each queue is on it from here on.
    client.enqueue(&Shout { number: 0 }).await.unwrap();
    let held = |node: &RedisServer| node.tell("EXISTS crm:{echo}:job").unwrap() == ":1\r\n";
    let holder = cluster.nodes.iter().position(held).unwrap();
    cluster.nodes[holder].kill().unwrap();
    let shout = eventually("the other queue takes jobs", || async {
        client.enqueue(&Shout { number: 1 }).await.ok()
    })
    .await;
    let ended = eventually("the other queue works", || async {
        client
            .wait::<Shout>(&shout, Duration::from_secs(5))
            .await
            .ok()
    })
    .await;
    assert_eq!(ended, Ended::Completed(json!(1)));
    cluster.nodes[holder].restart().unwrap();
    cluster.whole().unwrap();
    one_job_runs(&client, 2).await;
    worker.drain().await;
    fsck_is_clean(&client).await;
}

#[tokio::test]
async fn every_node_is_checked_and_searched() {
    let cluster = RedisCluster::start(Persistence::None).unwrap();
    let client = client(&cluster.url()).await;
    for (number, node) in cluster.nodes.iter().enumerate() {
        // One of these names lies in the slots of this node.
        for name in 0..100 {
            let set = format!("SET crm:stray-{name}-{number} 1");
            if node.tell(&set).unwrap().contains("+OK") {
                break;
            }
        }
    }
    let report = client.fsck().await.unwrap();
    assert_eq!(report.violations.len(), 3, "{:#?}", report.violations);
    cluster.nodes[1]
        .tell("CONFIG SET maxmemory-policy allkeys-lru")
        .unwrap();
    let findings = client.check_redis().await.unwrap();
    let bad = |finding: &&rouage::startup::Finding| finding.severity == Severity::Error;
    let errors: Vec<_> = findings.iter().filter(bad).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let port = cluster.nodes[1].port().to_string();
    assert!(errors[0].message.contains(&port), "{errors:?}");
}

#[tokio::test]
async fn a_cluster_reached_as_one_server_is_found_out() {
    let cluster = RedisCluster::start(Persistence::None).unwrap();
    for node in &cluster.nodes {
        let findings = client(&node.url()).await.check_redis().await.unwrap();
        let found = findings.iter().find(|finding| finding.name == "topology");
        assert_eq!(found.unwrap().severity, Severity::Error);
    }
}

#[tokio::test]
async fn the_documented_user_and_a_rotated_password_work_in_a_cluster() {
    let cluster = RedisCluster::start(Persistence::None).unwrap();
    let everywhere = |command: &str| {
        for node in &cluster.nodes {
            told(node, command);
        }
    };
    everywhere(&documented_user("first"));
    everywhere("ACL SETUSER crm-worker +cluster|slots");
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "first");
    let url = cluster.url().replace("//", "//crm-worker@");
    let client = client(&format!("{url}?password_file={}", path.display())).await;
    let worker = work(&client);
    listening(&all(&cluster), 1).await;
    one_job_runs(&client, 1).await;
    everywhere("ACL SETUSER crm-worker <first >second");
    for node in &cluster.nodes {
        node.tell("CLIENT KILL USER crm-worker").unwrap();
    }
    listening(&all(&cluster), 0).await;
    file(&folder, "second");
    listening(&all(&cluster), 1).await;
    one_job_runs(&client, 2).await;
    worker.drain().await;
    fsck_is_clean(&client).await;
}
