//! `doctor`, and what a worker refuses to start with.

use devkit::Template;
use serde_json::Value;

use crate::world::{Ended, Worker, World, get, redis_command};

/// The findings of that severity, as "name: message".
fn findings(ended: &Ended, severity: &str) -> Vec<String> {
    let lines = ended
        .objects()
        .into_iter()
        .filter(|line| line["severity"] == severity);
    lines
        .map(|line| {
            format!(
                "{}: {}",
                line["name"].as_str().unwrap(),
                line["message"].as_str().unwrap()
            )
        })
        .collect()
}

fn messages(log: &[Value]) -> String {
    log.iter()
        .filter_map(|line| line["message"].as_str())
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test]
async fn a_healthy_installation_has_no_errors() {
    let world = World::new(Template::Empty).await;
    let _worker = world.worker();
    let client = world.client().await;
    crate::world::eventually("the worker beats", || async {
        (!client.workers().await.ok()?.is_empty()).then_some(())
    })
    .await;
    let ended = world.run(&["doctor", "--json"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let only = "backups_copies: backups have no copy outside this host";
    assert_eq!(findings(&ended, "warning"), [only]);
    let good = findings(&ended, "ok");
    for name in [
        "eviction",
        "persistence",
        "layout",
        "workers",
        "migrations",
        "backups_schema",
        "backups_dir",
        "backups_tools",
        "exports_schema",
        "exports_dir",
    ] {
        assert!(
            good.iter().any(|finding| finding.starts_with(name)),
            "{name} in {good:?}"
        );
    }
}

#[tokio::test]
async fn a_redis_that_may_evict_is_an_error_and_refused_unless_allowed() {
    let world = World::new(Template::Empty).await;
    redis_command(
        world.redis.port(),
        "CONFIG SET maxmemory-policy allkeys-lru",
    );
    let ended = world.run(&["doctor", "--json"]);
    assert_eq!(ended.code, 1);
    assert_eq!(
        findings(&ended, "error"),
        ["eviction: maxmemory-policy is allkeys-lru"]
    );
    let (code, log) = Worker::spawn(world.command().arg("run")).ended();
    assert_eq!(code, 1);
    let said = messages(&log);
    assert!(
        said.contains("error: this redis is not safe for jobs: maxmemory-policy is allkeys-lru"),
        "{said}"
    );
    assert!(
        said.contains("hint: --allow eviction starts anyway"),
        "{said}"
    );
    let allowed = Worker::start(world.command().args(["run", "--allow", "eviction"]));
    allowed.logged("maxmemory-policy is allkeys-lru");
}

#[tokio::test]
async fn a_missing_column_label_and_folder_are_found_one_by_one() {
    let world = World::new(Template::Empty).await;
    let database = world.database().await;
    for change in [
        "ALTER TABLE people DROP COLUMN mobile",
        "ALTER TABLE people ALTER COLUMN created_at TYPE timestamp",
        "ALTER TYPE notificationtype RENAME VALUE 'EXPORT_READY' TO 'READY'",
    ] {
        sqlx::query(change).execute(&database).await.unwrap();
    }
    let mut command = world.command();
    command.env("CRM_WORKER__EXPORTS__DIR", world.home.path().join("absent"));
    let ended = crate::world::end_of(command.args(["doctor", "--json"]));
    assert_eq!(ended.code, 1);
    let folder = world.home.path().join("absent");
    assert_eq!(
        findings(&ended, "error"),
        [
            "exports_schema: column public.people.mobile is missing".to_owned(),
            "exports_schema: column public.people.created_at is timestamp, expected timestamptz".to_owned(),
            "exports_schema: enum notificationtype (public.notifications.type) has no label EXPORT_READY".to_owned(),
            format!("exports_dir: folder {} does not exist", folder.display()),
        ]
    );
}

#[tokio::test]
async fn a_family_that_cannot_run_is_refused_and_the_others_run() {
    let world = World::new(Template::Empty).await;
    let database = world.database().await;
    sqlx::query("ALTER TABLE people DROP COLUMN mobile")
        .execute(&database)
        .await
        .unwrap();
    let worker = world.worker();
    let line = worker.logged("column public.people.mobile is missing");
    assert_eq!(
        (line["level"].as_str(), line["family"].as_str()),
        (Some("ERROR"), Some("exports"))
    );
    worker.logged("family refused");
    let ready = get(worker.port(), "/readyz");
    assert_eq!(ready.status, 503);
    assert!(
        ready
            .body
            .contains(r#"{"part":"families","reason":"refused: exports;"#),
        "{}",
        ready.body
    );
    assert!(
        get(worker.port(), "/metrics")
            .body
            .contains("crm_worker_family_refused{family=\"exports\"} 1")
    );
    world.enqueue("debug.echo", r#"{"value":1}"#, &["--wait"]);
    let waiting = world.run(&[
        "enqueue",
        "exports.export_records",
        "--json",
        r#"{"dataset":"people","user_id":1}"#,
    ]);
    assert!(
        waiting
            .stderr
            .contains("no worker serves queue exports now"),
        "{waiting:?}"
    );

    let (code, log) = Worker::spawn(world.command().args(["run", "--queues", "exports"])).ended();
    assert_eq!(code, 1);
    assert!(
        messages(&log).contains("error: no queue is left to serve: refused exports"),
        "{log:?}"
    );
}

#[tokio::test]
async fn what_cannot_be_reached_is_a_finding() {
    let mut world = World::bare(Template::Empty).await;
    world.redis.kill().unwrap();
    world.database_url = "postgres://crm@127.0.0.1:1/none".to_owned();
    let ended = world.run(&["doctor", "--json"]);
    assert_eq!(ended.code, 1);
    let errors = findings(&ended, "error");
    assert!(
        errors[0].starts_with("redis: connect to redis: "),
        "{errors:?}"
    );
    assert!(
        errors[1].starts_with("database: connect to the database: "),
        "{errors:?}"
    );
}

#[tokio::test]
async fn the_crms_own_redis_is_a_warning() {
    let world = World::new(Template::Empty).await;
    let mut command = world.command();
    command
        .env_remove("CRM_WORKER__REDIS__URL")
        .env("REDIS_URL", world.redis.url());
    let ended = crate::world::end_of(command.args(["doctor", "--json"]));
    assert!(
        findings(&ended, "warning")[0]
            .starts_with("shared: the jobs are in database 0 of REDIS_URL"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn roles_queues_and_allowances_that_do_not_exist_are_refused() {
    let world = World::new(Template::Empty).await;
    let cases: [(&[&str], i32, &str); 3] = [
        (&["run", "--roles", "panels"], 2, "there are worker"),
        (
            &["run", "--queues", "export"],
            78,
            "error: unknown queue \"export\"\nhint: did you mean exports?\n",
        ),
        (
            &["run", "--allow", "evictions"],
            1,
            "error: --allow evictions: there is no such finding\n",
        ),
    ];
    for (args, code, said) in cases {
        let ended = world.run(args);
        assert_eq!(ended.code, code, "{ended:?}");
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}
