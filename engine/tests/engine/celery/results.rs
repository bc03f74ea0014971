//! What callers read: results, chains, chords that are shared with Celery's own workers, revocation.

use rouage::ingress::celery::{Mode, Settings};
use serde_json::{Value, json};

use super::{Scene, echo, message, names};
use crate::stage::eventually;

fn signature(task: &str, id: &str) -> Value {
    json!({"task": task, "args": [], "kwargs": {}, "options": {"task_id": id, "queue": "celery"},
           "subtask_type": null, "immutable": false})
}

#[tokio::test]
async fn a_success_is_never_overwritten_and_a_failure_is() {
    let scene = Scene::new().await;
    let (ingress, worker) = (scene.ingress(), scene.work());
    let success = json!({"status": "SUCCESS", "result": 7, "task_id": "won"}).to_string();
    let failure = json!({"status": "FAILURE", "result": {}, "task_id": "lost"}).to_string();
    // Celery writes the status first.
    for (key, text) in [("won", success), ("lost", failure)] {
        let text = text.replace("\"result\"", "\"r\"");
        let state = if key == "won" { "SUCCESS" } else { "FAILURE" };
        let first = format!("{{\"status\": \"{state}\", {}", &text[1..]);
        scene
            .set_result(&format!("celery-task-meta-{key}"), &first)
            .await;
        scene.push(&echo(key, &json!(key))).await;
    }
    let lost = scene.turns_to(&ingress, "lost", "SUCCESS").await;
    assert_eq!(lost["result"], "lost");
    scene.is_tidy(&ingress).await;
    let won = scene.result("won").await.unwrap();
    assert_eq!(won["r"], 7);
    worker.drain().await;
}

#[tokio::test]
async fn started_and_retry_are_told_where_callers_want_them() {
    let scene = Scene::new().await;
    let settings = Settings {
        track_started: true,
        extended: true,
        ..Scene::settings()
    };
    let ingress = scene.ingress_with(settings, names(Mode::Take));
    let gate = crate::stage::Gate::new();
    let passing = gate.clone();
    let registry = rouage::Registry::new().function(move |job: super::Demo, _| {
        let gate = passing.clone();
        async move {
            gate.pass().await;
            Ok(job.x)
        }
    });
    let worker = scene.stage.work(registry);
    scene.push(&echo("slow", &json!(1))).await;
    let started = scene.turns_to(&ingress, "slow", "STARTED").await;
    assert_eq!(started["result"]["hostname"], "node@test");
    gate.open();
    let done = scene.turns_to(&ingress, "slow", "SUCCESS").await;
    assert_eq!(
        (&done["name"], &done["args"]),
        (&json!("demo.echo"), &json!([1]))
    );
    worker.drain().await;
}

#[tokio::test]
async fn a_chord_is_gathered_once_with_parts_that_celerys_own_workers_ran() {
    let scene = Scene::new().await;
    let (ingress, worker) = (scene.ingress(), scene.work());
    scene.set_result("celery-taskset-meta-gid.s", "2").await;
    // A native worker ended part 0.
    let native: u64 = {
        let mut command = redis::cmd("ZADD");
        command.arg("celery-taskset-meta-gid.j").arg(0);
        command.arg(r#"[1,"native","SUCCESS",40]"#);
        scene.results_link.command(&command).await.unwrap()
    };
    assert_eq!(native, 1);
    let embed = json!({"chord": signature("demo.tsum", "body")});
    let more = json!({"group": "gid", "group_index": 1});
    scene
        .push(&message("demo.echo", "part", &json!([2]), &more, &embed))
        .await;
    let body = scene.turns_to(&ingress, "body", "SUCCESS").await;
    assert_eq!(body["result"], json!([40, 2]));
    scene.is_tidy(&ingress).await;
    assert_eq!(scene.ran(&json!([40, 2])), 1);
    worker.drain().await;
}

#[tokio::test]
async fn a_canvas_reaches_only_queues_that_were_named() {
    let scene = Scene::new().await;
    let (ingress, worker) = (scene.ingress(), scene.work());
    let mut bad = signature("demo.echo", "bad");
    bad["options"]["queue"] = json!("secret");
    let mut good = signature("demo.echo", "good");
    good["options"]["queue"] = json!("elsewhere");
    let embed = json!({"callbacks": [bad, good]});
    scene
        .push(&message(
            "demo.echo",
            "first",
            &json!([1]),
            &json!({}),
            &embed,
        ))
        .await;
    scene.turns_to(&ingress, "bad", "FAILURE").await;
    scene.turns_to(&ingress, "first", "SUCCESS").await;
    let secret: u64 = scene.broker(&[b"LLEN", b"secret"]).await;
    let elsewhere: u64 = scene.broker(&[b"LLEN", b"elsewhere"]).await;
    assert_eq!((secret, elsewhere), (0, 1));
    worker.drain().await;
}

/// A request of remote control as kombu publishes it.
async fn control(scene: &Scene, method: &str, arguments: &Value) {
    let body = json!({"method": method, "arguments": arguments, "destination": null,
                      "pattern": null, "matcher": null});
    let envelope = json!({"body": body.to_string(), "content-encoding": "utf-8",
        "content-type": "application/json", "headers": {"clock": 1, "expires": 0}, "properties": {}});
    eventually("somebody hears remote control", || async {
        let heard: u64 = scene
            .broker(&[
                b"PUBLISH",
                b"/0.celery.pidbox",
                envelope.to_string().as_bytes(),
            ])
            .await;
        (heard > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_revoked_task_ends_at_once_and_one_that_comes_later_never_runs() {
    let scene = Scene::new().await;
    let ingress = scene.ingress();
    let stop = tokio_util::sync::CancellationToken::new();
    let more = json!({"eta": "2100-01-01T00:00:00"});
    let later = message("demo.echo", "scheduled", &json!([1]), &more, &json!({}));
    scene.push(&later).await;
    let worker = scene.work();
    let story = async {
        eventually("the job is scheduled", || async {
            let id = "scheduled".parse().unwrap();
            scene.stage.client.job("test", &id).await.unwrap()
        })
        .await;
        let ids = json!({"task_id": ["scheduled", "to-come"], "terminate": false});
        control(&scene, "revoke", &ids).await;
        let revoked = eventually("it is revoked", || scene.result("scheduled")).await;
        assert_eq!(revoked["status"], "REVOKED");
        let unknown = eventually("so is the unknown one", || scene.result("to-come")).await;
        assert_eq!(unknown["status"], "REVOKED");
        scene.push(&echo("to-come", &json!("to-come"))).await;
        scene.push(&echo("other", &json!("other"))).await;
        eventually("the other one runs", || async {
            scene
                .result("other")
                .await
                .filter(|told| told["status"] == "SUCCESS")
        })
        .await;
        assert_eq!(scene.ran(&json!("to-come")), 0);
        assert_eq!(scene.ran(&json!("other")), 1);
    };
    tokio::select! {
        () = ingress.run(stop.clone()) => panic!("it ended by itself"),
        () = story => {}
    }
    worker.drain().await;
}
