//! Too many rows, too many bytes, no disk, no name for the kind.

use std::collections::BTreeSet;

use crm_job_contract::KINDS;
use devkit::crm;
use rouage::{JobError, Registry};

use crate::world::{World, again, context, people};

#[tokio::test]
async fn more_rows_than_allowed_is_refused_with_the_limit_and_a_way_out() {
    let mut world = World::small().await;
    world.services.exports.max_rows = 199;
    let error = world.export(people(crm::ADMIN_ID)).await.unwrap_err();
    assert!(matches!(error, JobError::Discard(_)), "{error}");
    assert_eq!(
        error.to_string(),
        "200 rows exceed 199, the limit of one export; hint: narrow it by filters or ids"
    );
    world.services.exports.max_rows = 200;
    world.export(people(crm::ADMIN_ID)).await.unwrap();
}

#[tokio::test]
async fn more_bytes_than_allowed_is_refused_and_leaves_no_file() {
    let mut world = World::small().await;
    let cx = context(1);
    let size = world
        .attempt(&cx, people(crm::ADMIN_ID))
        .await
        .unwrap()
        .bytes;
    world.services.exports.max_bytes = size - 1;
    let error = world.export(people(crm::ADMIN_ID)).await.unwrap_err();
    assert!(matches!(error, JobError::Discard(_)), "{error}");
    assert!(
        error
            .to_string()
            .contains(&format!("exceeds {} bytes", size - 1)),
        "{error}"
    );
    assert_eq!(world.files(), [format!("{}.csv", cx.id())]);
    world.services.exports.max_bytes = size;
    world.export(people(crm::ADMIN_ID)).await.unwrap();
}

#[tokio::test]
async fn a_missing_folder_is_tried_again_and_fails_for_good_only_at_the_last_attempt() {
    let mut world = World::small().await;
    world.services.exports.dir.push("missing");
    let cx = context(2);
    let error = world.attempt(&cx, people(crm::ADMIN_ID)).await.unwrap_err();
    assert!(matches!(error, JobError::Retry { .. }), "{error}");
    assert!(error.to_string().contains("hint: it must exist"), "{error}");
    assert_eq!(
        world.record(cx.id(), "status").await.as_deref(),
        Some("running")
    );
    world
        .attempt(&again(cx.id(), 3), people(crm::ADMIN_ID))
        .await
        .unwrap_err();
    assert_eq!(
        world.record(cx.id(), "status").await.as_deref(),
        Some("failed")
    );
}

#[tokio::test]
async fn the_file_can_be_read_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::small().await;
    let cx = context(1);
    world.attempt(&cx, people(crm::ADMIN_ID)).await.unwrap();
    let mode = std::fs::metadata(world.path(cx.id()))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn every_kind_of_the_contract_has_a_handler_and_the_other_way_round() {
    let mut world = World::small().await;
    world.services.debug_kinds = true;
    let registry = crm_jobs::register(Registry::new(), &world.services);
    let handled: BTreeSet<_> = registry
        .kinds()
        .map(|kind| (kind.name, kind.queue))
        .collect();
    assert_eq!(
        handled,
        KINDS.iter().map(|info| (info.kind, info.queue)).collect()
    );
    assert!(registry.duplicates().is_empty());

    world.services.debug_kinds = false;
    let registry = crm_jobs::register(Registry::new(), &world.services);
    assert!(registry.kinds().all(|kind| kind.queue != "debug"));
}
