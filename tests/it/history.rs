//! The history of finished jobs, from the worker to the command line.

use devkit::Template;

use crate::world::{World, eventually, redis_command};

#[tokio::test]
async fn jobs_are_found_by_what_is_known_of_them_also_when_redis_has_forgotten_them() {
    let world = World::new(Template::Empty).await;
    let _worker = world.worker();
    world.enqueue(
        "debug.echo",
        r#"{"value":"private"}"#,
        &["--tag", "team:3", "--id", "good", "--wait"],
    );
    let fail = r#"{"message":"provider said no","permanent":true}"#;
    world.enqueue("debug.fail", fail, &["--id", "bad"]);
    let history = |more: &[&str]| {
        let ended = world.run(&[&["jobs", "history", "--json"], more].concat());
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(!ended.stdout.contains("private"), "{}", ended.stdout);
        let ids = ended.objects();
        let ids = ids
            .iter()
            .map(|run| run["job_id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<String>>()
    };
    eventually("both jobs are in the history", || async {
        (history(&[]).len() == 2).then_some(())
    })
    .await;
    redis_command(world.redis.port(), "FLUSHALL");
    for (search, found) in [
        (&["--tag", "team:3"][..], "good"),
        (&["--kind", "debug.fail"], "bad"),
        (&["--state", "discarded", "--since", "1h"], "bad"),
        (&["--error", "SAID NO"], "bad"),
        (&["--id", "good", "--queue", "debug"], "good"),
    ] {
        assert_eq!(history(search), [found], "{search:?}");
    }
    assert!(history(&["--until", "1h"]).is_empty());
    let table = world.run(&["jobs", "history", "--limit", "1"]);
    assert!(table.stdout.starts_with("FINISHED "), "{table:?}");
    let cursor = table
        .stderr
        .trim()
        .strip_prefix("hint: there may be more: --behind ");
    let seen = history(&["--limit", "1"]);
    let rest = history(&["--behind", cursor.unwrap()]);
    assert_eq!((seen.len(), rest.len()), (1, 1));
    assert_ne!(seen, rest);
}

#[tokio::test]
async fn a_state_that_is_no_end_is_refused() {
    let world = World::bare(Template::Empty).await;
    let ended = world.run(&["jobs", "history", "--state", "held"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("held jobs have not ended"),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn without_our_tables_the_hint_says_what_to_do() {
    let world = World::bare(Template::Empty).await;
    for question in [&["jobs", "history"][..], &["effects", "list"]] {
        let ended = world.run(question);
        assert_eq!(ended.code, 1);
        assert!(
            ended.stderr.ends_with("hint: run: crm-worker migrate\n"),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn jobs_end_while_the_history_cannot_be_written_and_are_in_it_later() {
    let world = World::new(Template::Empty).await;
    let database = world.database().await;
    let rename = async |statement: &'static str| {
        sqlx::query(statement).execute(&database).await.unwrap();
    };
    rename("ALTER TABLE worker.job_runs RENAME TO job_runs_away").await;
    let worker = world.worker();
    world.enqueue(
        "debug.echo",
        r#"{"value":1}"#,
        &["--wait", "--id", "patient"],
    );
    worker.logged("finished jobs wait for the history");
    rename("ALTER TABLE worker.job_runs_away RENAME TO job_runs").await;
    eventually("the job is in the history", || async {
        let found = world.run(&["jobs", "history", "--id", "patient", "--json"]);
        (found.objects().len() == 1).then_some(())
    })
    .await;
}
