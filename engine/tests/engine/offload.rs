//! Large payloads beside Redis, with a store in memory that can be away.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rouage::payloads::{LargePayload, LoadError, PayloadStore, StoreFailure, StoredPayload};
use rouage::{ClientError, Job, JobId, Registry, State};
use serde_json::{Value, json};

use crate::stage::{Act, Running, Stage, act, options, play};

/// Payloads above this are offloaded here.
const ABOVE: usize = 1000;

#[derive(Debug, Default)]
struct Shelf {
    payloads: Mutex<HashMap<String, (LargePayload, Vec<u8>)>>,
    /// What was found unused before.
    unused: Mutex<Vec<String>>,
    away: AtomicBool,
}

impl Shelf {
    fn answer<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce() -> T,
    ) -> BoxFuture<'a, Result<T, StoreFailure>> {
        let answer = if self.away.load(Ordering::SeqCst) {
            Err("away".into())
        } else {
            Ok(work())
        };
        std::future::ready(answer).boxed()
    }

    fn ids(&self) -> Vec<String> {
        self.payloads.lock().unwrap().keys().cloned().collect()
    }
}

impl PayloadStore for Shelf {
    fn store<'a>(
        &'a self,
        payloads: &'a [LargePayload],
    ) -> BoxFuture<'a, Result<(), StoreFailure>> {
        self.answer(|| {
            let rows = payloads.iter().map(|payload| {
                let bytes = payload.json.get().as_bytes().to_vec();
                (payload.id.clone(), (payload.clone(), bytes))
            });
            self.payloads.lock().unwrap().extend(rows);
        })
    }

    fn load<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreFailure>> {
        self.answer(|| {
            let payloads = self.payloads.lock().unwrap();
            payloads.get(id).map(|(_, bytes)| bytes.clone())
        })
    }

    fn to_look_at(&self, most: usize) -> BoxFuture<'_, Result<Vec<StoredPayload>, StoreFailure>> {
        self.answer(|| {
            let payloads = self.payloads.lock().unwrap();
            let stored = payloads.values().map(|(payload, _)| StoredPayload {
                id: payload.id.clone(),
                queue: payload.queue.clone(),
                job: payload.job.clone(),
            });
            stored.take(most).collect()
        })
    }

    fn looked_at<'a>(
        &'a self,
        unused: &'a [String],
        _used: &'a [String],
    ) -> BoxFuture<'a, Result<u64, StoreFailure>> {
        self.answer(|| {
            let before = std::mem::replace(&mut *self.unused.lock().unwrap(), unused.to_vec());
            let twice = unused.iter().filter(|id| before.contains(id));
            let mut payloads = self.payloads.lock().unwrap();
            twice.filter(|id| payloads.remove(*id).is_some()).count() as u64
        })
    }
}

/// A stage whose client has a shelf.
async fn stage() -> (Stage, Arc<Shelf>) {
    let mut stage = Stage::new().await;
    let shelf = Arc::new(Shelf::default());
    stage.client = stage.client.with_payloads(shelf.clone(), ABOVE);
    (stage, shelf)
}

fn large() -> Act {
    act(&"é".repeat(ABOVE))
}

/// Answers how long the text is that arrived.
fn measure(stage: &Stage) -> Running {
    stage.work(play(
        |job, _| async move { Ok(json!(job.part.chars().count())) },
    ))
}

async fn envelope_of(stage: &Stage, id: &JobId) -> String {
    stage.redis(&["HGET", "test:{test}:job", id.as_str()]).await
}

