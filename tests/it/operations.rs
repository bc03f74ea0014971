//! Changing many jobs by a filter, and following it.

use devkit::Template;

use crate::world::World;

/// Jobs that failed for good.
fn fail(world: &World, jobs: usize) {
    for _ in 0..jobs {
        let payload = r#"{"message":"as asked","permanent":true}"#;
        assert_eq!(
            world
                .run(&["enqueue", "debug.fail", "--json", payload, "--wait"])
                .code,
            1
        );
    }
}

#[tokio::test]
async fn jobs_are_retried_by_filter_and_the_operation_is_shown() {
    let world = World::new(Template::Empty).await;
    let worker = world.worker();
    fail(&world, 3);
    let filter = "state:discarded error:\"as asked\"";
    let asked = world.run(&["jobs", "retry", "--filter", filter]);
    assert_eq!(asked.code, 1);
    let said = "error: retry 3 jobs: nobody is there to ask\nhint: --yes does it without asking\n";
    assert_eq!(asked.stderr, said);

    let id = world
        .run(&["jobs", "retry", "--filter", filter, "--yes"])
        .good();
    let client = world.client().await;
    let patience = std::time::Duration::from_secs(30);
    client
        .wait_in("operations", &id.parse().unwrap(), patience)
        .await
        .unwrap();
    let page = world.run(&["operations", "show", &id]).good();
    for line in [
        "state      completed",
        "action     retry",
        "met        3 of 3",
        "done       3",
    ] {
        assert!(page.contains(line), "{page}");
    }
    let listed = world.run(&["operations", "list", "--json"]).objects();
    assert_eq!(listed[0]["tally"]["done"], 3);
    assert_eq!(listed[0]["operation"]["by"], "crm-worker jobs retry");
    let none = world
        .run(&["jobs", "cancel", "--filter", "state:held"])
        .good();
    assert_eq!(none, "no jobs to cancel");
    drop(worker);
}

#[tokio::test]
async fn an_operation_is_undone_before_it_starts() {
    let world = World::bare(Template::Empty).await;
    let job = world.enqueue("debug.echo", r#"{"value":1}"#, &[]);
    let started = world.run(&[
        "jobs",
        "discard",
        "--filter",
        "kind:debug.*",
        "--yes",
        "--undo",
        "10m",
    ]);
    assert!(
        started.stderr.contains("no worker serves queue operations"),
        "{started:?}"
    );
    let id = started.good();
    let undone = world.run(&["operations", "cancel", &id]).good();
    assert!(undone.starts_with(&format!("{id} is undone")), "{undone}");
    assert!(
        world
            .run(&["operations", "list"])
            .good()
            .contains("cancelled")
    );
    assert!(
        world
            .run(&["jobs", "show", &job])
            .good()
            .contains("state      available")
    );
}

#[tokio::test]
async fn a_job_is_discarded_with_a_note_and_released_after_all() {
    let world = World::bare(Template::Empty).await;
    let id = world.enqueue("debug.echo", r#"{"value":1}"#, &[]);
    let discarded = world
        .run(&["jobs", "discard", &id, "--note", "not needed"])
        .good();
    assert_eq!(discarded, format!("{id} is discarded"));
    let page = world.run(&["jobs", "show", &id]).good();
    assert!(page.contains("discarded: not needed"), "{page}");
    assert_eq!(
        world.run(&["jobs", "release", &id]).good(),
        format!("{id} was discarded, is available")
    );
}
