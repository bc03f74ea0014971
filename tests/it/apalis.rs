//! Tasks pushed with the real apalis-redis: taken in once, whatever dies, and nothing else touched.

use std::process::Command;
use std::time::Duration;

use apalis_core::backend::TaskSink;
use apalis_core::task::builder::TaskBuilder;
use apalis_redis::{Config, RedisStorage};
use devkit::{Persistence, RedisServer, Template};
use rouage::State;
use serde_json::{Value, json};

use crate::world::{Worker, World, end_of, eventually, redis_command};

/// A queue of another service, named after a type as apalis does.
const QUEUE: &str = "other_service::Echo";

/// The binary, to take in the queue as `debug.echo`.
fn set_up(world: &World, theirs: &RedisServer) -> Command {
    let mut command = world.command();
    command
        .env("CRM_WORKER__APALIS__URL", theirs.url())
        .env("CRM_WORKER__APALIS__QUEUES", format!("{QUEUE}=debug.echo"))
        .env("CRM_WORKER__APALIS__POLL_MS", "100");
    command
}

/// A process with these roles.
fn taker(world: &World, theirs: &RedisServer, roles: &str) -> Command {
    let mut command = set_up(world, theirs);
    command.args(["run", "--roles", roles]);
    command
}

async fn storage(theirs: &RedisServer, queue: &str) -> RedisStorage<Value> {
    let connection = apalis_redis::connect(theirs.url()).await.unwrap();
    RedisStorage::new(connection).with_config(Config::default().queue(queue))
}

fn numbers(range: std::ops::Range<u64>) -> Vec<Value> {
    range.map(|number| json!({ "value": number })).collect()
}

#[tokio::test]
async fn waiting_and_scheduled_tasks_become_jobs_and_leave_nothing_behind() {
    let world = World::new(Template::Empty).await;
    let theirs = RedisServer::start(Persistence::None).unwrap();
    let mut storage = storage(&theirs, QUEUE).await;
    storage.push_bulk(numbers(0..20)).await.unwrap();
    let later = TaskBuilder::new(json!({ "value": "later" }))
        .run_after(Duration::from_secs(3600))
        .max_attempts(7)
        .build();
    storage.push_task(later).await.unwrap();
    let _worker = Worker::start(&mut taker(&world, &theirs, "worker,apalis"));
    let client = world.client().await;
    let count = |state| {
        let client = client.clone();
        async move { client.queue_view("debug").await.unwrap().in_state(state) }
    };
    eventually("what waited is done", || async {
        (count(State::Completed).await == 20).then_some(())
    })
    .await;
    eventually("what is scheduled waits here", || async {
        (count(State::Scheduled).await == 1).then_some(())
    })
    .await;
    eventually("their redis holds nothing of it", || async {
        let keys = redis_command(theirs.port(), &format!("KEYS {QUEUE}:*"));
        (keys == "*0\r\n+OK\r\n").then_some(())
    })
    .await;
}

#[tokio::test]
async fn takers_that_are_killed_again_and_again_lose_and_double_nothing() {
    const TASKS: u64 = 3000;
    let world = World::new(Template::Empty).await;
    let database = world.database().await;
    let theirs = RedisServer::start(Persistence::None).unwrap();
    let mut storage = storage(&theirs, QUEUE).await;
    let _worker = Worker::start(
        world
            .command()
            .env("CRM_WORKER__RETENTION__COMPLETED_JOBS", "0")
            .env("CRM_WORKER__WORKER__QUEUES__DEBUG", "50")
            .args(["run", "--roles", "worker"]),
    );
    let mut victim = Worker::spawn(&mut taker(&world, &theirs, "apalis"));
    for start in (0..TASKS).step_by(100) {
        storage
            .push_bulk(numbers(start..start + 100))
            .await
            .unwrap();
        let pause = 20 + start % 170;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        victim.signal("KILL");
        victim = Worker::spawn(&mut taker(&world, &theirs, "apalis"));
    }
    // What a victim held comes free by itself; a test does not wait for that.
    eventually("all tasks are jobs that ended", || async {
        let members = redis_command(
            theirs.port(),
            &format!("ZRANGE {QUEUE}:rouage:holding 0 -1"),
        );
        for member in members
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
        {
            redis_command(
                theirs.port(),
                &format!("ZADD {QUEUE}:rouage:holding XX 0 {member}"),
            );
        }
        let ended: i64 = sqlx::query_scalar("SELECT count(DISTINCT job_id) FROM worker.job_runs")
            .fetch_one(&database)
            .await
            .unwrap();
        (ended == TASKS as i64).then_some(())
    })
    .await;
    let stored = world.client().await.queue_view("debug").await.unwrap();
    assert_eq!(stored.enqueued_total, TASKS);
    drop(victim);
}

