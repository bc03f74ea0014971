//! The whole way: enqueue, run, wait, and the file is there.

use devkit::Template;
use serde_json::Value;

use crate::world::World;

#[tokio::test]
async fn an_export_that_was_enqueued_is_a_file_a_record_and_a_notification() {
    let world = World::new(Template::Small).await;
    let database = world.database().await;
    let admin: i32 =
        sqlx::query_scalar("SELECT min(id) FROM users WHERE is_superuser AND is_active")
            .fetch_one(&database)
            .await
            .unwrap();
    let _worker = world.worker();
    let payload = format!(r#"{{"dataset":"people","user_id":"{admin}"}}"#);
    let done = world.run(&[
        "enqueue",
        "exports.export_records",
        "--json",
        &payload,
        "--id",
        "first",
        "--wait",
    ]);
    let output: Value = serde_json::from_str(&done.good()).unwrap();
    let file = &output["output"];

    let people: i64 = sqlx::query_scalar("SELECT count(*) FROM people")
        .fetch_one(&database)
        .await
        .unwrap();
    assert_eq!(file["rows"].as_i64(), Some(people));
    let path: String = sqlx::query_scalar(
        "SELECT file_path FROM worker.exports WHERE job_id = 'first' AND status = 'ready'",
    )
    .fetch_one(&database)
    .await
    .unwrap();
    assert!(
        path.starts_with(world.exports.path().to_str().unwrap()),
        "{path}"
    );
    assert_eq!(
        std::fs::metadata(&path).unwrap().len(),
        file["bytes"].as_u64().unwrap()
    );
    let told: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM notifications WHERE type = 'EXPORT_READY' AND user_id = $1",
    )
    .bind(admin)
    .fetch_one(&database)
    .await
    .unwrap();
    assert!(told >= 1);
}
