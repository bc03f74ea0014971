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

#[tokio::test]
async fn a_paused_kind_waits_while_another_of_its_queue_goes_on() {
    let world = World::new(Template::Empty).await;
    let _worker = world.worker();
    world.enqueue("debug.echo", r#"{"value":1}"#, &["--wait"]);
    let kind = ["--kind", "debug.sleep"];
    let run = |action| {
        world
            .run(&[&["queues", action, "debug"][..], &kind].concat())
            .good()
    };
    assert_eq!(
        run("pause"),
        "kind debug.sleep of queue debug: paused; what runs goes on"
    );
    let asleep = world.enqueue("debug.sleep", r#"{"ms":1}"#, &[]);
    world.enqueue("debug.echo", r#"{"value":2}"#, &["--wait"]);
    let listed = world.run(&["queues", "--json"]).objects();
    let debug = listed.iter().find(|queue| queue["queue"] == "debug");
    assert_eq!(debug.unwrap()["available"], 1);
    assert_eq!(run("resume"), "kind debug.sleep of queue debug: goes on");
    let client = world.client().await;
    let patience = std::time::Duration::from_secs(20);
    let ended = client
        .wait_in("debug", &asleep.parse().unwrap(), patience)
        .await;
    assert_eq!(ended.unwrap().state, rouage::State::Completed);
}

#[tokio::test]
async fn a_groups_limit_is_set_and_reset_by_hand() {
    let world = World::new(Template::Empty).await;
    world.enqueue("debug.echo", r#"{"value":1}"#, &[]);
    let set = world
        .run(&["groups", "limit", "debug", "mailbox:7", "2"])
        .good();
    assert_eq!(set, "group mailbox:7 of queue debug: at most 2 run at once");
    let reset = world.run(&["groups", "reset", "debug", "mailbox:7"]).good();
    assert!(reset.contains("its jobs say"), "{reset}");
    let listed = world.run(&["groups", "list", "debug"]).good();
    assert_eq!(listed, "no group of this queue waits or runs");
}