#[tokio::test]
async fn tasks_that_do_not_fit_are_parked_and_decided_by_a_person() {
    let world = World::new(Template::Empty).await;
    let theirs = RedisServer::start(Persistence::None).unwrap();
    let mut storage = storage(&theirs, QUEUE).await;
    storage
        .push(json!({ "anne@example.org": 1 }))
        .await
        .unwrap();
    let foreign = [
        format!("HSET {QUEUE}:data packed \"\\x81\\xff\""),
        format!("RPUSH {QUEUE}:active packed gone"),
    ];
    for command in &foreign {
        redis_command(theirs.port(), command);
    }
    storage.push(json!({ "value": "good" })).await.unwrap();
    let _taker = Worker::start(&mut taker(&world, &theirs, "apalis"));
    let ask = |words: &[&str]| {
        let mut asked = set_up(&world, &theirs);
        end_of(asked.arg("apalis").args(words))
    };
    let client = world.client().await;
    eventually("the good one is a job", || async {
        let stored = client.queue_view("debug").await.ok()?.enqueued_total;
        (stored == 1).then_some(())
    })
    .await;
    eventually("three are parked", || async {
        let status = ask(&["status"]).good();
        (status == "waiting  0\nmoving   0\nparked   3").then_some(())
    })
    .await;
    let listed = ask(&["list", "--json"]);
    assert!(!listed.stdout.contains("anne"), "{listed:?}");
    let reasons: Vec<String> = listed
        .objects()
        .iter()
        .map(|task| task["reason"].as_str().unwrap().to_owned())
        .collect();
    let starts = |start: &str| {
        reasons
            .iter()
            .filter(|reason| reason.starts_with(start))
            .count()
    };
    assert_eq!(
        starts("payload does not fit debug.echo: unknown field, expected `value`"),
        1,
        "{reasons:?}"
    );
    assert_eq!(
        starts("payload does not fit debug.echo: it is no JSON"),
        2,
        "{reasons:?}"
    );

    // One is mended and taken again, the others are given up.
    redis_command(
        theirs.port(),
        &format!("HSET {QUEUE}:data packed \"{{\\\"value\\\":2}}\""),
    );
    assert_eq!(
        ask(&["retry", "packed"]).good(),
        "tasks that are taken again: 1"
    );
    eventually("the mended one is a job", || async {
        let stored = client.queue_view("debug").await.ok()?.enqueued_total;
        (stored == 2).then_some(())
    })
    .await;
    assert_eq!(
        ask(&["discard", "--all"]).good(),
        "tasks that are removed: 2"
    );
    assert_eq!(ask(&["list"]).good(), "no task is parked");
}

#[tokio::test]
async fn queues_that_are_not_named_belong_to_their_own_workers() {
    let world = World::new(Template::Empty).await;
    let theirs = RedisServer::start(Persistence::None).unwrap();
    let (mut own, mut taken) = (storage(&theirs, "own").await, storage(&theirs, QUEUE).await);
    let _taker = Worker::start(&mut taker(&world, &theirs, "apalis"));
    own.push_bulk(numbers(0..50)).await.unwrap();
    taken.push_bulk(numbers(0..50)).await.unwrap();
    let client = world.client().await;
    eventually("the named queue is taken", || async {
        let stored = client.queue_view("debug").await.ok()?.enqueued_total;
        (stored == 50).then_some(())
    })
    .await;
    let waiting = redis_command(theirs.port(), "ZCARD own:scheduled");
    assert!(waiting.starts_with(":50\r\n"), "{waiting}");
    let ours = redis_command(theirs.port(), "KEYS own:rouage:*");
    assert!(ours.starts_with("*0\r\n"), "{ours}");
}

#[tokio::test]
async fn a_queue_whose_kind_does_not_exist_is_refused_at_the_start() {
    let world = World::new(Template::Empty).await;
    let theirs = RedisServer::start(Persistence::None).unwrap();
    let mut command = taker(&world, &theirs, "apalis");
    command.env("CRM_WORKER__APALIS__QUEUES", "mails=debug.ecko");
    let ended = end_of(&mut command);
    assert_eq!(ended.code, 78, "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("unknown kind \"debug.ecko\" for queue \"mails\"")
            && ended.stderr.contains("did you mean debug.echo?"),
        "{ended:?}"
    );
}
