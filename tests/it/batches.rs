//! Batches as an operator sees and steers them.

use std::time::Duration;

use crm_job_contract::debug::{Echo, Fail};
use devkit::Template;
use rouage::State;
use serde_json::json;

use crate::world::{World, eventually};

#[tokio::test]
async fn a_batch_is_followed_to_its_end_and_what_failed_of_it_runs_again() {
    let world = World::new(Template::Empty).await;
    let _worker = world.worker();
    let client = world.client().await;
    let echo = |value: &str| Echo {
        value: json!(value),
    };
    let batch = client.batch("campaign-12").tag("team:3");
    let batch = batch.on_complete(&echo("over")).await.unwrap();
    batch.add(&[echo("one"), echo("two")]).await.unwrap();
    let fail = Fail {
        message: "as asked".to_owned(),
        permanent: true,
    };
    batch.add(&[fail]).await.unwrap();
    batch.seal().await.unwrap();
    eventually("the batch is over", || async {
        let view = client.batch_view("campaign-12").await.unwrap()?;
        view.finished.map(drop)
    })
    .await;

    let listed = world.run(&["batches", "--json"]).objects();
    assert_eq!(listed[0]["id"], "campaign-12");
    let page = world.run(&["batches", "show", "campaign-12"]).good();
    assert!(
        page.contains("2 of 3 completed, 0 pending, 1 failed"),
        "{page}"
    );
    assert!(page.contains("tags        team:3"), "{page}");
    let callback = client
        .batch_view("campaign-12")
        .await
        .unwrap()
        .unwrap()
        .on_complete
        .unwrap();
    let patience = Duration::from_secs(20);
    let over = client.wait_in("debug", &callback.id, patience).await;
    assert_eq!(over.unwrap().state, State::Completed);
    assert_eq!(
        world
            .run(&["batches", "retry-failed", "campaign-12"])
            .good(),
        "batch campaign-12: 1 jobs are available again, 0 could not be retried"
    );
    let unknown = world.run(&["batches", "show", "campaign-13"]);
    assert_eq!(unknown.code, 1);
    assert!(
        unknown.stderr.contains("no batch campaign-13"),
        "{}",
        unknown.stderr
    );
}
