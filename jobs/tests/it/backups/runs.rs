//! A run from its dump to its report.

use std::sync::atomic::Ordering;

use crm_backup::{Identities, Recipients};

use crate::backups::store::Backed;

const NAME: &str = "crm_backup_20261123_093000";

#[tokio::test]
async fn a_run_leaves_a_verified_dump_here_and_a_copy_elsewhere() {
    let mut backed = Backed::new().await;
    let (_, public) = Identities::generate();
    backed.world.services.backups.recipients = Some(Recipients::parse([public.as_str()]).unwrap());
    assert_eq!(backed.back_up("run-1").await, NAME);
    assert_eq!(
        backed.files(),
        [format!("{NAME}.dump"), format!("{NAME}.manifest.json")]
    );
    let copies = [format!("{NAME}.dump.age"), format!("{NAME}.manifest.json")];
    assert_eq!(backed.memory.keys(), copies);
    assert_eq!(
        backed.record("run-1", "places").await.unwrap(),
        r#"["memory"]"#
    );
    for column in [
        "dumped_at",
        "verified_at",
        "uploaded_at",
        "reported_at",
        "sealed_bytes",
        "sha256",
    ] {
        assert!(backed.record("run-1", column).await.is_some(), "{column}");
    }
    assert_eq!(backed.record("run-1", "error").await, None);
    assert_eq!(backed.heard.beats.load(Ordering::SeqCst), 1);
    assert!(backed.heard.texts().is_empty());
    let users = backed.world.count("SELECT count(*) FROM users").await;
    let counted = backed
        .world
        .count("SELECT (sentinel_rows->>'users')::bigint FROM worker.backups")
        .await;
    assert_eq!(users, counted);
}

#[tokio::test]
async fn every_step_that_is_repeated_finds_its_work_done() {
    let backed = Backed::new().await;
    backed.back_up("run-1").await;
    let objects = backed.memory.objects.lock().unwrap().clone();
    let files = backed.files();
    for _ in 0..2 {
        backed.back_up("run-1").await;
    }
    assert_eq!(*backed.memory.objects.lock().unwrap(), objects);
    assert_eq!(backed.files(), files);
    assert_eq!(backed.enqueued(), [format!("{NAME}-steps")]);
    assert_eq!(
        backed
            .world
            .count("SELECT count(*) FROM worker.backups")
            .await,
        1
    );
}

#[tokio::test]
async fn the_uploads_go_with_the_dump() {
    let mut backed = Backed::new().await;
    let uploads = tempfile::tempdir().unwrap();
    std::fs::write(uploads.path().join("scan.pdf"), vec![3; 5000]).unwrap();
    backed.world.services.backups.uploads_dir = Some(uploads.path().to_owned());
    backed.back_up("run-1").await;
    let expected = ["dump", "manifest.json", "uploads.tar.gz"].map(|end| format!("{NAME}.{end}"));
    assert_eq!(backed.files(), expected);
    assert_eq!(backed.memory.keys(), expected);
    assert!(backed.record("run-1", "uploads_bytes").await.is_some());
}

#[tokio::test]
async fn a_drill_brings_the_newest_verified_backup_back() {
    let backed = Backed::new().await;
    let error = backed.drill().await.unwrap_err().to_string();
    assert!(
        error.starts_with("there is no verified backup; hint: "),
        "{error}"
    );
    backed.back_up("run-1").await;
    let drilled = backed.drill().await.unwrap();
    assert_eq!(drilled.name, NAME);
    assert!(backed.record("run-1", "drill_ms").await.is_some());
}

#[tokio::test]
async fn old_backups_leave_here_and_there_when_newer_good_ones_are_made() {
    let mut backed = Backed::new().await;
    let tiers = &mut backed.world.services.backups.tiers;
    (tiers.daily, tiers.weekly, tiers.monthly, tiers.last) = (2, 0, 0, 2);
    for day in 23..=26 {
        backed.set_clock(&format!("2026-11-{day}T02:00:00Z"));
        backed.back_up(&format!("run-{day}")).await;
    }
    let expected: Vec<String> = ["25", "26"]
        .iter()
        .flat_map(|day| {
            ["dump", "manifest.json"].map(|end| format!("crm_backup_202611{day}_020000.{end}"))
        })
        .collect();
    assert_eq!(backed.files(), expected);
    assert_eq!(backed.memory.keys(), expected);
    assert!(backed.record("run-23", "deleted_at").await.is_some());
    assert!(backed.record("run-26", "deleted_at").await.is_none());
}
