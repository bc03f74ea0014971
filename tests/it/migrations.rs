//! `migrate`: once, twice, at the same time, and never outside our schema.

use std::process::{Child, Stdio};

use devkit::Template;
use sqlx::PgPool;

use crate::world::{Worker, World};

/// Every column, function and type outside our schema.
async fn public(database: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns \
         WHERE table_schema = 'public' \
         UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace \
         UNION ALL SELECT typname::text FROM pg_type WHERE typnamespace = 'public'::regnamespace \
         ORDER BY 1",
    )
    .fetch_all(database)
    .await
    .unwrap()
}

#[tokio::test]
async fn migrating_twice_is_harmless_and_stays_in_our_schema() {
    let world = World::bare(Template::Empty).await;
    let database = world.database().await;
    let before = public(&database).await;

    let pending = world.run(&["migrate", "--dry-run"]).good();
    assert!(pending.starts_with("pending 1 exports"), "{pending}");
    let applied = world.run(&["migrate"]).good();
    assert_eq!(applied, pending.replace("pending", "applied"));
    assert_eq!(
        world.run(&["migrate"]).good(),
        "schema worker is up to date"
    );

    assert_eq!(public(&database).await, before);
    let written: i64 = sqlx::query_scalar("SELECT count(*) FROM worker.schema_migrations")
        .fetch_one(&database)
        .await
        .unwrap();
    assert_eq!(written as usize, pending.lines().count());
}

#[tokio::test]
async fn several_processes_may_migrate_at_once() {
    let world = World::bare(Template::Empty).await;
    let start = |_| {
        world
            .command()
            .arg("migrate")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children: Vec<Child> = (0..4).map(start).collect();
    let ends = children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap());
    let said: Vec<String> = ends
        .filter(|end| end.status.success())
        .map(|end| String::from_utf8(end.stdout).unwrap())
        .collect();
    assert_eq!(said.len(), 4);
    assert_eq!(
        said.iter()
            .filter(|text| text.starts_with("applied 1"))
            .count(),
        1,
        "{said:?}"
    );
}

#[tokio::test]
async fn a_worker_refuses_pending_migrations_unless_it_may_apply_them() {
    let world = World::bare(Template::Empty).await;
    let (code, log) = Worker::spawn(world.command().arg("run")).ended();
    assert_eq!(code, 1);
    let lines: Vec<&str> = log
        .iter()
        .filter_map(|line| line["message"].as_str())
        .collect();
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("error: migrations are pending: 1")),
        "{lines:?}"
    );
    assert!(
        lines.contains(&"hint: run: crm-worker migrate"),
        "{lines:?}"
    );
    drop(Worker::start(world.command().args(["run", "--migrate"])));
}

#[tokio::test]
async fn a_changed_migration_is_an_error_and_a_newer_one_a_warning() {
    let world = World::new(Template::Empty).await;
    let database = world.database().await;
    sqlx::query(
        "INSERT INTO worker.schema_migrations VALUES (9999, 'later', now(), TRUE, '\\x00', 0)",
    )
    .execute(&database)
    .await
    .unwrap();
    let newer = world.run(&["doctor"]);
    assert!(
        newer.code == 0 && newer.stdout.contains("a newer release has migrated"),
        "{newer:?}"
    );
    sqlx::query("UPDATE worker.schema_migrations SET checksum = '\\x00' WHERE version = 1")
        .execute(&database)
        .await
        .unwrap();
    let changed = world.run(&["doctor"]);
    assert!(
        changed.code == 1 && changed.stdout.contains("applied from other files: 1"),
        "{changed:?}"
    );
}
