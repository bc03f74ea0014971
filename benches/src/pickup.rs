//! `idle` and `load`: how soon a job starts, and what a worker without work costs.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::measured::Measured;
use crate::options::Options;
use crate::ours;
use crate::place::{Place, Server};
use crate::probe;
use crate::report::Report;
use crate::subject::Subject;
use crate::throughput::{SLOTS, drain_once};
use crate::worker::Pickup;

/// A worker that just started looks around for this long.
const SETTLE: Duration = Duration::from_secs(3);
/// How long an idle worker is watched.
const IDLE_WATCH: Duration = Duration::from_secs(20);
/// Slots of an idle worker.
const IDLE_SLOTS: usize = 100;
/// Latency samples, and the pause between them.
const SAMPLES: usize = 300;
const SAMPLE_GAP: Duration = Duration::from_millis(15);
/// How long half of the load is kept up.
const LOAD_SECONDS: usize = 10;
/// What is under way when the producer ends gets this long.
const TAIL: Duration = Duration::from_millis(500);

/// A worker without work, and one job now and then.
pub(crate) fn idle(report: &mut Report, options: &Options) -> Result<()> {
    let mut server = Server::start(Place::NEAR)?;
    let url = server.url();
    let worker = Measured::worker(&url, IDLE_SLOTS)?;
    sleep(SETTLE);
    watch(report, options, &mut server, &worker)?;

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(now_and_then(&url))?;
    let pickup = worker.finish()?;
    if pickup.jobs != SAMPLES as u64 {
        bail!("{} of {SAMPLES} samples arrived", pickup.jobs);
    }
    let conditions = format!("{SAMPLES} jobs, one each {SAMPLE_GAP:?}, from enqueue to handler");
    note(
        report,
        ("idle pickup p50", "idle pickup p99"),
        pickup,
        Place::NEAR,
        &conditions,
    );
    Ok(())
}

fn watch(
    report: &mut Report,
    options: &Options,
    server: &mut Server,
    worker: &Measured,
) -> Result<()> {
    let watched = IDLE_WATCH / options.divisor as u32;
    let commands = server.number("stats", "total_commands_processed")?;
    let cpu = probe::cpu_seconds(worker.pid())?;
    sleep(watched);
    let seconds = watched.as_secs_f64();
    // The reading itself is one command.
    let rate = (server.number("stats", "total_commands_processed")? - commands - 1.0) / seconds;
    let load = (probe::cpu_seconds(worker.pid())? - cpu) / seconds * 100.0;
    let rss = probe::rss_mb(worker.pid())?;
    let (name, at) = (Subject::Ours.name(), Place::NEAR.name());
    let inside = "one queue, commands inside scripts included";
    report.add("idle redis commands", name, rate, "per s", &at, inside);
    report.add("idle cpu", name, load, "% of core", &at, "one queue");
    let conditions = format!("one queue, {IDLE_SLOTS} slots");
    report.add("idle rss", name, rss, "MB", &at, conditions);
    Ok(())
}

async fn now_and_then(url: &str) -> Result<()> {
    let client = ours::client(url).await?;
    for _ in 0..SAMPLES {
        tokio::time::sleep(SAMPLE_GAP).await;
        let job = ours::Stamp {
            sent_ns: ours::now_ns(),
            fails: false,
        };
        client.enqueue(&job).await?;
    }
    tokio::time::sleep(TAIL).await;
    Ok(())
}

/// Pickup while half of what a worker drains arrives.
pub(crate) fn load(report: &mut Report, options: &Options) -> Result<()> {
    for &place in &options.places {
        let jobs = options.drain_jobs(Subject::Ours);
        // This drain is no figure: it only finds the rate.
        let rate = drain_once(&mut Report::default(), Subject::Ours, place, 1, jobs)? / 2.0;
        let seconds = options.few(LOAD_SECONDS);
        let pickup = loaded(place, rate, seconds)?;
        let conditions = format!("jobs arrive at half of the drain's rate for {seconds} s");
        note(
            report,
            ("load pickup p50", "load pickup p99"),
            pickup,
            place,
            &conditions,
        );
        report.add(
            "load",
            Subject::Ours.name(),
            rate,
            "jobs/s",
            &place.name(),
            conditions,
        );
    }
    Ok(())
}

fn loaded(place: Place, rate: f64, seconds: usize) -> Result<Pickup> {
    let server = Server::start(place)?;
    let url = server.url();
    let worker = Measured::worker(&url, SLOTS)?;
    sleep(SETTLE);
    let (rate, seconds) = (rate.to_string(), seconds.to_string());
    let mut producer = Measured::start(&["produce", "rouage", &url, &rate, &seconds, "0"])?;
    producer.go()?;
    producer.wait()?;
    sleep(TAIL);
    worker.finish()
}

fn note(
    report: &mut Report,
    (p50, p99): (&'static str, &'static str),
    pickup: Pickup,
    place: Place,
    conditions: &str,
) {
    let (name, at) = (Subject::Ours.name(), place.name());
    report.add(p50, name, pickup.p50, "ms", &at, conditions);
    report.add(p99, name, pickup.p99, "ms", &at, conditions);
}
