//! Real Celery clients of four versions against a running worker with the Celery role.
//!
//! `devkit/python/celery_client.py` has the checks; each test runs all of them with one version and
//! one process.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use devkit::{Persistence, RedisServer, Template};
use serde_json::{Value, json};

use crate::world::{Worker, World};

const CLIENT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/devkit/python/celery_client.py"
);

/// A worker that takes in what lies on that broker.
fn worker(world: &World, broker: &RedisServer) -> Worker {
    let mut command = world.command();
    command
        .env("CRM_WORKER__CELERY__BROKER_URL", broker.url())
        .env("CRM_WORKER__CELERY__NODE", "crm-worker@test");
    Worker::start(command.arg("run"))
}

/// Runs the client's checks; answers those that failed.
fn checks(client: &str, settings: &Value, broker: &str, results: &str) -> Vec<Value> {
    let mut child = devkit::python(client)
        .unwrap()
        .env("CELERY_SETTINGS", settings.to_string())
        .args([CLIENT, broker, results])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    assert!(child.wait().unwrap().success());
    assert!(lines.len() >= 20, "{lines:#?}");
    lines
        .into_iter()
        .filter(|line| line["ok"] != true)
        .collect()
}

async fn all_checks_pass(client: &str) {
    let world = World::new(Template::Empty).await;
    let broker = RedisServer::start(Persistence::None).unwrap();
    let _worker = worker(&world, &broker);
    let failed = checks(client, &json!({}), &broker.url(), &broker.url());
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test]
async fn a_client_with_keys_of_its_own_and_two_servers_gets_its_results() {
    let world = World::new(Template::Empty).await;
    let broker = RedisServer::start(Persistence::None).unwrap();
    let results = RedisServer::start(Persistence::None).unwrap();
    let mut command = world.command();
    let settings = [
        ("BROKER_URL", broker.url()),
        ("RESULT_URL", results.url()),
        ("PREFIX", "crm:".to_owned()),
        ("SEPARATOR", "::".to_owned()),
        ("PRIORITY_STEPS", "0,2,5,7".to_owned()),
        ("RESULT_PREFIX", "answers".to_owned()),
        ("QUEUES", "work,other".to_owned()),
        ("NODE", "crm-worker@test".to_owned()),
    ];
    for (name, value) in settings {
        command.env(format!("CRM_WORKER__CELERY__{name}"), value);
    }
    let _worker = Worker::start(command.arg("run"));
    let client = json!({
        "task_default_queue": "work",
        "broker_transport_options":
            { "global_keyprefix": "crm:", "sep": "::", "priority_steps": [0, 2, 5, 7] },
        "result_backend_transport_options": { "global_keyprefix": "answers" },
    });
    let failed = checks("celery-5.5", &client, &broker.url(), &results.url());
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test]
async fn celery_5_3_clients_get_their_results() {
    all_checks_pass("celery-5.3").await;
}

#[tokio::test]
async fn celery_5_4_clients_get_their_results() {
    all_checks_pass("celery-5.4").await;
}

#[tokio::test]
async fn celery_5_5_clients_get_their_results() {
    all_checks_pass("celery-5.5").await;
}

#[tokio::test]
async fn celery_5_7_clients_get_their_results() {
    all_checks_pass("celery-5.7").await;
}

/// Pushes raw bytes that hold no blank, as a stranger may.
fn push(broker: &RedisServer, message: &str) {
    let answer = crate::world::redis_command(broker.port(), &format!("LPUSH celery {message}"));
    assert!(answer.starts_with(':'), "{answer}");
}

#[tokio::test]
async fn an_operator_sees_parks_and_drains_what_lies_in_celerys_redis() {
    let world = World::new(Template::Empty).await;
    let broker = RedisServer::start(Persistence::None).unwrap();
    let run = |args: &[&str]| {
        let mut command = world.command();
        command.env("CRM_WORKER__CELERY__BROKER_URL", broker.url());
        crate::world::end_of(command.arg("celery").args(args))
    };
    push(&broker, "rubbish");
    push(&broker, "more");
    let status = run(&["status", "--json"]).objects().remove(0);
    assert_eq!(status["lists"][0]["messages"], 2);
    let table = run(&["status"]).good();
    assert!(table.contains("email_tasks.send_email_send"), "{table}");

    let preview = run(&["drain", "celery", "--dry-run"]).good();
    assert!(preview.contains("not_json"), "{preview}");
    let drained = run(&["drain", "celery", "--max", "1"]).good();
    assert!(
        drained.starts_with("1 messages of queue celery"),
        "{drained}"
    );
    let parked = run(&["parked", "list", "--json"]).objects();
    assert_eq!(parked[0]["reason"], "drained");
    let id = parked[0]["id"].as_str().unwrap();
    assert_eq!(run(&["parked", "show", id, "--raw"]).good(), "rubbish");
    run(&["parked", "retry", id]).good();
    assert_eq!(run(&["parked", "list"]).good(), "nothing is parked");
    let status = run(&["status", "--json"]).objects().remove(0);
    assert_eq!(status["lists"][0]["messages"], 2);
}

#[tokio::test]
async fn a_name_without_its_kind_cannot_be_taken_and_a_misspelt_one_is_found() {
    let world = World::new(Template::Empty).await;
    let refused = |name: &str| {
        let mut command = world.command();
        command
            .env("CRM_WORKER__CELERY__BROKER_URL", world.redis.url())
            .env("CRM_WORKER__CELERY__TAKE", name);
        crate::world::end_of(command.args(["celery", "status"]))
    };
    let unbuilt = refused("workflow_tasks.trigger_workflows_for_event");
    assert_eq!(unbuilt.code, 78, "{unbuilt:?}");
    assert!(unbuilt.stderr.contains("there is no kind"), "{unbuilt:?}");
    let misspelt = refused("email_task.send_email_send");
    assert_eq!(misspelt.code, 78);
    assert!(
        misspelt.stderr.contains("email_tasks.send_email_send"),
        "{misspelt:?}"
    );
}
