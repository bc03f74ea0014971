//! How a breaker finds out that the trouble is over.

use rouage::State;
use rouage::inspect::BreakerState;

use super::{Call, World, becomes, breaker, calls, one_waits};
use crate::stage::{Gate, Stage, eventually};

#[tokio::test]
async fn three_workers_let_exactly_the_probes_through_and_then_everything() {
    let stage = Stage::new().await;
    let gate = Gate::new();
    let world = World {
        gate: Some(gate.clone()),
        ..World::broken()
    };
    let workers = [(); 3].map(|()| stage.work(world.handlers::<200>()));
    stage.client.enqueue_many(&calls::<200>(4)).await.unwrap();
    becomes(&stage, "test.call", BreakerState::Open).await;
    one_waits(&stage, Call::<200>::default).await;
    world.repair();
    let before = stage.client.enqueue_many(&calls::<200>(20)).await.unwrap();
    gate.arrived(2).await;
    let probing = stage.client.list("test", State::Running, 0, 10);
    let since = probing.await.unwrap().iter().map(|job| job.started).max();
    eventually("all others asked again while both probes ran", || async {
        for job in &before {
            let job = stage.job(&job.id).await;
            if job.state != State::Running && Some(job.started) <= since {
                return None;
            }
        }
        Some(())
    })
    .await;
    let view = becomes(&stage, "test.call", BreakerState::HalfOpen).await;
    assert_eq!((view.probes_running, view.probes_passed), (2, 0));
    gate.open();
    becomes(&stage, "test.call", BreakerState::Closed).await;
    eventually("everything that waited has run", || async {
        (stage.count(State::Scheduled).await == 0 && stage.completed().await >= 20).then_some(())
    })
    .await;
    for worker in workers {
        worker.drain().await;
    }
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_failed_probe_opens_the_breaker_again_for_longer() {
    let stage = Stage::new().await;
    let world = World::broken();
    let worker = stage.work(world.handlers::<200>());
    stage.client.enqueue_many(&calls::<200>(30)).await.unwrap();
    eventually("it opened a third time, for 800 ms", || async {
        let view = breaker(&stage, "test.call").await?;
        (view.openings >= 3 && view.wait_ms > 400).then_some(())
    })
    .await;
    world.repair();
    becomes(&stage, "test.call", BreakerState::Closed).await;
    stage.counts(State::Scheduled, 0).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_probe_whose_worker_died_does_not_block_its_place_for_ever() {
    let stage = Stage::new().await;
    let world = World::default();
    let (hash, probes) = (
        "test:breaker:{test.call}:state",
        "test:breaker:{test.call}:probes",
    );
    // Half-open since long ago, and both places lent to a worker that is gone.
    let () = stage
        .redis(&["HSET", hash, "until", "1000", "openings", "1"])
        .await;
    let far = "99999999999999";
    let () = stage.redis(&["ZADD", probes, far, "one", far, "two"]).await;
    let worker = stage.work(world.handlers::<200>());
    stage.client.enqueue_many(&calls::<200>(3)).await.unwrap();
    stage.counts(State::Scheduled, 3).await;
    let view = becomes(&stage, "test.call", BreakerState::HalfOpen).await;
    assert_eq!((view.probes_running, world.starts()), (2, 0));
    let () = stage
        .redis(&["ZADD", probes, "1000", "one", "1000", "two"])
        .await;
    becomes(&stage, "test.call", BreakerState::Closed).await;
    stage.counts(State::Completed, 3).await;
    worker.drain().await;
    stage.fsck_is_clean().await;
}
