//! Backups from outside: the command line, a worker that is killed, a restore with nothing but a key.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crm_backup::Identities;
use devkit::Template;

use crate::world::{Worker, World, binary, end_of, eventually};

/// A worker of backups only.
fn worker(world: &World, more: &[(&str, &str)]) -> Worker {
    let mut command = world.command();
    command.envs(more.iter().copied());
    Worker::start(command.args(["run", "--queues", "backups"]))
}

fn files(world: &World, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(world.backups.path()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = paths
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .collect();
    found.sort();
    found
}

/// The address of another database of the same server, with that name.
async fn new_database(world: &World, name: &str) -> String {
    let database = world.database().await;
    let statement = format!("CREATE DATABASE {name} TEMPLATE template0");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(&database)
        .await
        .unwrap();
    let (server, _) = world.database_url.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

/// Rows of some tables as one text, to compare databases with.
async fn rows(url: &str) -> Vec<(String, Option<String>)> {
    let pool = sqlx::PgPool::connect(url).await.unwrap();
    let mut sums = Vec::new();
    for table in [
        "users",
        "people",
        "organisations",
        "email_sends",
        "notifications",
    ] {
        let statement = format!(
            "SELECT md5(string_agg(row, '|' ORDER BY row)) FROM (SELECT t::text AS row FROM public.{table} t) x"
        );
        let sum = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .fetch_one(&pool)
            .await
            .unwrap();
        sums.push((table.to_owned(), sum));
    }
    sums
}

#[tokio::test]
async fn a_backup_is_made_listed_verified_drilled_and_restored_from_the_command_line() {
    let world = World::new(Template::Small).await;
    let copies = tempfile::tempdir().unwrap();
    let (identities, public) = Identities::generate();
    let _worker = worker(
        &world,
        &[
            (
                "CRM_WORKER__BACKUPS__COPIES_DIR",
                copies.path().to_str().unwrap(),
            ),
            ("CRM_WORKER__BACKUPS__RECIPIENTS", &public),
        ],
    );
    let said = world.run(&["backup", "now"]).good();
    assert!(
        said.starts_with("crm_backup_") && said.contains("rows read back\ncopied to "),
        "{said}"
    );
    let name = said.split(':').next().unwrap();
    let listed = world.run(&["backup", "list"]).good();
    assert!(
        listed.contains(name) && listed.contains("  yes  "),
        "{listed}"
    );
    let drilled = world.run(&["backup", "drill"]).good();
    assert!(
        drilled.starts_with(&format!("{name} came back in ")),
        "{drilled}"
    );

    // From here on only what somebody has on a bad day: the copy, the key, this program, pg_restore.
    let home = tempfile::tempdir().unwrap();
    let key = home.path().join("key.txt");
    fs::write(&key, identities.to_file()).unwrap();
    let (key, copy) = (
        key.to_str().unwrap(),
        copies.path().join(format!("{name}.dump.age")),
    );
    let copy = copy.to_str().unwrap();
    let bare = |args: &[&str]| {
        end_of(
            binary(home.path())
                .env("PATH", std::env::var_os("PATH").unwrap())
                .args(args),
        )
    };
    let whole = bare(&["backup", "verify", copy, "--key", key]).good();
    assert!(whole.starts_with(&format!("{name} is whole: ")), "{whole}");
    let without = bare(&["backup", "verify", copy]);
    assert!(
        without.code == 1 && without.stderr.contains("is encrypted\nhint: "),
        "{without:?}"
    );

    let url = new_database(&world, &format!("{}_back", database_name(&world))).await;
    let address = home.path().join("url");
    fs::write(&address, &url).unwrap();
    let to = url.rsplit('/').next().unwrap();
    let restore = |more: &[&str]| {
        let args = [
            "backup",
            "restore",
            copy,
            "--key",
            key,
            "--to",
            to,
            "--url-file",
            address.to_str().unwrap(),
        ];
        bare(&[&args[..], more].concat())
    };
    assert!(
        restore(&["--dry-run"])
            .good()
            .ends_with("nothing was changed")
    );
    let done = restore(&[]);
    assert!(
        done.stderr
            .contains("ENCRYPTION_KEY, EMAIL_ENCRYPTION_KEY, SECRET_KEY"),
        "{done:?}"
    );
    done.good();
    assert_eq!(rows(&url).await, rows(&world.database_url).await);
    let again = restore(&[]);
    assert!(
        again.code == 1 && again.stderr.contains("is not empty: "),
        "{again:?}"
    );
    restore(&["--into-non-empty"]).good();
    assert_eq!(rows(&url).await, rows(&world.database_url).await);
    let (stranger, _) = Identities::generate();
    fs::write(key, stranger.to_file()).unwrap();
    let wrong = restore(&["--into-non-empty"]);
    assert!(
        wrong.code == 1 && wrong.stderr.contains("none of the keys opens it"),
        "{wrong:?}"
    );
    assert_eq!(rows(&url).await, rows(&world.database_url).await);
}

fn database_name(world: &World) -> &str {
    world
        .database_url
        .rsplit('/')
        .next()
        .unwrap()
        .split('?')
        .next()
        .unwrap()
}

/// A folder with both programs, of which one waits for the file `go` before it does anything.
fn waiting_program(folder: &Path, slow: &str) {
    for name in ["pg_dump", "pg_restore"] {
        let wait = if name == slow {
            format!(
                "[ \"$1\" = --version ] || {{ : > {0}/begun; while [ ! -e {0}/go ]; do sleep 0.02; done; }}\n",
                folder.display()
            )
        } else {
            String::new()
        };
        let script = format!("#!/bin/sh\n{wait}exec {name} \"$@\"\n");
        let program = folder.join(name);
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[tokio::test]
async fn a_worker_that_is_killed_in_a_step_leaves_one_good_backup_to_the_next() {
    for slow in ["pg_dump", "pg_restore"] {
        let world = World::new(Template::Small).await;
        let bin = tempfile::tempdir().unwrap();
        waiting_program(bin.path(), slow);
        let settings = [(
            "CRM_WORKER__BACKUPS__PG_BIN_DIR",
            bin.path().to_str().unwrap(),
        )];
        let first = worker(&world, &settings);
        let run_id = world.run(&["backup", "now", "--no-wait"]).good();
        eventually("the step has begun", || async {
            bin.path().join("begun").exists().then_some(())
        })
        .await;
        first.signal("KILL");
        first.ended();
        fs::write(bin.path().join("go"), "").unwrap();
        let _second = worker(&world, &settings);
        one_good_backup(&world, &run_id).await;
    }
}

/// Waits for the end of the run, and looks at what it left.
async fn one_good_backup(world: &World, run_id: &str) {
    let database = world.database().await;
    eventually("the run is done", || async {
        let done: Option<bool> = sqlx::query_scalar(
            "SELECT reported_at IS NOT NULL FROM worker.backups WHERE run_id = $1",
        )
        .bind(run_id)
        .fetch_optional(&database)
        .await
        .unwrap();
        (done == Some(true)).then_some(())
    })
    .await;
    let dumps = files(world, ".dump");
    assert_eq!(
        (dumps.len(), files(world, ".manifest.json").len()),
        (1, 1),
        "{dumps:?}"
    );
    assert_eq!(files(world, ".partial"), Vec::<PathBuf>::new());
    world
        .run(&["backup", "verify", dumps[0].to_str().unwrap()])
        .good();
}

#[tokio::test]
async fn a_worker_that_is_killed_while_it_reports_reports_again() {
    let world = World::new(Template::Small).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/beat", listener.local_addr().unwrap());
    let settings = [("CRM_WORKER__BACKUPS__HEARTBEAT_URL", url.as_str())];
    let first = worker(&world, &settings);
    let run_id = world.run(&["backup", "now", "--no-wait"]).good();
    let heard = tokio::task::spawn_blocking(move || {
        // The first ping gets no answer.
        let (silent, _) = listener.accept().unwrap();
        first.signal("KILL");
        first.ended();
        drop(silent);
        listener
    });
    let listener = heard.await.unwrap();
    let answering = tokio::task::spawn_blocking(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1000];
        let read = stream.read(&mut request).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    let _second = worker(&world, &settings);
    assert!(answering.await.unwrap().starts_with("GET /beat HTTP/1.1"));
    one_good_backup(&world, &run_id).await;
}

#[tokio::test]
async fn a_worker_whose_files_may_not_grow_makes_no_backup_and_says_why() {
    let world = World::new(Template::Small).await;
    let mut shell = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_crm-worker");
    // 16 blocks of 512 bytes; the signal would end the process instead of the write.
    let script = format!("trap '' XFSZ; ulimit -f 16; exec {program} run --queues backups");
    shell
        .args(["-c", &script])
        .current_dir(world.home.path())
        .env_clear();
    let settings = world.command();
    shell.envs(
        settings
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let _worker = Worker::start(&mut shell);
    let run_id = world.run(&["backup", "now", "--no-wait"]).good();
    let client = world.client().await;
    let id = run_id.parse().unwrap();
    let error = eventually("the first attempt failed", || async {
        let job = client.job("backups", &id).await.ok()??;
        (!job.errors.is_empty()).then(|| job.last_message())
    })
    .await;
    assert!(
        error.contains("write the dump") && error.contains("File too large"),
        "{error}"
    );
    assert_eq!(fs::read_dir(world.backups.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn copies_without_a_decision_about_their_encryption_refuse_the_family() {
    let world = World::new(Template::Empty).await;
    let copies = tempfile::tempdir().unwrap();
    let mut doctor = world.command();
    doctor.env("CRM_WORKER__BACKUPS__COPIES_DIR", copies.path());
    let said = end_of(doctor.args(["doctor", "--json"]));
    assert_eq!(said.code, 1);
    let found = said
        .objects()
        .into_iter()
        .find(|finding| finding["name"] == "backups_copies");
    assert_eq!(
        found.unwrap()["message"],
        "nobody decided who can open the copies of backups"
    );
}
