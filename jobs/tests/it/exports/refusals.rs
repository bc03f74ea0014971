//! Requests that can never work: refused for ever, by name, and on record.

use devkit::crm;
use rouage::JobError;
use serde_json::{Value, json};

use crate::world::{World, again, context, people};

/// Runs a job that must be refused for ever, and returns what was said.
async fn refusal(world: &World, changes: Value) -> String {
    let mut payload = people(crm::ADMIN_ID);
    payload
        .as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    let cx = context(1);
    let error = world.attempt(&cx, payload).await.unwrap_err();
    assert!(matches!(error, JobError::Discard(_)), "{error}");
    let text = error.to_string();
    assert_eq!(
        world.record(cx.id(), "status").await.as_deref(),
        Some("failed"),
        "{text}"
    );
    assert_eq!(world.record(cx.id(), "error").await.unwrap(), text);
    text
}

#[tokio::test]
async fn every_unknown_name_is_a_permanent_failure_that_names_it() {
    let world = World::small().await;
    let cases = [
        (
            json!({ "dataset": "peple" }),
            "\"peple\"",
            "did you mean \"people\"",
        ),
        (json!({ "format": "cvs" }), "\"cvs\"", "allowed: csv"),
        (
            json!({ "columns": ["id", "first_nam"] }),
            "\"first_nam\"",
            "did you mean \"first_name\"",
        ),
        (
            json!({ "filters": { "serach": "x" } }),
            "\"serach\"",
            "did you mean \"search\"",
        ),
        (
            json!({ "sort": "created_at" }),
            "\"created_at\"",
            "did you mean \"created_at:",
        ),
        (json!({ "user_id": 4242 }), "user 4242", "does not exist"),
        (
            json!({ "user_id": crm::INACTIVE_ID }),
            "user 9",
            "not active",
        ),
        (
            json!({ "tz": "Europe/Pariss" }),
            "\"Europe/Pariss\"",
            "Europe/Paris",
        ),
        (
            json!({ "tz": "Europe/Paris2" }),
            "\"Europe/Paris2\"",
            "IANA",
        ),
    ];
    for (changes, name, hint) in cases {
        let text = refusal(&world, changes).await;
        assert!(text.contains(name) && text.contains(hint), "{text}");
    }
    assert_eq!(world.files(), Vec::<String>::new());
    assert_eq!(world.announcements().await, (0, 0));
}

#[tokio::test]
async fn a_filter_value_of_the_wrong_type_is_refused_without_being_repeated() {
    let world = World::small().await;
    for value in [json!(["Durand"]), json!({ "Durand": 1 }), json!(12)] {
        let text = refusal(&world, json!({ "filters": { "search": value } })).await;
        assert!(
            text.contains("\"search\"") && !text.contains("Durand"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_nul_character_anywhere_is_a_refusal_and_no_database_error() {
    let world = World::small().await;
    for changes in [
        json!({ "dataset": "peo\0ple" }),
        json!({ "tz": "Europe/\0" }),
        json!({ "sort": "\0" }),
        json!({ "filters": { "search": "a\0" } }),
        json!({ "filters": { "a\0": 1 } }),
    ] {
        refusal(&world, changes).await;
    }
}

#[tokio::test]
async fn injected_sql_is_only_a_text_to_look_for() {
    let world = World::small().await;
    let before = world.count("SELECT count(*) FROM people").await;
    let mut payload = people(crm::ADMIN_ID);
    payload["filters"] =
        json!({ "search": "'; DELETE FROM people; --", "language": "') OR TRUE --" });
    assert_eq!(world.rows(payload).await.len(), 0);
    assert_eq!(world.count("SELECT count(*) FROM people").await, before);
}

#[tokio::test]
async fn a_refused_job_that_is_run_again_after_a_repair_succeeds() {
    let world = World::small().await;
    let cx = context(1);
    world
        .attempt(&cx, people(crm::INACTIVE_ID))
        .await
        .unwrap_err();
    world
        .execute("UPDATE users SET is_active = true WHERE id = 9")
        .await;
    world
        .attempt(&again(cx.id(), 1), people(crm::INACTIVE_ID))
        .await
        .unwrap();
    assert_eq!(
        world.record(cx.id(), "status").await.as_deref(),
        Some("ready")
    );
    assert_eq!(world.record(cx.id(), "error").await, None);
    assert_eq!(world.announcements().await, (1, 1));
}
