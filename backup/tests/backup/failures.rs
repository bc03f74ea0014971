//! What goes wrong while a dump is made leaves no file that looks like one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crm_backup::{Leash, Tools, dump};
use devkit::Template;

use crate::world::World;

/// A folder with a `pg_dump` that is this script.
fn fake(world: &World, script: &str) -> Tools {
    let bin = world.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let program = bin.join("pg_dump");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    Tools::new(Some(bin))
}

fn target(world: &World) -> PathBuf {
    let folder = world.path().join("backups");
    fs::create_dir_all(&folder).unwrap();
    folder.join("crm_backup_20261123_020000.dump")
}

fn run(world: &World, tools: Tools, leash: Leash) -> tokio::task::JoinHandle<anyhow::Result<()>> {
    let (server, target) = (world.server.clone(), target(world));
    tokio::task::spawn_blocking(move || {
        dump(&tools, &server, "no-snapshot", &target, &leash).map(drop)
    })
}

fn left(world: &World) -> usize {
    fs::read_dir(target(world).parent().unwrap())
        .unwrap()
        .count()
}

#[tokio::test]
async fn a_pg_dump_that_fails_half_way_leaves_nothing_and_says_why() {
    let world = World::new(Template::Empty).await;
    let script = "printf PGDMP; head -c 100000 /dev/zero; echo 'pg_dump: error: server closed the connection' >&2; exit 1";
    let error = run(&world, fake(&world, script), Leash::default())
        .await
        .unwrap()
        .unwrap_err();
    assert!(
        format!("{error:#}").contains("server closed the connection"),
        "{error:#}"
    );
    assert_eq!(left(&world), 0);
}

#[tokio::test]
async fn a_pg_dump_that_is_killed_or_silent_leaves_nothing() {
    let world = World::new(Template::Empty).await;
    for script in ["printf PGDMP; kill -9 $$", "exit 1", "echo hello"] {
        assert!(
            run(&world, fake(&world, script), Leash::default())
                .await
                .unwrap()
                .is_err(),
            "{script}"
        );
        assert_eq!(left(&world), 0, "{script}");
    }
}

#[tokio::test]
async fn a_snapshot_that_is_gone_is_an_error_of_the_real_pg_dump() {
    let world = World::new(Template::Empty).await;
    let error = run(&world, Tools::default(), Leash::default())
        .await
        .unwrap()
        .unwrap_err();
    assert!(format!("{error:#}").contains("snapshot"), "{error:#}");
    assert_eq!(left(&world), 0);
}

#[tokio::test]
async fn a_pg_dump_that_hangs_is_ended_when_the_leash_is_cut() {
    let world = World::new(Template::Empty).await;
    let leash = Leash::default();
    let running = run(
        &world,
        fake(&world, "printf PGDMP; exec sleep 600"),
        leash.clone(),
    );
    while left(&world) == 0 {
        tokio::task::yield_now().await;
    }
    leash.cut();
    assert!(running.await.unwrap().is_err());
    assert_eq!(left(&world), 0);
}
