//! Servers end with their owner, whatever ends the owner.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use devkit::{Persistence, PostgresServer, RedisServer, Template};
use sqlx::{Connection, PgConnection};

/// Set for the copy of this test binary that is going to be killed.
const OWNER: &str = "DEVKIT_TEST_OWNER";
/// Starts the line in which that copy says what it owns.
const OWNS: &str = "owns:";

/// Whether a process exists; a signal of number 0 only asks.
fn exists(pid: &str) -> bool {
    let asked = Command::new("sh")
        .args(["-c", "kill -0 \"$1\" 2>/dev/null", "sh", pid])
        .status();
    asked.unwrap().success()
}

/// Looks until `gone` holds; nothing tells us of the end of a stranger's child.
fn eventually(what: &str, gone: impl Fn() -> bool) {
    let start = Instant::now();
    while !gone() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "still there: {what}"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn dropped_servers_are_gone_with_their_folders() {
    let server = RedisServer::start(Persistence::Aof).unwrap();
    let (pid, folder) = (
        server.pid().unwrap().to_string(),
        server.folder().to_owned(),
    );
    assert!(exists(&pid) && folder.is_dir());
    drop(server);
    assert!(!exists(&pid), "process {pid}");
    assert!(!folder.exists(), "{}", folder.display());
}

#[test]
fn servers_and_folders_vanish_when_their_owner_is_killed() {
    let mut victim = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "lifetimes::an_owner_waits_to_be_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(OWNER, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let owned = lines.filter_map(|line| line.split_once(OWNS).map(|(_, rest)| rest.to_owned()));
    let owned: Vec<(String, PathBuf)> = owned
        .take(2)
        .map(|line| {
            let (pid, folder) = line.trim().split_once(' ').unwrap();
            (pid.to_owned(), PathBuf::from(folder))
        })
        .collect();
    assert_eq!(owned.len(), 2);
    assert!(
        owned
            .iter()
            .all(|(pid, folder)| exists(pid) && folder.is_dir())
    );

    victim.kill().unwrap();
    victim.wait().unwrap();
    for (pid, folder) in &owned {
        eventually(&format!("process {pid}"), || !exists(pid));
        eventually(&folder.display().to_string(), || !Path::exists(folder));
    }
}

#[tokio::test]
#[ignore = "run as a process of its own by the test above"]
async fn an_owner_waits_to_be_killed() {
    if env::var_os(OWNER).is_none() {
        return;
    }
    let redis = RedisServer::start(Persistence::Aof).unwrap();
    let postgres = PostgresServer::start().await.unwrap();
    println!(
        "{OWNS}{} {}",
        redis.pid().unwrap(),
        redis.folder().display()
    );
    println!(
        "{OWNS}{} {}",
        postgres.pid().unwrap(),
        postgres.folder().display()
    );
    // Never ends by itself while the other test holds the other end.
    std::io::stdin().lines().count();
}

#[tokio::test]
async fn a_crashed_postgres_comes_back_on_the_same_port_with_its_data() {
    let mut server = PostgresServer::start().await.unwrap();
    let url = server
        .named_database(Template::Empty, "survivor")
        .await
        .unwrap();
    // No pool: it would retry for half a minute while the server is down.
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::query("INSERT INTO teams (name, is_active) VALUES ('Nice', true)")
        .execute(&mut connection)
        .await
        .unwrap();

    server.kill().unwrap();
    assert_eq!(server.pid(), None);
    assert!(
        sqlx::query("SELECT 1")
            .execute(&mut connection)
            .await
            .is_err()
    );
    assert!(PgConnection::connect(&url).await.is_err());

    server.restart().unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let query = "SELECT name FROM teams";
    let names: Vec<String> = sqlx::query_scalar(query)
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(names, ["Nice"]);
}
