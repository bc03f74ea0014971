//! Draining: what runs may finish, what is left goes back, and it ends in time.

use std::time::Duration;

use devkit::Direction;
use rouage::{State, WorkerOptions};
use serde_json::Value;

use crate::stage::{Gate, Stage, act, eventually, numbered, options, play};

#[tokio::test]
async fn running_jobs_finish_and_waiting_ones_stay() {
    let stage = Stage::new().await;
    let gate = Gate::new();
    let worker = stage.work_with(gate.jobs(), options(2));
    stage.client.enqueue_many(&numbered(0..5)).await.unwrap();
    gate.arrived(2).await;
    worker.shutdown.drain.cancel();
    gate.open();
    worker.drain().await;
    assert_eq!(
        (
            stage.count(State::Completed).await,
            stage.count(State::Available).await
        ),
        (2, 3)
    );
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn guarantee_9_what_does_not_finish_in_the_grace_is_handed_back_with_its_attempt() {
    let stage = Stage::new().await;
    let deaf = play(|job, cx| async move {
        if job.part == "polite" {
            cx.sleep(Duration::from_secs(600)).await?;
        }
        std::future::pending().await
    });
    let impatient = WorkerOptions {
        grace: Duration::from_millis(100),
        ..options(4)
    };
    let worker = stage.work_with(deaf, impatient);
    let polite = stage.client.enqueue(&act("polite")).await.unwrap();
    let deaf = stage.client.enqueue(&act("deaf")).await.unwrap();
    stage.counts(State::Running, 2).await;
    worker.drain().await;
    for id in [&polite, &deaf] {
        let job = stage.job(id).await;
        assert_eq!((job.state, job.attempt, job.lost), (State::Available, 0, 0));
    }
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_second_signal_does_not_wait_for_the_grace() {
    let stage = Stage::new().await;
    let worker = stage.work(play(|_, _| async { std::future::pending().await }));
    let id = stage.client.enqueue(&act("endless")).await.unwrap();
    stage.reaches(&id, State::Running).await;
    worker.shutdown.now.cancel();
    worker.drain().await;
    assert_eq!(stage.job(&id).await.state, State::Available);
}

#[tokio::test]
async fn a_hundred_jobs_in_flight_are_all_acknowledged_on_the_way_out() {
    let stage = Stage::new().await;
    let gate = Gate::new();
    let worker = stage.work_with(gate.jobs(), options(300));
    stage.client.enqueue_many(&numbered(0..300)).await.unwrap();
    gate.arrived(300).await;
    worker.shutdown.drain.cancel();
    gate.open();
    worker.drain().await;
    assert_eq!(stage.count(State::Completed).await, 300);
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_worker_whose_slots_are_taken_is_not_late() {
    let stage = Stage::new().await;
    let gate = Gate::new();
    let worker = stage.work_with(gate.jobs(), options(1));
    stage.client.enqueue(&act("long")).await.unwrap();
    // It runs, so the answer that brought it was read: from here on there is nothing to ask.
    gate.arrived(1).await;
    assert_eq!(worker.pulse.late(Duration::ZERO), []);
    gate.open();
    eventually("with a free slot an answer is due", || async {
        (worker.pulse.late(Duration::ZERO).len() == 1).then_some(())
    })
    .await;
    worker.drain().await;
}

#[tokio::test]
async fn a_worker_that_gets_no_answer_is_late_until_it_gets_one() {
    let stage = Stage::new().await;
    let proxy = stage.proxy().await;
    let registry = play(|_, _| async { Ok(Value::Null) });
    let worker = stage.work_through(&proxy, registry, options(1)).await;
    let limit = options(1).idle_poll * 2;
    let late = || async { (worker.pulse.late(limit).len() == 1).then_some(()) };
    proxy.hold(Direction::ToClient);
    eventually("it is late", late).await;
    proxy.pass();
    eventually("it is not late any more", || async {
        late().await.is_none().then_some(())
    })
    .await;
    worker.drain().await;
}
