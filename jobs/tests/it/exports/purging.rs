//! Files whose time is over, and what killed attempts left.

use std::fs::File;
use std::time::{Duration, SystemTime};

use crm_job_contract::exports::{PurgeExpired, PurgedFiles};
use crm_jobs::exports::PurgeExpiredHandler;
use devkit::crm;
use rouage::{Handler, Job, JobContext, JobId};

use crate::world::{NOW, World, again, context, people};

async fn purge(world: &World) -> PurgedFiles {
    let cx = JobContext::new(
        JobId::generate(),
        PurgeExpired::KIND,
        PurgeExpired::QUEUE,
        1,
        3,
    );
    PurgeExpiredHandler::new(world.services.clone())
        .run(PurgeExpired {}, &cx)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_file_is_removed_when_its_time_is_over_and_not_before() {
    let world = World::small().await;
    let (old, young) = (context(1), context(1));
    for cx in [&old, &young] {
        world.attempt(cx, people(crm::ADMIN_ID)).await.unwrap();
    }
    assert_eq!(purge(&world).await, PurgedFiles::default());
    sqlx::query("UPDATE worker.exports SET expires_at = $1::text::timestamptz WHERE job_id = $2")
        .bind(NOW)
        .bind(old.id().as_str())
        .execute(world.pool())
        .await
        .unwrap();
    let purged = purge(&world).await;
    assert_eq!((purged.expired, purged.files, purged.parts), (1, 1, 0));
    assert_eq!(world.files(), [format!("{}.csv", young.id())]);
    assert_eq!(
        world.record(old.id(), "status").await.as_deref(),
        Some("expired")
    );
    // Asked for once more, it is made anew.
    world
        .attempt(&again(old.id(), 2), people(crm::ADMIN_ID))
        .await
        .unwrap();
    assert_eq!(purge(&world).await, PurgedFiles::default());
    assert_eq!(world.files().len(), 2);
}

#[tokio::test]
async fn parts_of_dead_attempts_and_files_of_failed_jobs_go_and_everything_else_stays() {
    let world = World::small().await;
    let failed = context(1);
    world
        .attempt(&failed, people(crm::INACTIVE_ID))
        .await
        .unwrap_err();
    let dir = &world.services.exports.dir;
    let now: SystemTime = chrono::DateTime::parse_from_rfc3339(NOW).unwrap().into();
    for (name, minutes) in [
        (".dead.aBcDeF.part", 61),
        (".alive.aBcDeF.part", 59),
        (&format!("{}.csv", failed.id()), 0),
        ("somebody-else.csv", 1_000_000),
        ("README", 1_000_000),
    ] {
        let file = File::create(dir.join(name)).unwrap();
        file.set_modified(now - Duration::from_secs(60 * minutes))
            .unwrap();
    }
    let purged = purge(&world).await;
    assert_eq!((purged.expired, purged.files, purged.parts), (0, 1, 1));
    let mut left = world.files();
    left.sort();
    assert_eq!(left, [".alive.aBcDeF.part", "README", "somebody-else.csv"]);
}
