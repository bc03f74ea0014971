//! Relays that are killed at any moment, while jobs end and are forgotten as fast as they come.
//!
//! The oracle is not Redis, which forgets: it is the history, one row a job that ended, and the
//! queue's own count of what it ever stored.

use std::time::Duration;

use devkit::Template;
use sqlx::PgPool;

use super::{relayed, stored, write};
use crate::world::{Worker, World, eventually};

/// Rows of one test.
const ROWS: i64 = 6000;
/// Rows of one transaction.
const AT_ONCE: i64 = 60;

/// A relay that is not waited for: it may be killed while it starts.
fn relay(world: &World) -> Worker {
    Worker::spawn(world.command().args(["run", "--roles", "outbox"]))
}

/// Jobs in the history, and different ones among them.
async fn ended(database: &PgPool) -> (i64, i64) {
    sqlx::query_as("SELECT count(*), count(DISTINCT job_id) FROM worker.job_runs")
        .fetch_one(database)
        .await
        .unwrap()
}

#[tokio::test]
async fn relays_that_are_killed_again_and_again_lose_and_double_nothing() {
    let world = World::new(Template::Empty).await;
    let database = world.database().await;
    // What is done is forgotten at once: a row that is relayed again is not known by its job.
    let _worker = Worker::start(
        world
            .command()
            .env("CRM_WORKER__RETENTION__COMPLETED_JOBS", "0")
            .env("CRM_WORKER__WORKER__QUEUES__DEBUG", "50")
            .args(["run", "--roles", "worker"]),
    );
    let mut kills = 0;
    let mut victim = relay(&world);
    for start in (0..ROWS).step_by(AT_ONCE as usize) {
        write(&database, start..start + AT_ONCE).await;
        let moment = Duration::from_micros(rand_below(30_000));
        tokio::time::sleep(moment).await;
        // Not each time, so that some live long enough to relay.
        if start / AT_ONCE % 4 == 3 {
            victim.signal("KILL");
            victim = relay(&world);
            kills += 1;
        }
    }
    relayed(&database).await;
    assert!(kills >= 20, "{kills}");
    let client = world.client().await;
    eventually("all jobs are in the history", || async {
        (ended(&database).await.1 == ROWS).then_some(())
    })
    .await;
    assert_eq!(ended(&database).await, (ROWS, ROWS));
    assert_eq!(stored(&client).await, ROWS as u64);
    let report = client.fsck().await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.violations);
    drop(victim);
}

/// A number that differs from run to run; which one does not matter.
fn rand_below(most: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(most) % most
}
