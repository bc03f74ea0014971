//! Batches: their callbacks and progress, what steers them, and what a death leaves behind.

mod deaths;
mod ends;
mod steering;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rouage::{Batch, BatchView, Client, Job, JobError, Registry, WorkerOptions};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::stage::{Act, Running, Stage, act, eventually, options, play};

/// A job of another kind in another queue.
#[derive(Serialize, Deserialize)]
struct Other;

impl Job for Other {
    type Output = ();
    const KIND: &'static str = "other.act";
    const QUEUE: &'static str = "other";
}

/// What ran besides the numbered jobs, and whether jobs named `bad` fail for good.
#[derive(Clone, Default)]
struct Log {
    ran: Arc<Mutex<Vec<String>>>,
    mended: Arc<AtomicBool>,
}

impl Log {
    fn registry(&self) -> Registry {
        let log = self.clone();
        play(move |job, _| {
            let log = log.clone();
            async move {
                if job.part == "bad" && !log.mended.load(Ordering::Relaxed) {
                    return Err(JobError::discard("bad"));
                }
                if job.part != "count" {
                    log.ran.lock().unwrap().push(job.part);
                }
                Ok(json!(null))
            }
        })
        .function(|_: Other, _| async { Ok::<(), JobError>(()) })
    }

    fn ran(&self) -> Vec<String> {
        let mut ran = self.ran.lock().unwrap().clone();
        ran.sort();
        ran
    }

    async fn reads(&self, parts: &[&str]) {
        eventually(&format!("the log reads {parts:?}"), || async {
            (self.ran() == parts).then_some(())
        })
        .await;
    }
}

fn work(stage: &Stage, registry: Registry) -> Running {
    let queues = vec![(Act::QUEUE.to_owned(), 4), (Other::QUEUE.to_owned(), 4)];
    stage.work_with(
        registry,
        WorkerOptions {
            queues,
            ..options(4)
        },
    )
}

const NAME: &str = "campaign:12";

async fn open(client: &Client) -> Batch {
    let batch = client.batch(NAME).tag("team:3").on_success(&act("success"));
    batch.on_complete(&act("complete")).await.unwrap()
}

async fn view(client: &Client) -> BatchView {
    let view = client.batch_view(NAME).await.unwrap();
    view.expect("the batch is known")
}

async fn sees(client: &Client, what: &str, wanted: impl Fn(&BatchView) -> bool) -> BatchView {
    eventually(what, || async {
        let view = view(client).await;
        wanted(&view).then_some(view)
    })
    .await
}

async fn finishes(client: &Client) -> BatchView {
    sees(client, "the batch finishes", |view| view.finished.is_some()).await
}

/// Jobs that were ever stored in the first queue.
async fn enqueued(stage: &Stage) -> u64 {
    stage
        .redis(&["HGET", "test:{test}:count", "enqueued"])
        .await
}
