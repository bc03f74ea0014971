//! Which messages are taken, which stay, and what a second publication of one does.

use rouage::ingress::celery::{Argument, Mode, Names, Settings, Task, Unknown};
use rouage::{Priority, State};
use serde_json::json;

use super::{Scene, echo, message, names, parking};
use crate::stage::eventually;

#[tokio::test]
async fn a_message_becomes_a_job_with_what_it_asks_for() {
    let scene = Scene::new().await;
    let ingress = scene.ingress();
    let more = json!({"eta": "2100-01-01T00:00:00", "expires": "2100-01-02T00:00:00+01:00", "timelimit": [30, 20.5]});
    let sent = message("demo.add", "one", &json!([1, 2]), &more, &json!({}));
    let sent = String::from_utf8(sent)
        .unwrap()
        .replace("\"priority\":0", "\"priority\":7");
    let _: u64 = scene
        .broker(&[b"LPUSH", b"celery\x06\x166", sent.as_bytes()])
        .await;
    ingress.turn().await.unwrap();

    let job = scene.stage.job(&"one".parse().unwrap()).await;
    assert_eq!(job.state, State::Scheduled);
    assert_eq!(job.since, 4_102_444_800_000);
    assert_eq!(job.priority, Priority::new(7).unwrap().get());
    assert_eq!(job.expires_at, Some(4_102_527_600_000));
    assert_eq!(job.payload, Some(json!({"x": 1, "y": 2})));
    assert_eq!(job.tags, ["celery:one", "celery_queue:celery"]);
    assert_eq!(scene.length().await, 0);
}

#[tokio::test]
async fn names_that_are_off_stay_and_those_in_shadow_are_counted_once() {
    let scene = Scene::new().await;
    for mode in [Mode::Off, Mode::Shadow] {
        let ingress = scene.ingress_with(Scene::settings(), names(mode));
        scene.push(&echo(mode.name(), &json!(1))).await;
        for _ in 0..3 {
            ingress.turn().await.unwrap();
        }
    }
    let shadow = scene.ingress_with(Scene::settings(), names(Mode::Shadow));
    let status = shadow.status().await.unwrap();
    let echo = status.names.iter().find(|name| name.task == "demo.echo");
    let echo = echo.unwrap();
    // The first message was seen in both modes and stays what it was seen as first.
    assert_eq!((echo.left, echo.shadowed, echo.taken), (1, 1, 0));
    assert_eq!((scene.length().await, status.parked), (2, 0));
}

#[tokio::test]
async fn a_message_behind_many_that_stay_is_taken() {
    let scene = Scene::new().await;
    let mut pipe = Vec::new();
    for number in 0..300 {
        let id = format!("other-{number}");
        pipe.push(message(
            "other.task",
            &id,
            &json!([]),
            &json!({}),
            &json!({}),
        ));
    }
    for other in &pipe {
        scene.push(other).await;
    }
    scene.push(&echo("mine", &json!(1))).await;
    let settings = Settings {
        unknown: Unknown::Leave,
        ..Scene::settings()
    };
    let ingress = scene.ingress_with(settings, names(Mode::Take));
    let stop = tokio_util::sync::CancellationToken::new();
    let taken = eventually("the message is taken", || async {
        let job = scene
            .stage
            .client
            .job("test", &"mine".parse().unwrap())
            .await;
        job.unwrap()
    });
    tokio::select! {
        () = ingress.run(stop.clone()) => panic!("it ended by itself"),
        job = taken => assert_eq!(job.kind, "test.demo"),
    }
    assert_eq!(scene.length().await, 300);
}

#[tokio::test]
async fn a_message_that_was_published_twice_is_one_job_also_when_it_is_over() {
    let scene = Scene::new().await;
    let ingress = scene.ingress();
    let worker = scene.work();
    scene.push(&echo("twice", &json!("twice"))).await;
    scene.push(&echo("twice", &json!("twice"))).await;
    scene.turns_to(&ingress, "twice", "SUCCESS").await;
    scene.is_tidy(&ingress).await;
    scene.push(&echo("twice", &json!("twice"))).await;
    scene.is_tidy(&ingress).await;
    assert_eq!(scene.ran(&json!("twice")), 1);

    let retry = message(
        "demo.echo",
        "twice",
        &json!(["twice"]),
        &json!({"retries": 1}),
        &json!({}),
    );
    scene.push(&retry).await;
    eventually("the client's own retry runs", || async {
        ingress.turn().await.unwrap();
        (scene.ran(&json!("twice")) == 2).then_some(())
    })
    .await;
    worker.drain().await;
}

