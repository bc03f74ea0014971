//! The outbox while Redis or the database is away.

use devkit::Template;

use super::{names, relay, relayed, stored, waiting, write};
use crate::world::{World, eventually, get};

#[tokio::test]
async fn what_was_written_while_redis_was_away_arrives_once_and_in_order() {
    let mut world = World::new(Template::Empty).await;
    let database = world.database().await;
    let relay = relay(&world);
    write(&database, 0..100).await;
    relayed(&database).await;
    world.redis.kill().unwrap();
    for start in (100..1500).step_by(100) {
        write(&database, start..start + 100).await;
    }
    relay.logged("jobs are not relayed, trying again");
    world.redis.restart().unwrap();
    relayed(&database).await;
    relay.logged("jobs are relayed again");
    assert_eq!(waiting(&world), names(0..1500));
    assert_eq!(stored(&world.client().await).await, 1500);
}

#[tokio::test]
async fn a_relay_goes_on_whenever_its_connections_are_cut() {
    let world = World::new(Template::Empty).await;
    let database = world.database().await;
    let relay = relay(&world);
    for start in (0..4000).step_by(200) {
        write(&database, start..start + 200).await;
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'crm-worker'",
        )
        .execute(&database)
        .await
        .unwrap();
    }
    relayed(&database).await;
    assert_eq!(waiting(&world), names(0..4000));
    eventually("it is ready", || async {
        (get(relay.port(), "/readyz").status == 200).then_some(())
    })
    .await;
}
