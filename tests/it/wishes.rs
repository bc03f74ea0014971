//! Unique jobs, tags, and paused queues, from the command line.

use devkit::Template;
use serde_json::Value;

use crate::world::World;

#[tokio::test]
async fn the_same_export_asked_for_twice_is_one_job() {
    let world = World::bare(Template::Empty).await;
    let ask = |user: &str| {
        let payload = format!(r#"{{"dataset":"people","user_id":{user}}}"#);
        world.enqueue("exports.export_records", &payload, &[])
    };
    let first = ask("7");
    assert_eq!(ask("\"7\""), first);
    assert_ne!(ask("8"), first);
}

#[tokio::test]
async fn what_was_asked_for_is_shown_with_the_job() {
    let world = World::bare(Template::Empty).await;
    let wishes = [
        "--tag",
        "team:3",
        "--unique",
        "only:this",
        "--expires",
        "2099-01-01T00:00:00Z",
        "--dry-run",
    ];
    let id = world.enqueue("debug.echo", r#"{"value":1}"#, &wishes);
    let shown: Value =
        serde_json::from_str(&world.run(&["jobs", "show", &id, "--json"]).good()).unwrap();
    assert_eq!(shown["tags"][0], "team:3");
    assert_eq!(shown["unique"], "only:this");
    assert_eq!(shown["expires_at"], 4_070_908_800_000_u64);
    assert_eq!(shown["dry_run"], true);
    let page = world.run(&["jobs", "show", &id]).good();
    assert!(page.contains("tags       team:3"), "{page}");
}

#[tokio::test]
async fn a_paused_queue_says_so_everywhere_until_it_goes_on() {
    let world = World::new(Template::Empty).await;
    let _worker = world.worker();
    world.enqueue("debug.echo", r#"{"value":1}"#, &["--wait"]);
    let pause = ["queues", "pause", "debug", "--reason", "provider is down"];
    assert_eq!(
        world.run(&pause).good(),
        "queue debug: paused; what runs goes on"
    );
    assert_eq!(world.run(&pause).good(), "queue debug: paused already");
    let id = world.enqueue("debug.echo", r#"{"value":2}"#, &[]);
    let shown = world.run(&["jobs", "show", &id]).good();
    assert!(
        shown.contains("hint       crm-worker queues resume debug"),
        "{shown}"
    );
    let listed = world.run(&["queues", "--json"]).objects();
    let debug = listed
        .iter()
        .find(|queue| queue["queue"] == "debug")
        .unwrap();
    assert_eq!(
        (&debug["available"], &debug["paused"]["reason"]),
        (&1.into(), &"provider is down".into())
    );
    assert_eq!(
        world.run(&["queues", "resume", "debug"]).good(),
        "queue debug: goes on"
    );
    let client = world.client().await;
    client
        .wait_in(
            "debug",
            &id.parse().unwrap(),
            std::time::Duration::from_secs(20),
        )
        .await
        .unwrap();
    let unknown = world.run(&["queues", "pause", "debgu"]);
    assert_eq!(unknown.code, 1);
    assert!(
        unknown.stderr.contains("no queue \"debgu\""),
        "{}",
        unknown.stderr
    );
}
