//! `fsck`: how long the invariants take to check on a million jobs in all states.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rouage::NewJob;

use crate::measured::Measured;
use crate::options::Options;
use crate::ours::{self, Noop, client};
use crate::place::{Place, Server};
use crate::report::Report;
use crate::subject::Subject;
use crate::throughput::SLOTS;

const JOBS: usize = 1_000_000;
/// One job in so many is scheduled for later.
const SCHEDULED_EVERY: usize = 10;
/// Jobs of one call.
const CHUNK: usize = 10_000;
/// Jobs that are run before the check, in a full run.
const RUN: usize = 5_000;

/// Fills a queue, runs a few of its jobs, checks it.
pub(crate) fn measure(report: &mut Report, options: &Options) -> Result<()> {
    let mut server = Server::start(Place::NEAR)?;
    let url = server.url();
    let jobs = options.few(JOBS);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(fill(&url, jobs))?;
    let worker = Measured::worker(&url, SLOTS)?;
    while ours::counted(&mut server.connection, "completed")? < options.few(RUN) as u64 {
        std::thread::sleep(Duration::from_millis(1));
    }
    worker.finish()?;
    let (took, found) = runtime.block_on(async {
        let client = client(&url).await?;
        let start = Instant::now();
        let found = client.fsck().await?;
        anyhow::Ok((start.elapsed(), found))
    })?;
    if !found.is_clean() {
        bail!("fsck found something: {:?}", found.violations.first());
    }
    let (name, at) = (Subject::Ours.name(), Place::NEAR.name());
    let conditions = format!("{jobs} jobs: available, scheduled, completed");
    report.add("fsck", name, took.as_secs_f64(), "s", &at, conditions);
    Ok(())
}

async fn fill(url: &str, jobs: usize) -> Result<()> {
    let client = client(url).await?;
    for start in (0..jobs).step_by(CHUNK) {
        let batch = (start..(start + CHUNK).min(jobs)).map(|number| {
            let mut job = NewJob::from_job(&Noop { number })?;
            if number.is_multiple_of(SCHEDULED_EVERY) {
                job.run_at = rouage::RunAt::After(Duration::from_secs(86_400));
            }
            anyhow::Ok(job)
        });
        client.enqueue_all(batch.collect::<Result<_>>()?).await?;
    }
    Ok(())
}
