//! Signals: the first one drains, the second one ends.

use devkit::Template;
use rouage::{JobId, State};

use crate::world::{Worker, World, eventually};

/// A worker that runs one job which sleeps for so long.
async fn busy(world: &World, ms: u64) -> (Worker, JobId) {
    // A grace that no test waits for.
    let mut command = world.command();
    command.env("CRM_WORKER__WORKER__GRACE_S", "600");
    let worker = Worker::start(command.arg("run"));
    let id = world.enqueue("debug.sleep", &format!(r#"{{"ms":{ms}}}"#), &[]);
    let client = world.client().await;
    eventually("the job runs", || async {
        (client.queue_view("debug").await.ok()?.running == 1).then_some(())
    })
    .await;
    (worker, id.parse().unwrap())
}

async fn state(world: &World, id: &JobId) -> State {
    world
        .client()
        .await
        .job("debug", id)
        .await
        .unwrap()
        .unwrap()
        .state
}

#[tokio::test]
async fn the_first_signal_lets_a_running_job_finish_and_claims_no_other() {
    let world = World::new(Template::Empty).await;
    let (worker, id) = busy(&world, 1500).await;
    worker.signal("TERM");
    worker.logged("draining");
    let other: JobId = world
        .enqueue("debug.echo", r#"{"value":1}"#, &[])
        .parse()
        .unwrap();
    let (code, _) = worker.ended();
    assert_eq!(code, 0);
    assert_eq!(state(&world, &id).await, State::Completed);
    assert_eq!(state(&world, &other).await, State::Available);
}

#[tokio::test]
async fn the_second_signal_hands_a_running_job_back_at_once() {
    let world = World::new(Template::Empty).await;
    let (worker, id) = busy(&world, 600_000).await;
    worker.signal("INT");
    worker.logged("draining");
    worker.signal("TERM");
    let (code, _) = worker.ended();
    assert_eq!(code, 0);
    let job = world
        .client()
        .await
        .job("debug", &id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((job.state, job.attempt), (State::Available, 0));
}

#[tokio::test]
async fn a_draining_worker_is_alive_and_not_ready() {
    let world = World::new(Template::Empty).await;
    let (worker, _) = busy(&world, 600_000).await;
    worker.signal("TERM");
    worker.logged("draining");
    let ready = crate::world::get(worker.port(), "/readyz");
    assert!(
        ready.status == 503
            && ready
                .body
                .contains(r#"{"part":"process","reason":"draining"}"#),
        "{ready:?}"
    );
    assert_eq!(crate::world::get(worker.port(), "/healthz").status, 200);
}
