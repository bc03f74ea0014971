//! Replaying a job with an edited payload.

use devkit::Template;

use crate::world::{World, end_of};

#[tokio::test]
async fn a_payload_is_checked_compared_and_replayed() {
    let world = World::new(Template::Empty).await;
    let _worker = world.worker();
    let old = world.enqueue("debug.sleep", r#"{"ms":1}"#, &["--id", "old", "--wait"]);
    assert!(old.contains("completed"), "{old}");
    let wrong = world.run(&["jobs", "replay", "old", "--json", r#"{"ms":"x"}"#]);
    assert_eq!(wrong.code, 1);
    assert!(
        wrong.stderr.contains("payload does not fit debug.sleep"),
        "{}",
        wrong.stderr
    );

    let change = [
        "jobs",
        "replay",
        "old",
        "--json",
        r#"{"ms":2}"#,
        "--dry-run",
    ];
    assert_eq!(world.run(&change).good(), "changed: ms; nothing was stored");
    let shown = world.run(&[&change[..], &["--payload"]].concat()).good();
    assert_eq!(shown, "changed: ms: 1 -> 2; nothing was stored");

    let new = world.run(&change[..5]).good();
    let page = world.run(&["jobs", "show", &new]).good();
    assert!(page.contains("replay of  old"), "{page}");
    let page = world.run(&["jobs", "show", "old"]).good();
    assert!(page.contains(&format!("replayed   {new}")), "{page}");
    let client = world.client().await;
    let patience = std::time::Duration::from_secs(20);
    let job = client
        .wait_in("debug", &new.parse().unwrap(), patience)
        .await
        .unwrap();
    assert_eq!(job.payload.unwrap()["ms"], 2);
}

#[tokio::test]
async fn a_payload_is_edited_in_the_callers_editor() {
    let world = World::bare(Template::Empty).await;
    world.enqueue("debug.echo", r#"{"value":"before"}"#, &["--id", "old"]);
    world.run(&["jobs", "cancel", "old"]).good();
    let edit = |editor: &str| {
        let mut command = world.command();
        command.env("EDITOR", editor).env("PATH", "/usr/bin:/bin");
        end_of(command.args(["jobs", "replay", "old", "--edit"]))
    };
    let failed = edit("false");
    assert!(
        failed.stderr.contains("the editor ended with"),
        "{failed:?}"
    );
    let new = edit("sed -i s/before/after/");
    assert!(!new.stderr.contains("after"), "{new:?}");
    let shown = world.run(&["jobs", "show", &new.good(), "--payload", "--json"]);
    assert_eq!(shown.objects()[0]["payload"]["value"], "after");
}
