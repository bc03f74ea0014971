//! At most one effect, with a worker that is killed between the reservation and the confirmation.

use devkit::Template;
use rouage::{JobId, State};
use serde_json::Value;

use crate::world::{Worker, World, eventually};

/// A worker has the effect of a new job, and is killed in it; the job's id.
fn killed_in_an_effect(world: &World) -> JobId {
    let worker = world.worker();
    let id = world.enqueue("debug.effect", r#"{"key":"mail","ms":60000}"#, &[]);
    worker.logged("the effect happens");
    worker.signal("KILL");
    id.parse().unwrap()
}

/// Waits until the job is in that state; its reason.
async fn reaches(world: &World, id: &JobId, state: State) -> String {
    let client = world.client().await;
    eventually(&format!("the job is {state}"), || async {
        let job = client.job("debug", id).await.ok()??;
        (job.state == state).then_some(job.reason)
    })
    .await
}

/// How often a worker had the effect.
fn effects(log: &[Value]) -> usize {
    let happened = |line: &&Value| line["message"] == "the effect happens";
    log.iter().filter(happened).count()
}

fn drained(worker: Worker) -> Vec<Value> {
    worker.signal("TERM");
    worker.ended().1
}

#[tokio::test]
async fn an_effect_whose_worker_was_killed_is_held_and_never_run_twice() {
    let world = World::new(Template::Empty).await;
    let id = killed_in_an_effect(&world);
    let heir = world.worker();
    assert_eq!(reaches(&world, &id, State::Held).await, "effect_unknown");
    let shown = world.run(&["jobs", "show", id.as_str()]).good();
    assert!(
        shown.contains("nobody knows whether effect \"debug:mail\" happened"),
        "{shown}"
    );

    let said = [
        "effects",
        "decide",
        "debug:mail",
        "--happened",
        "--answer",
        "\"me\"",
        "--note",
        "seen",
    ];
    let decided = world.run(&said).good();
    assert_eq!(decided, "debug:mail happened");
    world.run(&["jobs", "retry", id.as_str()]).good();
    reaches(&world, &id, State::Completed).await;
    let job = world
        .client()
        .await
        .job("debug", &id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(job.result, Some(Value::from("me")));
    assert_eq!(effects(&drained(heir)), 0);
}

#[tokio::test]
async fn an_effect_that_did_not_happen_is_run_by_the_retry() {
    let world = World::new(Template::Empty).await;
    let id = killed_in_an_effect(&world);
    let heir = world.worker();
    reaches(&world, &id, State::Held).await;
    let open = world.run(&["effects", "list", "--json"]).objects();
    assert_eq!(
        (&open[0]["key"], &open[0]["job_id"], &open[0]["state"]),
        (&"debug:mail".into(), &id.as_str().into(), &"unknown".into())
    );
    let found = world.run(&["doctor"]).good();
    assert!(
        found.contains("effects that may have happened, and nobody knows: 1"),
        "{found}"
    );
    let said = [
        "effects",
        "decide",
        "debug:mail",
        "--did-not-happen",
        "--note",
        "no trace",
    ];
    world.run(&said).good();
    assert_eq!(world.run(&["effects", "list"]).good(), "no effect is open");
    world.run(&["jobs", "retry", id.as_str()]).good();
    heir.logged("the effect happens");
    drop(heir);
}

#[tokio::test]
async fn what_is_not_open_cannot_be_decided() {
    let world = World::new(Template::Empty).await;
    let _worker = world.worker();
    world.enqueue("debug.effect", r#"{"key":"done"}"#, &["--wait"]);
    let said = [
        "effects",
        "decide",
        "debug:done",
        "--did-not-happen",
        "--note",
        "x",
    ];
    let refused = world.run(&said);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.starts_with(
            "error: effect \"debug:done\" is confirmed: there is nothing to decide\nhint: "
        ),
        "{refused:?}"
    );
    let both = world.run(&[&said[..], &["--happened"]].concat());
    assert_eq!(both.code, 2, "{both:?}");
}

#[tokio::test]
async fn a_ledger_that_is_away_costs_no_attempt_and_no_effect() {
    let world = World::new(Template::Empty).await;
    let database = world.database().await;
    let rename = async |statement: &'static str| {
        sqlx::query(statement).execute(&database).await.unwrap();
    };
    rename("ALTER TABLE worker.effects RENAME TO effects_away").await;
    let worker = world.worker();
    let id: JobId = world
        .enqueue("debug.effect", r#"{"key":"patient"}"#, &[])
        .parse()
        .unwrap();
    reaches(&world, &id, State::Scheduled).await;
    let shown = world.run(&["jobs", "show", id.as_str()]).good();
    assert!(
        shown.contains("waits for the ledger of effects to answer"),
        "{shown}"
    );
    rename("ALTER TABLE worker.effects_away RENAME TO effects").await;
    reaches(&world, &id, State::Completed).await;
    let client = world.client().await;
    let job = client.job("debug", &id).await.unwrap().unwrap();
    assert_eq!(job.attempt, 1);
    assert_eq!(effects(&drained(worker)), 1);
}
