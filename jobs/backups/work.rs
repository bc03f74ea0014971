//! Work that blocks a thread, and ends when its job is stopped.

use std::future::Future;
use std::pin::pin;

use anyhow::Context;
use crm_backup::Leash;
use rouage::{JobContext, JobError};
use tokio::task;

/// Runs it aside.
pub(super) async fn blocking<T: Send + 'static>(
    cx: &JobContext,
    work: impl FnOnce(&Leash) -> T + Send + 'static,
) -> Result<T, JobError> {
    let leash = Leash::default();
    let working = task::spawn_blocking({
        let leash = leash.clone();
        move || work(&leash)
    });
    let done = leashed(cx, &leash, working).await?;
    Ok(done.context("finish the work")?)
}

/// Lets it run; cuts the leash when the job is stopped, and waits until the work has tidied up.
pub(super) async fn leashed<T>(
    cx: &JobContext,
    leash: &Leash,
    working: impl Future<Output = T>,
) -> Result<T, JobError> {
    let mut working = pin!(working);
    tokio::select! {
        biased;
        done = &mut working => Ok(done),
        () = cx.token().cancelled() => {
            leash.cut();
            working.await;
            Err(JobError::Cancelled)
        }
    }
}
