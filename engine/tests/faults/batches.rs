//! Batches and chains under workers and couriers that die: nothing is lost, no callback comes twice.

use rouage::faults::Point;
use rouage::{Batch, BatchView, JobId, NewJob};

use crate::process::LedgerWorker;
use crate::scene::{BRIEF_LEASE_MS, Scene, entries, entry};
use crate::stage::eventually;

/// The signal of `abort`.
const ABORTED: i32 = 6;
const NAME: &str = "campaign:12";

/// Members in two queues, turn by turn.
fn members(count: usize, ms: u64) -> Vec<NewJob> {
    let mut jobs = entries(count, ms);
    for job in jobs.iter_mut().skip(1).step_by(2) {
        "annex".clone_into(&mut job.queue);
        "annex.entry".clone_into(&mut job.envelope.kind);
    }
    jobs
}

async fn open(scene: &Scene) -> Batch {
    let batch = scene
        .client
        .batch(NAME)
        .on_success_job(entry(r#"{"ms":0}"#));
    let batch = batch.on_complete_job(entry(r#"{"ms":0}"#));
    batch.await.unwrap()
}

async fn add(scene: &mut Scene, batch: &Batch, jobs: Vec<NewJob>) {
    let stored = batch.add_all(jobs).await.unwrap();
    let ids = stored.into_iter().map(|job| job.id.to_string());
    scene.acknowledged.extend(ids);
}

/// Everything ran, each callback was enqueued once, and the batch says so.
async fn ends_well(scene: &mut Scene, members: u64) -> BatchView {
    let view = eventually(
        "the batch is finished and its callbacks are enqueued",
        || async {
            let view = scene.client.batch_view(NAME).await.unwrap()?;
            let sent = |callback: &Option<rouage::Callback>| callback.as_ref()?.enqueued;
            (sent(&view.on_success).is_some() && sent(&view.on_complete).is_some()).then_some(view)
        },
    )
    .await;
    assert_eq!((view.completed, view.pending, view.failed), (members, 0, 0));
    for name in ["success", "complete"] {
        scene.acknowledged.push(format!("campaign.12.{name}"));
    }
    let stored = scene.acknowledged.len() as u64;
    let enqueued = eventually("all are completed", || async {
        let mut sums = (0, 0);
        for queue in ["ledger", "annex"] {
            let view = scene.client.queue_view(queue).await.unwrap();
            sums = (sums.0 + view.completed_total, sums.1 + view.enqueued_total);
        }
        (sums.0 >= stored).then_some(sums.1)
    })
    .await;
    assert_eq!(enqueued, stored, "nothing was enqueued twice");
    view
}

async fn judge(scene: &Scene, repeated: usize) {
    scene.ledger().judge(&scene.acknowledged, repeated);
    let report = scene.client.fsck().await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.violations);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_thousands_over_two_queues_survives_workers_that_are_killed() {
    let mut scene = Scene::new().await;
    let batch = open(&scene).await;
    let mut jobs = members(2_000, 20);
    let rest = jobs.split_off(1_200);
    add(&mut scene, &batch, jobs).await;
    let mut workers = vec![scene.worker(), scene.worker()];
    for round in 1..=4 {
        scene.started(round * 150).await;
        workers.remove(0).kill();
        workers.push(scene.worker());
    }
    add(&mut scene, &batch, rest).await;
    batch.seal().await.unwrap();
    ends_well(&mut scene, 2_000).await;
    // What ran in the killed ones, and what had ended there and was not acknowledged yet.
    judge(&scene, 4 * 400).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_of_five_survives_workers_that_are_killed() {
    let mut scene = Scene::new().await;
    let mut jobs = members(5, 300).into_iter();
    let first = jobs.next().unwrap();
    let ids = (1..5).map(|n| format!("{}.{n}", first.id));
    let ids: Vec<String> = std::iter::once(first.id.to_string()).chain(ids).collect();
    let mut worker = scene.worker();
    scene.enqueue(vec![jobs.fold(first, NewJob::then)]).await;
    // In the first step, and in the second one after the first ran again.
    for started in [1, 3] {
        scene.started(started).await;
        worker.kill();
        worker = scene.worker();
    }
    scene.acknowledged = ids;
    eventually("the last step is completed", || async {
        let last: JobId = scene.acknowledged[4].parse().unwrap();
        let job = scene.client.find(&last).await.unwrap()?;
        job.state.is_final().then_some(())
    })
    .await;
    judge(&scene, 2).await;
    drop(worker);
}

/// Kills a courier at the point; another one finishes.
async fn courier_killed_at(point: Point, visit: &str) {
    let mut scene = Scene::new().await;
    let batch = open(&scene).await;
    let mut jobs = members(40, 5).into_iter();
    let last = jobs.next_back().unwrap();
    let chain = jobs.next().unwrap().then(last);
    let step = format!("{}.1", chain.id);
    add(&mut scene, &batch, jobs.chain([chain]).collect()).await;
    batch.seal().await.unwrap();
    scene.acknowledged.push(step);
    let mut victim = scene.worker_with(&[BRIEF_LEASE_MS, point.name(), visit]);
    let signal = eventually("it died", || std::future::ready(victim.ended_by_signal()));
    assert_eq!(signal.await, ABORTED);
    let _heir: LedgerWorker = scene.worker();
    ends_well(&mut scene, 40).await;
    judge(&scene, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_courier_that_dies_before_it_enqueues_what_follows_is_repeated() {
    courier_killed_at(Point::AfterTell, "1").await;
    courier_killed_at(Point::AfterTell, "3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_courier_that_dies_before_it_forgets_what_it_told_is_repeated_without_effect() {
    courier_killed_at(Point::BeforeForget, "1").await;
    courier_killed_at(Point::BeforeForget, "3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_courier_that_dies_when_a_callback_is_enqueued_does_not_enqueue_it_twice() {
    courier_killed_at(Point::BeforeSent, "1").await;
}
