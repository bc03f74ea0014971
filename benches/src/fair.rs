//! `fair`: one group with 100,000 jobs, and fifty with one each that come later.
//!
//! A slot time is how long one job keeps its slot. Fair is that every single job starts within
//! two of them: the one that runs, and at most one of the big group in front.

use std::time::Duration;

use anyhow::{Result, bail};
use rouage::{Client, JobId, State};
use tokio::time::{sleep, timeout};

use crate::measured::Measured;
use crate::options::Options;
use crate::ours::{Nap, client, now_ns};
use crate::place::{Place, Server};
use crate::report::Report;
use crate::subject::Subject;
use crate::worker::Pickup;

/// Jobs of the group that could starve the others.
const CROWD: usize = 100_000;
/// Groups with one job each, and slots: every single job could start at once.
const SINGLES: usize = 50;
/// How long a job keeps its slot, in ms. Long, so that what a claim costs hardly counts.
const SLOT_MS: u64 = 200;
const SLOT: Duration = Duration::from_millis(SLOT_MS);
/// How long each single job may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures the slowest and the usual of the single jobs.
pub(crate) fn measure(report: &mut Report, options: &Options) -> Result<()> {
    let server = Server::start(Place::NEAR)?;
    let crowd = options.few(CROWD);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let pickup = runtime.block_on(compete(&server.url(), crowd))?;
    if pickup.jobs != SINGLES as u64 {
        bail!("{} of {SINGLES} single jobs started", pickup.jobs);
    }
    let (name, at) = (Subject::Ours.name(), Place::NEAR.name());
    let conditions = format!(
        "{SINGLES} groups of one beside one of {crowd}, {SINGLES} slots, {SLOT_MS} ms a job"
    );
    let mut add = |bench, ms: f64| {
        report.add(bench, name, ms / SLOT_MS as f64, "slots", &at, &conditions);
    };
    add("fair slot times", pickup.max);
    add("fair slot times, p50", pickup.p50);
    Ok(())
}

/// Lets the crowd take all slots, then sends the single jobs; how soon these started.
async fn compete(url: &str, crowd: usize) -> Result<Pickup> {
    let client = client(url).await?;
    let crowd = naps(crowd, |_| "crowd".to_owned(), 0);
    client.enqueue_many(&crowd).await?;
    let worker = Measured::worker(url, SINGLES)?;
    sleep(3 * SLOT).await;
    let singles = naps(SINGLES, |number| format!("single-{number}"), now_ns());
    let enqueued = client.enqueue_many(&singles).await?;
    for single in enqueued {
        timeout(PATIENCE, completed(&client, &single.id)).await??;
    }
    worker.finish()
}

/// Waits until a job is completed.
async fn completed(client: &Client, id: &JobId) -> Result<()> {
    loop {
        let job = client.job("bench", id).await?;
        if job.is_some_and(|job| job.state == State::Completed) {
            return Ok(());
        }
        sleep(SLOT).await;
    }
}

fn naps(jobs: usize, group: impl Fn(usize) -> String, sent_ns: u128) -> Vec<Nap> {
    let nap = |number| Nap {
        millis: SLOT_MS,
        sent_ns,
        group: Some(group(number)),
    };
    (0..jobs).map(nap).collect()
}
