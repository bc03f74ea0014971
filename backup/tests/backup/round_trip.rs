//! What was dumped comes back, sealed or not, and the snapshot is what counts.

use crm_backup::{
    Archive, Identities, Leash, Manifest, Recipients, Sealed, drill, occupants, restore, seal,
    verify,
};
use devkit::Template;

use crate::world::{World, checksums};

#[tokio::test]
async fn a_restored_database_equals_its_source_row_by_row() {
    let world = World::new(Template::Small).await;
    let (manifest, archive) = world.back_up(1).await;
    let contents = verify(&world.tools, &archive, &manifest, &Leash::default()).unwrap();
    assert!(
        contents.tables.len() > 50 && contents.total() > 100,
        "{contents:?}"
    );
    let target = world.empty_database("restored_plain").await;
    assert_eq!(occupants(&target).await.unwrap().1, 0);
    let (tools, into) = (world.tools.clone(), target.clone());
    let restoring = tokio::task::spawn_blocking(move || {
        restore(&tools, &into, &archive, false, &Leash::default())
    });
    restoring.await.unwrap().unwrap();
    assert!(occupants(&target).await.unwrap().1 > 50);
    assert_eq!(checksums(&target).await, checksums(&world.server).await);
}

#[tokio::test]
async fn rows_that_are_written_while_it_is_dumped_are_not_in_it() {
    let world = World::new(Template::Small).await;
    let tables = vec!["users".to_owned()];
    let snapshot = crm_backup::Snapshot::begin(&world.server, &tables)
        .await
        .unwrap();
    world
        .execute("DELETE FROM notifications; UPDATE users SET email = 'late-' || id")
        .await;
    let target = world.path().join("late.dump");
    let (tools, server, id) = (
        world.tools.clone(),
        world.server.clone(),
        snapshot.id.clone(),
    );
    let into = target.clone();
    let dumping = tokio::task::spawn_blocking(move || {
        crm_backup::dump(&tools, &server, &id, &into, &Leash::default())
    });
    dumping.await.unwrap().unwrap();
    snapshot.end().await;
    let archive = Archive::new(target, None).unwrap();
    let contents = crm_backup::Contents::read(&world.tools, &archive, &Leash::default()).unwrap();
    assert!(contents.rows("notifications").unwrap() > 0);
}

#[tokio::test]
async fn a_sealed_dump_is_verified_and_restored_without_being_written_in_the_clear() {
    let world = World::new(Template::Small).await;
    let (mut manifest, plain) = world.back_up(2).await;
    let (mine, public) = Identities::generate();
    let recipients = Recipients::parse([public.as_str()]).unwrap();
    let target = manifest.name.sealed(world.path());
    let leash = Leash::default();
    let dump = seal(plain.path(), &target, &recipients, &manifest.dump, &leash).unwrap();
    manifest.sealed = Some(Sealed {
        recipients: recipients.names(),
        dump,
        uploads: None,
    });
    std::fs::remove_file(plain.path()).unwrap();
    let archive = Archive::new(&target, Some(mine)).unwrap();
    verify(&world.tools, &archive, &manifest, &leash).unwrap();
    let into = world.empty_database("restored_sealed").await;
    let (tools, server) = (world.tools.clone(), into.clone());
    let restoring =
        tokio::task::spawn_blocking(move || restore(&tools, &server, &archive, false, &leash));
    restoring.await.unwrap().unwrap();
    assert_eq!(checksums(&into).await, checksums(&world.server).await);
    let (stranger, _) = Identities::generate();
    let archive = Archive::new(&target, Some(stranger)).unwrap();
    let error = verify(&world.tools, &archive, &manifest, &Leash::default()).unwrap_err();
    assert!(
        error.to_string().contains("none of the keys opens it"),
        "{error}"
    );
}

#[tokio::test]
async fn a_restore_over_other_tables_replaces_them_whole_or_changes_nothing() {
    let world = World::new(Template::Small).await;
    let (_, archive) = world.back_up(3).await;
    let before = checksums(&world.server).await;
    world.execute("DELETE FROM notifications; CREATE TABLE mine (id int); CREATE VIEW blocks AS SELECT id FROM people").await;
    let run = async |replace| {
        let (tools, server, archive) = (world.tools.clone(), world.server.clone(), archive.clone());
        let restoring = tokio::task::spawn_blocking(move || {
            restore(&tools, &server, &archive, replace, &Leash::default())
        });
        restoring.await.unwrap()
    };
    // The view stands in the way: nothing at all is changed.
    let error = format!("{:#}", run(true).await.unwrap_err());
    assert!(error.contains("pg_restore"), "{error}");
    assert!(run(false).await.is_err());
    world.execute("DROP VIEW blocks").await;
    run(true).await.unwrap();
    let after = checksums(&world.server).await;
    let theirs: Vec<_> = after
        .iter()
        .filter(|(table, ..)| table != "public.mine")
        .cloned()
        .collect();
    assert_eq!(theirs, before);
    assert_eq!(after.len(), before.len() + 1);
}

#[tokio::test]
async fn a_drill_restores_counts_and_leaves_no_database_behind() {
    let world = World::new(Template::Small).await;
    let (manifest, archive) = world.back_up(4).await;
    let start = format!("crm_worker_drill_{}_", world.server.database());
    world
        .execute(&format!("CREATE DATABASE {start}leftover0000"))
        .await;
    world
        .execute(&format!("CREATE DATABASE {start}x_stranger0000"))
        .await;
    let run = async |manifest: &Manifest| {
        drill(
            &world.tools,
            &world.server,
            &archive,
            manifest,
            "abcdefabcdef",
            &Leash::default(),
        )
        .await
    };
    let drilled = run(&manifest).await.unwrap();
    assert_eq!(drilled.rows, manifest.rows);
    let mut wrong = manifest.clone();
    *wrong.rows.get_mut("users").unwrap() += 1;
    let error = run(&wrong).await.unwrap_err().to_string();
    assert!(error.starts_with("table users came back with "), "{error}");
    assert_eq!(
        world.databases(&start).await,
        [format!("{start}x_stranger0000")]
    );
}
