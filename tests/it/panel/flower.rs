//! Flower's routes, in its shapes.

use super::Panel;
use crate::world::eventually;

#[tokio::test]
async fn flowers_routes_answer_in_its_shapes() {
    let panel = Panel::new().await;
    let id = panel
        .world
        .enqueue("debug.echo", r#"{"value":4711}"#, &["--in", "1h"]);
    let json = |path: &str| {
        let answer = panel.get("vera", path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    };
    let queues = json("/api/queues/length");
    let named = queues["active_queues"].as_array().unwrap();
    assert!(
        named
            .iter()
            .any(|queue| queue["name"] == "debug" && queue["messages"] == 0)
    );
    let workers = json("/api/workers?status=1");
    assert!(
        workers
            .as_object()
            .unwrap()
            .values()
            .all(|alive| alive == true)
    );
    eventually("the worker beats", || async {
        let workers = json("/api/workers").to_string();
        workers.contains("max-concurrency").then_some(())
    })
    .await;
    assert!(
        json("/api/task/types")["task-types"]
            .to_string()
            .contains("debug.echo")
    );
    let task = json(&format!("/api/task/info/{id}"));
    assert_eq!(
        (&task["uuid"], &task["state"]),
        (&id.as_str().into(), &"PENDING".into())
    );
    assert!(!task.to_string().contains("4711"));
    assert_eq!(json("/api/tasks?state=PENDING")[&id]["name"], "debug.echo");
    assert_eq!(panel.get("vera", "/api/task/info/unknown").status, 404);
    assert_eq!(panel.get("vera", "/healthcheck").body, "OK");
    let revoke = format!("/api/task/revoke/{id}");
    assert_eq!(panel.post("vera", &revoke, "").status, 403);
    let revoked = panel.post("otto", &revoke, "").json();
    assert_eq!(revoked["message"], format!("Revoked '{id}'"));
    assert_eq!(json(&format!("/api/task/info/{id}"))["state"], "REVOKED");
}
