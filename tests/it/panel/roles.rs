//! Each action by each role.

use super::Panel;

/// What is asked for, with which form, and whether an operator may.
const ACTIONS: [(&str, &str, bool); 18] = [
    ("/queues/debug/pause", "reason=x", true),
    ("/queues/debug/resume", "", true),
    ("/queues/debug/slots", "slots=3", false),
    ("/jobs/debug/ID/retry", "", true),
    ("/jobs/debug/ID/cancel", "", true),
    ("/jobs/debug/ID/discard", "", true),
    (
        "/jobs/debug/ID/replay",
        "payload=%7B%22value%22%3A2%7D",
        true,
    ),
    ("/jobs/preview", "q=state%3Adiscarded&action=retry", true),
    ("/jobs/bulk", "q=state%3Adiscarded&action=retry", true),
    ("/operations/ID/undo", "", true),
    ("/batches/b1/retry", "", true),
    ("/batches/b1/cancel", "", true),
    ("/breakers/close", "name=mail", true),
    ("/limits/reset", "name=mail", false),
    ("/workers/w1/quiet", "", false),
    ("/workers/w1/resume", "", false),
    ("/workers/w1/stop", "", false),
    ("/system/fsck", "", false),
];

#[tokio::test]
async fn a_viewer_does_nothing_an_operator_acts_on_jobs_and_an_admin_on_everything() {
    let panel = Panel::new().await;
    let id = panel
        .world
        .enqueue("debug.echo", r#"{"value":1}"#, &["--in", "1h"]);
    for (path, form, operators) in ACTIONS {
        let path = path.replace("ID", &id);
        let status = |who| panel.post(who, &path, form).status;
        assert_eq!(status("vera"), 403, "{path}");
        let allowed = |status: u16| status != 403 && status != 401 && status < 500;
        assert_eq!(allowed(status("otto")), operators, "{path}");
        // What is not there is not found, after the role was checked.
        assert_ne!(status("ana"), 403, "{path}");
    }
    for page in ["/audit", "/jobs/debug/ID/edit"] {
        assert_eq!(panel.get("vera", &page.replace("ID", &id)).status, 403);
    }
    assert_eq!(panel.get("otto", "/audit").status, 403);
}

#[tokio::test]
async fn a_viewer_sees_no_payload_and_an_operator_only_when_asking() {
    let panel = Panel::new().await;
    let id = panel
        .world
        .enqueue("debug.echo", r#"{"value":4711}"#, &["--in", "1h"]);
    let page = |who, more: &str| panel.get(who, &format!("/jobs/debug/{id}{more}")).body;
    assert!(!page("vera", "?payload=shown").contains("4711"));
    assert!(!page("otto", "").contains("4711"));
    assert!(page("otto", "?payload=shown").contains("4711"));
}

#[tokio::test]
async fn what_somebody_does_is_in_the_audit_log() {
    let panel = Panel::new().await;
    let id = panel
        .world
        .enqueue("debug.echo", r#"{"value":1}"#, &["--in", "1h"]);
    let paused = panel.post("otto", "/queues/debug/pause", "reason=night+shift");
    assert_eq!(paused.header("location"), Some("/queues/debug?said=paused"));
    panel.post("ana", &format!("/jobs/debug/{id}/cancel"), "");
    panel.get("otto", &format!("/jobs/debug/{id}?payload=shown"));
    let log = panel.get("ana", "/audit").body;
    for part in [
        "queue.pause",
        "night shift",
        "job.cancel",
        "payload.show",
        "127.0.0.1",
        &id,
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
    let narrowed = panel.get("ana", "/audit?who=ana").body;
    assert!(narrowed.contains("job.cancel") && !narrowed.contains("night shift"));
}

#[tokio::test]
async fn a_discarded_job_is_retried_by_an_operation_that_can_be_undone() {
    let panel = Panel::new().await;
    let id = panel
        .world
        .enqueue("debug.echo", r#"{"value":1}"#, &["--in", "1h"]);
    let discarded = panel.post("otto", &format!("/jobs/debug/{id}/discard"), "");
    let place = format!("/jobs/debug/{id}?said=discarded");
    assert_eq!(discarded.header("location"), Some(place.as_str()));
    let form = "q=state%3Adiscarded&action=retry";
    let preview = panel.post("otto", "/jobs/preview", form);
    assert!(preview.body.contains("Retry: 1"), "{}", preview.body);
    let started = panel.post("otto", "/jobs/bulk", form);
    let operation = started.header("location").unwrap().to_owned();
    assert!(operation.starts_with("/operations/"), "{operation}");
    assert!(
        panel
            .get("vera", &operation)
            .body
            .contains("state:discarded")
    );
    let undone = panel.post("otto", &format!("{operation}/undo"), "");
    let place = format!("{operation}?said=undone");
    assert_eq!(undone.header("location"), Some(place.as_str()));
    let job = panel.get("vera", &format!("/jobs/debug/{id}")).body;
    assert!(job.contains("state discarded"), "{job}");
}

#[tokio::test]
async fn a_payload_is_edited_checked_and_run_as_a_new_job() {
    let panel = Panel::new().await;
    let id = panel
        .world
        .enqueue("debug.echo", r#"{"value":1}"#, &["--in", "1h"]);
    panel.post("otto", &format!("/jobs/debug/{id}/cancel"), "");
    let edit = panel.get("otto", &format!("/jobs/debug/{id}/edit"));
    assert!(edit.body.contains("&quot;value&quot;") || edit.body.contains("&#34;value&#34;"));
    let replay = |payload: &str| panel.post("otto", &format!("/jobs/debug/{id}/replay"), payload);
    let wrong = replay("payload=%7B%22valu%22%3A2%7D");
    assert_eq!(wrong.status, 200);
    assert!(wrong.body.contains("role=\"alert\""), "{}", wrong.body);
    let right = replay("payload=%7B%22value%22%3A2%7D");
    let new = right.header("location").unwrap();
    assert!(
        new.ends_with("?said=replayed") && !new.contains(&id),
        "{new}"
    );
}