#[tokio::test]
async fn a_large_payload_arrives_whole_and_is_not_in_redis() {
    let (stage, shelf) = stage().await;
    let id = stage.client.enqueue(&large()).await.unwrap();
    let envelope = envelope_of(&stage, &id).await;
    assert!(envelope.len() < 500, "{envelope}");
    assert!(envelope.starts_with(r#"{"v":2,"#), "{envelope}");
    let worker = measure(&stage);
    let done = stage.reaches(&id, State::Completed).await;
    assert_eq!(done.result, Some(json!(ABOVE)));
    assert_eq!(done.payload, None);
    assert!(
        done.payload_bytes > 2 * ABOVE,
        "{} bytes",
        done.payload_bytes
    );
    let payload: Value = stage.client.payload(&done).await.unwrap().unwrap();
    assert_eq!(payload["part"], large().part);
    assert_eq!(shelf.ids().len(), 1);
    worker.drain().await;
    stage.fsck_is_clean().await;
}

#[tokio::test]
async fn a_small_payload_stays_where_older_releases_find_it() {
    let (stage, shelf) = stage().await;
    let id = stage.client.enqueue(&act("small")).await.unwrap();
    let envelope = envelope_of(&stage, &id).await;
    assert!(envelope.starts_with(r#"{"v":1,"#), "{envelope}");
    let job = stage.job(&id).await;
    assert_eq!(stage.client.payload(&job).await.unwrap(), job.payload);
    assert!(shelf.ids().is_empty());
}

#[tokio::test]
async fn nothing_is_enqueued_whose_payload_was_not_stored() {
    let (stage, shelf) = stage().await;
    shelf.away.store(true, Ordering::SeqCst);
    let refused = stage.client.enqueue_many(&[act("small"), large()]).await;
    assert!(
        matches!(refused, Err(ClientError::Payloads(_))),
        "{refused:?}"
    );
    let stored: u64 = stage.redis(&["HLEN", "test:{test}:job"]).await;
    assert_eq!(stored, 0);
}

#[tokio::test]
async fn a_store_that_is_away_costs_no_attempt() {
    let (stage, shelf) = stage().await;
    let id = stage.client.enqueue(&large()).await.unwrap();
    shelf.away.store(true, Ordering::SeqCst);
    let worker = measure(&stage);
    let waits = stage.reaches(&id, State::Scheduled).await;
    assert_eq!(waits.attempt, 0);
    shelf.away.store(false, Ordering::SeqCst);
    // Ahead of its time, so that the test need not wait for it.
    stage.client.retry(Act::QUEUE, &id).await.unwrap();
    let done = stage.reaches(&id, State::Completed).await;
    assert_eq!(done.attempt, 1);
    worker.drain().await;
}

#[tokio::test]
async fn a_payload_that_is_gone_or_changed_holds_its_job() {
    let (stage, shelf) = stage().await;
    let gone = stage.client.enqueue(&large()).await.unwrap();
    shelf.payloads.lock().unwrap().clear();
    let changed = stage.client.enqueue(&large()).await.unwrap();
    for (_, bytes) in shelf.payloads.lock().unwrap().values_mut() {
        // Still JSON, still as long.
        bytes[19..21].copy_from_slice(b"xy");
    }
    let worker = measure(&stage);
    for (id, why) in [
        (gone, "is not in the store"),
        (changed, "is not what was stored"),
    ] {
        let job = stage.reaches(&id, State::Held).await;
        assert_eq!(job.reason, "undecodable");
        assert!(job.last_message().contains(why), "{}", job.last_message());
    }
    worker.drain().await;
}

#[tokio::test]
async fn a_worker_without_a_store_holds_what_it_cannot_read() {
    let (with_store, _shelf) = stage().await;
    let id = with_store.client.enqueue(&large()).await.unwrap();
    let plain = rouage::Client::with_link(
        with_store.client.link().clone(),
        with_store.client.keyspace().clone(),
    );
    let job = with_store.job(&id).await;
    assert!(matches!(plain.payload(&job).await, Err(LoadError::NoStore)));
    let registry: Registry = play(|_, _| async { unreachable!("it has no payload") });
    let worker = Running::start(rouage::Worker::new(plain, registry, options(1)).unwrap());
    let held = with_store.reaches(&id, State::Held).await;
    assert!(
        held.last_message().contains("no store for payloads"),
        "{}",
        held.last_message()
    );
    worker.drain().await;
}

#[tokio::test]
async fn payloads_whose_job_is_gone_are_collected_and_no_others() {
    let (stage, shelf) = stage().await;
    let kept = stage.client.enqueue(&large()).await.unwrap();
    let twin = stage.client.enqueue(&large()).id(kept.clone());
    // Stored, and then the job was there already: nothing refers to the second payload.
    assert_eq!(twin.await.unwrap(), kept);
    let lost = stage.client.enqueue(&large()).await.unwrap();
    let () = stage
        .redis(&["HDEL", "test:{test}:job", lost.as_str()])
        .await;
    assert_eq!(shelf.ids().len(), 3);
    let first = stage.client.collect_payloads(500).await.unwrap();
    assert_eq!((first.looked_at, first.removed), (3, 0));
    let second = stage.client.collect_payloads(500).await.unwrap();
    assert_eq!((second.looked_at, second.removed), (3, 2));
    let job = stage.job(&kept).await;
    assert_eq!(shelf.ids(), [job.offloaded.clone().unwrap().id]);
    assert!(stage.client.payload(&job).await.unwrap().is_some());
}
