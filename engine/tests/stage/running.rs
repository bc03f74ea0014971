//! A worker in this process, and waiting for what it does.
//!
//! The part of the kit that the topologies' tests share: they have their own jobs and servers.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use rouage::{Pulse, Shutdown, Worker};
use tokio::task::JoinHandle;

/// Nothing in these tests takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// The same for what takes long because there is so much of it.
const LONG_PATIENCE: Duration = Duration::from_secs(300);

/// Polls an observable condition; the interval only bounds how late it is noticed.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    look: impl FnMut() -> F,
) -> T {
    within(PATIENCE, what, look).await
}

/// The same with the patience that a million jobs need.
pub(crate) async fn in_the_long_run<T, F: Future<Output = Option<T>>>(
    what: &str,
    look: impl FnMut() -> F,
) -> T {
    within(LONG_PATIENCE, what, look).await
}

async fn within<T, F: Future<Output = Option<T>>>(
    patience: Duration,
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(patience, looking)
        .await
        .unwrap_or_else(|_| panic!("timed out: {what}"))
}

/// Waits until the worker's fetch loop got another answer.
pub(crate) async fn another_answer(pulse: &Pulse) {
    let age = || pulse.late(Duration::ZERO).first().map(|(_, age)| *age);
    let last = Cell::new(age());
    eventually("the fetch loop gets an answer", || {
        let now = age();
        std::future::ready((now < last.replace(now)).then_some(()))
    })
    .await;
}

/// A worker in this process.
pub(crate) struct Running {
    pub(crate) shutdown: Shutdown,
    pub(crate) pulse: Pulse,
    task: JoinHandle<Result<(), rouage::WorkerError>>,
}

impl Running {
    #[expect(clippy::disallowed_methods, reason = "the test owns it and drains it")]
    pub(crate) fn start(worker: Worker) -> Self {
        let shutdown = Shutdown::default();
        let pulse = worker.pulse();
        let task = tokio::spawn(worker.run(shutdown.clone()));
        Self {
            shutdown,
            pulse,
            task,
        }
    }

    pub(crate) async fn drain(self) {
        self.shutdown.drain.cancel();
        self.ended().await;
    }

    /// Waits for the end that somebody else asked for.
    pub(crate) async fn ended(self) {
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("the worker ends")
            .unwrap()
            .unwrap();
    }
}
