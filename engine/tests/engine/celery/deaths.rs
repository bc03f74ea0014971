//! A process that dies between any two calls: nothing is lost, nothing happens twice.

use std::time::Duration;

use rouage::ingress::celery::{Mode, Settings};
use rouage::{ClientError, State};
use serde_json::json;

use super::{Scene, message, names};
use crate::stage::eventually;

/// More calls than one task needs from its list to its result.
const MOST_CALLS: u64 = 400;

/// A chain of two tasks, of which the second is a part of a chord with one part.
fn canvas(number: u64) -> Vec<u8> {
    let options = |id: &str| json!({"task_id": format!("{id}-{number}"), "queue": "celery"});
    let body = json!({"task": "demo.tsum", "args": [], "kwargs": {}, "options": options("body"),
                      "subtask_type": null, "immutable": false});
    let mut second = options("second");
    second["chord"] = body;
    second["group_id"] = json!(format!("gid-{number}"));
    second["group_index"] = json!(0);
    let next = json!({"task": "demo.echo", "args": [format!("second-{number}")], "kwargs": {},
                      "options": second, "subtask_type": null, "immutable": true});
    message(
        "demo.echo",
        &format!("first-{number}"),
        &json!([format!("first-{number}")]),
        &json!({}),
        &json!({"chain": [next]}),
    )
}

#[tokio::test]
async fn a_death_between_any_two_calls_loses_nothing_and_doubles_nothing() {
    let scene = Scene::new().await;
    let worker = scene.work();
    let survivor = scene.ingress_with(eager(), names(Mode::Take));
    for calls in 0..MOST_CALLS {
        let size = format!("celery-taskset-meta-gid-{calls}.s");
        scene.set_result(&size, "1").await;
        scene.push(&canvas(calls)).await;
        let lived = scene.live(calls).await.is_ok();

        let body = format!("body-{calls}");
        let told = scene.turns_to(&survivor, &body, "SUCCESS").await;
        assert_eq!(told["result"], json!([format!("second-{calls}")]));
        scene.is_tidy(&survivor).await;
        for x in [
            json!(format!("first-{calls}")),
            json!(format!("second-{calls}")),
            json!([format!("second-{calls}")]),
        ] {
            assert_eq!(scene.ran(&x), 1, "{x} after a death at call {calls}");
        }
        assert_eq!(scene.length().await, 0);
        if lived {
            assert!(calls > 30, "only {calls} calls");
            worker.drain().await;
            return;
        }
    }
    panic!("no process lived to the end");
}

/// Everything is looked at in every turn, so that a process needs as few calls as possible.
fn eager() -> Settings {
    Settings {
        look: Duration::ZERO,
        ..Scene::settings()
    }
}

impl Scene {
    /// A process that may make so many calls brings a canvas to its end; an error is its death.
    async fn live(&self, calls: u64) -> Result<(), ClientError> {
        let mortal = self.mortal(calls, eager());
        for task in ["first", "second", "body"] {
            mortal.turn().await?;
            let job = format!("{task}-{calls}").parse().unwrap();
            self.stage.reaches(&job, State::Completed).await;
            mortal.turn().await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn two_processes_on_one_queue_take_each_message_once() {
    let scene = Scene::new().await;
    let worker = scene.work();
    let (one, other) = (scene.ingress(), scene.ingress());
    for number in 0..200 {
        let id = format!("both-{number}");
        scene.push(&super::echo(&id, &json!(id))).await;
    }
    let stop = tokio_util::sync::CancellationToken::new();
    let all_done = eventually("all are told", || async {
        let mut told = 0;
        for number in 0..200 {
            told += u64::from(scene.result(&format!("both-{number}")).await.is_some());
        }
        (told == 200).then_some(())
    });
    tokio::select! {
        () = one.run(stop.clone()) => panic!("it ended by itself"),
        () = other.run(stop.clone()) => panic!("it ended by itself"),
        () = all_done => {}
    }
    for number in 0..200 {
        assert_eq!(scene.ran(&json!(format!("both-{number}"))), 1);
    }
    scene.is_tidy(&one).await;
    worker.drain().await;
}
