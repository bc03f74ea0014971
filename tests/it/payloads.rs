//! A payload that is too large for Redis, from the command line to the handler and back.

use devkit::Template;

use crate::world::{World, redis_command};

/// Above the threshold, with signs of several bytes.
fn large() -> String {
    "é".repeat(50_000)
}

fn enqueue_large(world: &World) -> String {
    let file = world.home.path().join("payload.json");
    std::fs::write(&file, format!(r#"{{"value":"{}"}}"#, large())).unwrap();
    world
        .run(&["enqueue", "debug.echo", "--json", "@payload.json"])
        .good()
}

#[tokio::test]
async fn a_large_payload_is_in_the_database_and_shown_like_any_other() {
    let world = World::new(Template::Empty).await;
    let id = enqueue_large(&world);
    let stored: String = sqlx::query_scalar(
        "SELECT job_id FROM worker.payloads WHERE octet_length(json) > 100000 AND installation = 'crm'",
    )
    .fetch_one(&world.database().await)
    .await
    .unwrap();
    assert_eq!(stored, id);
    let length = redis_command(
        world.redis.port(),
        &format!("HSTRLEN crm:{{debug}}:job {id}"),
    );
    let length: usize = length[1..].lines().next().unwrap().parse().unwrap();
    assert!(length < 500, "{length} bytes in redis");

    let page = world.run(&["jobs", "show", &id]).good();
    assert!(
        page.contains("payload    100012 bytes in the database, shown with --payload"),
        "{page}"
    );
    let open = world.run(&["jobs", "show", &id, "--payload", "--json"]);
    assert_eq!(open.objects()[0]["payload"]["value"], large());

    let _worker = world.worker();
    let client = world.client().await;
    let patience = std::time::Duration::from_secs(20);
    let job = id.parse().unwrap();
    let done = client.wait_in("debug", &job, patience);
    // What came out is what went in, and larger than an output may be.
    let output = done.await.unwrap().result.unwrap();
    assert_eq!(output["dropped_output_bytes"], 100_002);
}

#[tokio::test]
async fn a_large_payload_without_a_database_is_refused_and_a_small_one_is_not() {
    let mut world = World::bare(Template::Empty).await;
    world.database_url = "postgres://crm@127.0.0.1:1/none".to_owned();
    world.enqueue("debug.echo", r#"{"value":1}"#, &[]);
    let file = world.home.path().join("payload.json");
    std::fs::write(&file, format!(r#"{{"value":"{}"}}"#, large())).unwrap();
    let refused = world.run(&["enqueue", "debug.echo", "--json", "@payload.json"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .stderr
            .starts_with("error: the store for large payloads failed: ")
            && refused
                .stderr
                .contains("hint: nothing was enqueued, repeating is safe"),
        "{}",
        refused.stderr
    );
}
