//! Where settings come from, what is refused, what is never shown.

use std::fs;

use devkit::Template;

use crate::world::{Worker, World, binary, end_of, get, redis_command};

/// `config show --json` as (value, source) of a key.
fn shown(command: &mut std::process::Command, key: &str) -> (String, String) {
    let ended = end_of(command.args(["config", "show", "--json"]));
    assert_eq!(ended.code, 0, "{ended:?}");
    let line = ended
        .objects()
        .into_iter()
        .find(|line| line["key"] == key)
        .unwrap();
    let text = |field: &str| line[field].as_str().unwrap().to_owned();
    (text("value"), text("source"))
}

#[test]
fn each_layer_covers_the_one_below_and_says_so() {
    let home = tempfile::tempdir().unwrap();
    let level = |command: &mut std::process::Command| shown(command, "log.level");
    assert_eq!(
        level(&mut binary(home.path())),
        ("info".into(), "default".into())
    );

    let mut with_fallback = binary(home.path());
    with_fallback.env("RUST_LOG", "debug");
    assert_eq!(
        level(&mut with_fallback),
        ("debug".into(), "RUST_LOG".into())
    );

    fs::create_dir(home.path().join("config")).unwrap();
    fs::write(
        home.path().join("config/production.toml"),
        "[log]\nlevel = 'warn'\n",
    )
    .unwrap();
    let mut with_file = binary(home.path());
    with_file.env("RUST_LOG", "debug");
    assert_eq!(
        level(&mut with_file),
        ("warn".into(), "config/production.toml:2".into())
    );

    fs::write(home.path().join("named.toml"), "[log]\nlevel = 'off'\n").unwrap();
    let mut with_named = binary(home.path());
    with_named.env("CRM_WORKER_CONFIG", "named.toml");
    assert_eq!(
        level(&mut with_named),
        ("off".into(), "named.toml:2".into())
    );

    let mut with_own = binary(home.path());
    with_own.env("CRM_WORKER__LOG__LEVEL", "error");
    assert_eq!(
        level(&mut with_own),
        ("error".into(), "CRM_WORKER__LOG__LEVEL".into())
    );
}

#[test]
fn an_unknown_key_is_refused_wherever_it_is_with_what_was_meant() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("a.toml"), "[worker]\nqueues.export = 3\n").unwrap();
    let mut command = binary(home.path());
    command.env("CRM_WORKER__DATABASE__MAX_CONECTIONS", "3");
    let ended = end_of(command.args(["--config", "a.toml", "queues"]));
    assert_eq!(ended.code, 78);
    assert_eq!(
        ended.stderr,
        "error: unknown key worker.queues.export (a.toml:2)\n\
         hint: did you mean worker.queues.exports?\n\
         error: unknown variable CRM_WORKER__DATABASE__MAX_CONECTIONS\n\
         hint: did you mean CRM_WORKER__DATABASE__MAX_CONNECTIONS?\n"
    );
}

#[test]
fn wrong_settings_exit_78_and_say_what_is_allowed() {
    let home = tempfile::tempdir().unwrap();
    let cases = [
        (
            "CRM_WORKER__WORKER__GRACE_S",
            "soon",
            "allowed: a whole number from 0 to 3600",
        ),
        (
            "CRM_WORKER__DEBUG_JOBS__ENABLED",
            "maybe",
            "allowed: true or false",
        ),
        (
            "CRM_WORKER__HTTP__BIND",
            "9180",
            "allowed: an address with a port",
        ),
        (
            "CRM_WORKER__LOG__FORMAT",
            "jsonn",
            "hint: did you mean \"json\"?",
        ),
        (
            "CRM_WORKER_CONFIG",
            "absent.toml",
            "cannot read the configuration file absent.toml",
        ),
    ];
    for (name, value, part) in cases {
        let ended = end_of(binary(home.path()).env(name, value).arg("queues"));
        assert_eq!(ended.code, 78, "{name}");
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
}

#[test]
fn a_missing_address_is_a_matter_of_settings() {
    let home = tempfile::tempdir().unwrap();
    let ended = end_of(binary(home.path()).arg("queues"));
    assert_eq!(ended.code, 78);
    assert_eq!(
        ended.stderr,
        "error: redis.url is not set\nhint: set CRM_WORKER__REDIS__URL, REDIS_URL or redis.url_file\n"
    );
}

#[test]
fn a_secret_is_shown_nowhere() {
    let home = tempfile::tempdir().unwrap();
    let addresses = [
        // Nobody listens; nothing that could be parsed; not even the right scheme.
        (
            "redis://:hunter2@127.0.0.1:1/0",
            "postgresql://u:hunter2@127.0.0.1:1/d",
        ),
        (
            "redis://:hunter2@[:/x",
            "postgresql://u:hunter2@[:/d?sslmode=hunter2",
        ),
        ("hunter2", "hunter2"),
    ];
    for (redis, database) in addresses {
        for args in [
            &["config", "show"][..],
            &["doctor"],
            &["queues"],
            &["migrate"],
            &["run"],
        ] {
            let mut command = binary(home.path());
            command
                .env("REDIS_URL", redis)
                .env("DATABASE_URL", database)
                .env("RUST_LOG", "debug");
            let ended = end_of(command.args(args));
            assert!(!ended.stdout.contains("hunter2"), "{ended:?}");
            assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
        }
    }
}

#[tokio::test]
async fn the_forms_of_sqlalchemy_and_secrets_in_files_connect() {
    let world = World::bare(Template::Empty).await;
    let file = world.home.path().join("database_url");
    let url = world
        .database_url
        .replace("postgres://", "postgresql+asyncpg://");
    fs::write(&file, format!("{url}\n")).unwrap();
    let mut command = binary(world.home.path());
    command
        .env("CRM_WORKER__DATABASE__URL_FILE", &file)
        .env("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/x");
    assert_eq!(end_of(command.args(["migrate", "--dry-run"])).code, 0);
}

#[tokio::test]
async fn the_most_talkative_log_of_a_working_worker_holds_no_secret() {
    let world = World::new(Template::Empty).await;
    let port = world.redis.port();
    redis_command(port, "CONFIG SET requirepass hunter2");
    let mut command = world.command();
    command
        .env(
            "CRM_WORKER__REDIS__URL",
            format!("redis://:hunter2@127.0.0.1:{port}/0"),
        )
        .env(
            "CRM_WORKER__DATABASE__URL",
            world.database_url.replace("crm@", "crm:hunter2@"),
        )
        .env("CRM_WORKER__LOG__LEVEL", "trace");
    let worker = Worker::start(command.arg("run"));
    assert_eq!(get(worker.port(), "/readyz").status, 200);
    let metrics = get(worker.port(), "/metrics").body;
    worker.signal("TERM");
    let (code, log) = worker.ended();
    assert_eq!(code, 0);
    assert!(!format!("{log:?} {metrics}").contains("hunter2"));
}
