//! A worker that writes down what it does: the other half of the fault tests with processes.
//!
//! `ledger_worker REDIS_URL LEDGER [LEASE_MS [POINT VISIT]]` runs the queues `ledger` and `annex` with 100
//! slots each.
//! Every attempt appends one line `start|end id attempt instance fence` to the ledger, a file
//! that no Redis fault can reach; the `end` is the job's effect. A job may ask for the end of the
//! process in its first attempts, the caller for its end at a fault point. It prints `ready` and
//! runs until it is killed, its standard input closes, or it is sent SIGTERM.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use rouage::faults::{Point, kill_at, reach};
use rouage::{
    Client, Job, JobContext, JobError, Keyspace, Registry, RetryPolicy, Shutdown, Worker,
    WorkerOptions,
};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Serialize, Deserialize)]
struct Entry {
    /// How long it takes.
    ms: u64,
    /// In how many attempts it ends the process instead.
    #[serde(default)]
    exits: u32,
}

/// The same in another queue.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct AnnexEntry(Entry);

impl Job for AnnexEntry {
    type Output = ();
    const KIND: &'static str = "annex.entry";
    const QUEUE: &'static str = "annex";
    const RETRY: RetryPolicy = RetryPolicy::attempts(100);
}

/// How a process ends whose job asks for it.
const EXIT_CODE: i32 = 7;

impl Job for Entry {
    type Output = ();
    const KIND: &'static str = "ledger.entry";
    const QUEUE: &'static str = "ledger";
    const RETRY: RetryPolicy = RetryPolicy::attempts(100);
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err("usage: ledger_worker REDIS_URL LEDGER [LEASE_MS [POINT VISIT]]".into());
    };
    let lease = match arguments.next() {
        Some(ms) => Duration::from_millis(ms.parse()?),
        None => WorkerOptions::default().lease,
    };
    if let (Some(point), Some(visit)) = (arguments.next(), arguments.next()) {
        kill_at(point.parse::<Point>()?, visit.parse()?);
    }
    let client = Client::connect(&url, Keyspace::new("ledger")).await?;
    let options = WorkerOptions {
        queues: vec![("ledger".to_owned(), 100), ("annex".to_owned(), 100)],
        lease,
        beat: lease / 3,
        idle_poll: lease * 4 / 5,
        grace: Duration::from_secs(2),
        ..WorkerOptions::default()
    };
    let shutdown = Shutdown::default();
    drain_at_the_end(&shutdown)?;
    writeln!(std::io::stdout(), "ready")?;
    Worker::new(client, registry(&path)?, options)?
        .run(shutdown)
        .await?;
    Ok(())
}

/// One handler for both kinds.
fn registry(path: &str) -> std::io::Result<Registry> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    let ledger = Arc::new(file);
    let annex = Arc::clone(&ledger);
    Ok(Registry::new()
        .function(move |job: Entry, cx: JobContext| enter(Arc::clone(&ledger), job, cx))
        .function(move |job: AnnexEntry, cx: JobContext| enter(Arc::clone(&annex), job.0, cx)))
}

async fn enter(ledger: Arc<File>, job: Entry, cx: JobContext) -> Result<(), JobError> {
    let instance = std::process::id();
    // One write of one line: appends of this size do not tear.
    let line = |word: &str| {
        format!(
            "{word} {} {} {instance} {}\n",
            cx.id(),
            cx.attempt(),
            cx.fence()
        )
    };
    (&*ledger).write_all(line("start").as_bytes())?;
    if cx.attempt() <= job.exits {
        std::process::exit(EXIT_CODE);
    }
    cx.sleep(Duration::from_millis(job.ms)).await?;
    reach(Point::BeforeEffect);
    (&*ledger).write_all(line("end").as_bytes())?;
    reach(Point::AfterEffect);
    Ok(())
}

/// Drains at SIGTERM, and when the owner is gone or done: its end of the pipe closes then.
fn drain_at_the_end(shutdown: &Shutdown) -> std::io::Result<()> {
    let drain = shutdown.drain.clone();
    std::thread::spawn(move || {
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        drain.cancel();
    });
    let drain = shutdown.drain.clone();
    let mut terminate = signal(SignalKind::terminate())?;
    #[expect(clippy::disallowed_methods, reason = "ends with the process")]
    tokio::spawn(async move {
        terminate.recv().await;
        drain.cancel();
    });
    Ok(())
}