#[tokio::test]
async fn what_is_in_no_table_is_parked_and_runs_when_it_is_put_back_under_another_table() {
    let scene = Scene::new().await;
    let ingress = scene.ingress_with(parking(), names(Mode::Take));
    let sent = message("no.such", "stranger", &json!(["x"]), &json!({}), &json!({}));
    scene.push(&sent).await;
    let result = scene.turns_to(&ingress, "stranger", "FAILURE").await;
    assert_eq!(result["result"]["exc_type"], "NotRegistered");
    let parked = ingress.parking().list(10).await.unwrap();
    assert_eq!(parked[0].reason, "not_registered");
    assert_eq!(parked[0].whole(), Some(sent));

    let table = Names::new([Task {
        name: "no.such".to_owned(),
        kind: "test.demo".to_owned(),
        mode: Mode::Take,
        args: vec![Argument::read("x")],
        ..Task::default()
    }]);
    let ingress = scene.ingress_with(parking(), table);
    let worker = scene.work();
    assert!(ingress.retry(&parked[0]).await.unwrap());
    scene.turns_to(&ingress, "stranger", "SUCCESS").await;
    worker.drain().await;
}

#[tokio::test]
async fn parked_messages_are_bounded_and_can_be_put_back() {
    let scene = Scene::new().await;
    let ingress = scene.ingress_with(parking(), names(Mode::Take));
    for number in 0..15 {
        scene.push(format!("rubbish {number}").as_bytes()).await;
    }
    ingress.turn().await.unwrap();
    let parked = ingress.parking().list(100).await.unwrap();
    assert_eq!(parked.len(), 10);
    assert!(ingress.retry(&parked[0]).await.unwrap());
    assert_eq!(scene.length().await, 1);
    assert_eq!(ingress.parking().count().await.unwrap(), 9);
    assert!(ingress.parking().discard(&parked[1].id).await.unwrap());
}

#[tokio::test]
async fn a_message_that_is_too_large_is_parked_in_part_and_its_caller_told() {
    let scene = Scene::new().await;
    let mut settings = parking();
    settings.limits.message_bytes = 10_000;
    let ingress = scene.ingress_with(settings, names(Mode::Take));
    let text: String = "x".repeat(20_000);
    let sent = echo("large", &json!(text));
    scene.push(&sent).await;
    scene.push(&echo("small", &json!(1))).await;
    scene.turns_to(&ingress, "large", "FAILURE").await;
    let parked = ingress.parking().list(1).await.unwrap();
    assert_eq!(parked[0].reason, "message_too_large");
    assert_eq!((parked[0].bytes, parked[0].whole()), (sent.len(), None));
    scene.stage.job(&"small".parse().unwrap()).await;
    assert_eq!(scene.length().await, 0);
}

#[tokio::test]
async fn a_poisoned_queue_is_drained_into_the_parking_as_far_as_there_is_room() {
    let scene = Scene::new().await;
    let ingress = scene.ingress_with(parking(), names(Mode::Off));
    for number in 0..12 {
        scene.push(&echo(&format!("n{number}"), &json!(1))).await;
    }
    let preview = ingress.preview("celery", 5).await.unwrap();
    assert_eq!(preview.len(), 5);
    assert_eq!(preview[0].task_id.as_deref(), Some("n0"));
    let done = ingress.drain("celery", 100).await.unwrap();
    assert_eq!((done.parked, done.left), (10, 2));
    assert_eq!(scene.length().await, 2);
    let parked = ingress.parking().list(100).await.unwrap();
    assert_eq!(parked.len(), 10);
}

#[tokio::test]
async fn status_shows_what_lies_in_celerys_redis() {
    let scene = Scene::new().await;
    let ingress = scene.ingress_with(Scene::settings(), names(Mode::Off));
    let later = json!({"eta": "2100-01-01T00:00:00+00:00"});
    let later = message("demo.echo", "later", &json!([1]), &later, &json!({}));
    let unacked = [b"[", later.as_slice(), b", \"\", \"celery\"]"].concat();
    let _: u64 = scene.broker(&[b"HSET", b"unacked", b"tag", &unacked]).await;
    let _: u64 = scene
        .broker(&[b"ZADD", b"unacked_index", b"1000", b"tag"])
        .await;
    let () = scene
        .broker(&[b"SET", b"celery-task-meta-old", b"{}"])
        .await;
    scene.push(&echo("waits", &json!(1))).await;
    let status = ingress.status().await.unwrap();
    assert_eq!(status.lists[0].messages, 1);
    assert_eq!((status.unacked.messages, status.unacked.eta), (1, 1));
    assert_eq!(status.unacked.latest_eta, Some(4_102_444_800_000));
    assert!(status.unacked.oldest_ms.unwrap() > 1_000_000);
    assert_eq!(status.without_ttl["celery-task-meta-"], 1);
    assert_eq!(
        (status.eviction.as_str(), status.evicts()),
        ("noeviction", false)
    );
}
