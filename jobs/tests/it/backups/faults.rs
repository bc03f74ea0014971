//! What goes wrong ends in a clear state, is told to people, and costs no good backup.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crm_backup::Tools;

use crate::backups::store::Backed;

const NAME: &str = "crm_backup_20261123_093000";

/// Puts a program of that name before the real ones.
fn fake(backed: &mut Backed, script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, script) in [
        ("pg_dump", script),
        ("pg_restore", "exec pg_restore \"$@\""),
    ] {
        let program = folder.path().join(name);
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    backed.world.services.backups.tools = Tools::new(Some(folder.path().to_owned()));
    folder
}

/// Changes what a manifest says.
fn change(backed: &Backed, file: &str, change: impl FnOnce(&mut serde_json::Value)) {
    let path = backed.world.services.backups.dir.join(file);
    let mut manifest = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut manifest);
    fs::write(&path, manifest.to_string()).unwrap();
}

#[tokio::test]
async fn a_pg_dump_that_fails_half_way_is_told_after_the_last_attempt_and_leaves_nothing() {
    let mut backed = Backed::new().await;
    let good = backed.back_up("good").await;
    backed.set_clock("2026-11-24T02:00:00Z");
    let script = "[ \"$1\" = --version ] && exec pg_dump --version\nprintf PGDMP; head -c 50000 /dev/zero; \
                  echo 'pg_dump: error: query failed: out of memory' >&2; exit 1";
    let folder = fake(&mut backed, script);
    for attempt in 1..=3 {
        assert!(backed.heard.texts().is_empty());
        let error = backed.dump("bad", attempt).await.unwrap_err().to_string();
        assert!(error.contains("out of memory"), "{error}");
    }
    let told = backed.heard.texts().pop().unwrap();
    assert!(
        told.contains("backups.dump_database: ") && told.contains("out of memory"),
        "{told}"
    );
    assert_eq!(
        backed.record("bad", "failed_step").await.unwrap(),
        "backups.dump_database"
    );
    assert_eq!(
        backed.files(),
        [format!("{good}.dump"), format!("{good}.manifest.json")]
    );
    assert_eq!(backed.retain().await.unwrap(), (0, 0));

    drop(folder);
    backed.world.services.backups.tools = Tools::default();
    backed.set_clock("2026-11-25T02:00:00Z");
    backed.back_up("again").await;
    let told = backed.heard.texts().pop().unwrap();
    assert!(told.contains("the one before had failed"), "{told}");
}

#[tokio::test]
async fn a_dump_that_was_damaged_before_it_was_read_back_is_refused_for_ever() {
    let mut backed = Backed::new().await;
    backed.back_up("good").await;
    backed.set_clock("2026-11-24T02:00:00Z");
    let name = backed.dump("bad", 1).await.unwrap().name;
    let path = backed
        .world
        .services
        .backups
        .dir
        .join(format!("{name}.dump"));
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = backed.verify("bad", false).await.unwrap_err().to_string();
    assert!(error.contains("its SHA-256 is another one"), "{error}");
    assert_eq!(backed.heard.texts().len(), 1);
    let error = backed.upload("bad", 1).await.unwrap_err().to_string();
    assert!(error.contains("is not verified"), "{error}");
    assert_eq!(backed.retain().await.unwrap(), (0, 0));
    assert!(backed.files().contains(&format!("{NAME}.dump")));
    assert_eq!(backed.drill().await.unwrap().name, NAME);
}

#[tokio::test]
async fn a_dump_that_shrank_is_believed_only_when_somebody_says_so() {
    let mut backed = Backed::new().await;
    for day in 21..=23 {
        backed.set_clock(&format!("2026-11-{day}T02:00:00Z"));
        backed.back_up(&format!("run-{day}")).await;
    }
    for file in backed
        .files()
        .iter()
        .filter(|file| file.ends_with("manifest.json"))
    {
        change(&backed, file, |manifest| {
            let bytes = manifest["dump"]["bytes"].as_u64().unwrap();
            manifest["dump"]["bytes"] = (bytes * 3).into();
        });
    }
    backed.set_clock("2026-11-24T02:00:00Z");
    backed.dump("small", 1).await.unwrap();
    let error = backed.verify("small", false).await.unwrap_err().to_string();
    assert!(
        error.contains("less than half of") && error.contains("--accept-size"),
        "{error}"
    );
    backed.verify("small", true).await.unwrap();
    assert_eq!(backed.record("small", "error").await, None);
}

#[tokio::test]
async fn a_clock_that_went_back_loses_no_backup() {
    let mut backed = Backed::new().await;
    let tiers = &mut backed.world.services.backups.tiers;
    (tiers.daily, tiers.weekly, tiers.monthly, tiers.last) = (3, 0, 0, 2);
    for day in 24..=26 {
        backed.set_clock(&format!("2026-11-{day}T02:00:00Z"));
        backed.back_up(&format!("run-{day}")).await;
    }
    backed.set_clock("2019-01-01T02:00:00Z");
    backed.back_up("back").await;
    let files = backed.files();
    for kept in ["20190101", "20261125", "20261126"] {
        assert!(
            files.contains(&format!("crm_backup_{kept}_020000.dump")),
            "{files:?}"
        );
    }
    assert_eq!(
        backed.drill().await.unwrap().name,
        "crm_backup_20190101_020000"
    );
}

#[tokio::test]
async fn a_disk_without_room_is_said_before_anything_is_written() {
    let mut backed = Backed::new().await;
    let name = backed.back_up("first").await;
    // A manifest that claims a dump of many petabytes: twice as much is free nowhere.
    change(&backed, &format!("{name}.manifest.json"), |manifest| {
        manifest["dump"]["bytes"] = (1_u64 << 60).into();
    });
    backed.set_clock("2026-11-24T02:00:00Z");
    let error = backed.dump("second", 1).await.unwrap_err().to_string();
    assert!(error.contains("are needed; hint: make room"), "{error}");
}
