//! `enqueue` and `drain`: how many jobs a second go in and out, and what they cost.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use redis::Connection;

use crate::measured::{Measured, fill};
use crate::options::Options;
use crate::place::{Place, Server};
use crate::report::Report;
use crate::subject::Subject;
use crate::{apalis_redis_subject, ours, probe, raw};

/// Slots of a measured worker.
pub(crate) const SLOTS: usize = 500;
/// A drain that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at what is left.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Jobs of one bulk call.
const BULK: usize = 1000;

/// Enqueueing one by one and in bulk, and the memory a waiting job takes.
pub(crate) fn enqueue(report: &mut Report, options: &Options) -> Result<()> {
    for &place in &options.places {
        // One by one the wire is all that is seen: fewer jobs.
        let singles = if place.rtt.is_zero() { 20_000 } else { 2_000 };
        for &subject in &options.subjects {
            for (bench, jobs, chunk) in [
                ("enqueue one by one", singles, 1),
                ("enqueue bulk", 100_000, BULK),
            ] {
                if subject.enqueues(chunk) {
                    enqueue_once(report, subject, place, bench, options.few(jobs), chunk)?;
                }
            }
        }
    }
    Ok(())
}

fn enqueue_once(
    report: &mut Report,
    subject: Subject,
    place: Place,
    bench: &'static str,
    jobs: usize,
    chunk: usize,
) -> Result<()> {
    let mut server = Server::start(place)?;
    let before = server.number("memory", "used_memory")?;
    let took = fill(subject, &server.url(), jobs, chunk)?;
    let (name, at) = (subject.name(), place.name());
    let rate = jobs as f64 / took.as_secs_f64();
    let conditions = format!("{jobs} jobs, chunks of {chunk}, one connection");
    report.add(bench, name, rate, "jobs/s", &at, conditions);
    if chunk > 1 && place == Place::NEAR {
        let bytes = (server.number("memory", "used_memory")? - before) / jobs as f64;
        report.add(
            "redis per job",
            name,
            bytes,
            "bytes",
            &at,
            "waiting no-op job",
        );
    }
    Ok(())
}

/// Draining no-ops in one process everywhere, and ours in two as well.
pub(crate) fn drain(report: &mut Report, options: &Options) -> Result<()> {
    for &place in &options.places {
        for &subject in &options.subjects {
            if !subject.drains() || !(place.rtt.is_zero() || subject.goes_far()) {
                continue;
            }
            let jobs = options.drain_jobs(subject);
            drain_once(report, subject, place, 1, jobs)?;
            if subject == Subject::Ours && place == Place::NEAR {
                drain_once(report, subject, place, 2, jobs)?;
                wire_alone(report, jobs)?;
            }
        }
    }
    Ok(())
}

/// What the wire itself costs: the same drain through one of (nearly) no length.
fn wire_alone(report: &mut Report, jobs: usize) -> Result<()> {
    let place = Place {
        rtt: Duration::from_nanos(2),
        aof: false,
    };
    let mut alone = Report::default();
    drain_once(&mut alone, Subject::Ours, place, 1, jobs)?;
    if let Some(rate) = alone.median("drain", Subject::Ours.name(), &place.name()) {
        let conditions = format!("{jobs} no-op jobs through a wire of no length");
        report.add(
            "drain, wire alone",
            Subject::Ours.name(),
            rate,
            "jobs/s",
            "aof off",
            conditions,
        );
    }
    Ok(())
}

/// Drains once; answers jobs a second.
pub(crate) fn drain_once(
    report: &mut Report,
    subject: Subject,
    place: Place,
    processes: usize,
    jobs: usize,
) -> Result<f64> {
    let mut server = Server::start(place)?;
    let url = server.url();
    fill(subject, &url, jobs, BULK)?;
    let slots = SLOTS.to_string();
    let mut workers = Vec::new();
    for _ in 0..processes {
        workers.push(Measured::start(&["work", subject.name(), &url, &slots])?);
    }
    let redis_before = server.cpu()?;
    let start = Instant::now();
    workers.iter_mut().try_for_each(Measured::go)?;
    while left(subject, &mut server.connection, jobs)? > 0 {
        if start.elapsed() > PATIENCE {
            bail!(
                "{} did not drain {jobs} jobs within {PATIENCE:?}",
                subject.name()
            );
        }
        sleep(LOOK_EVERY);
    }
    let rate = jobs as f64 / start.elapsed().as_secs_f64();
    let redis = server.cpu()? - redis_before;
    note_drain(
        report,
        subject,
        place,
        (processes, jobs),
        (rate, redis),
        &workers,
    )?;
    workers.into_iter().try_for_each(Measured::kill)?;
    Ok(rate)
}

fn note_drain(
    report: &mut Report,
    subject: Subject,
    place: Place,
    (processes, jobs): (usize, usize),
    (rate, redis): (f64, f64),
    workers: &[Measured],
) -> Result<()> {
    let (name, at) = (subject.name(), place.name());
    let conditions = format!("{jobs} no-op jobs, {SLOTS} slots");
    if processes > 1 {
        report.add(
            "drain, two processes",
            name,
            rate,
            "jobs/s",
            &at,
            conditions,
        );
        return Ok(());
    }
    let per = 10_000.0 / jobs as f64;
    report.add("drain", name, rate, "jobs/s", &at, &conditions);
    report.add(
        "redis cpu per 10k",
        name,
        redis * per,
        "s",
        &at,
        &conditions,
    );
    // The bare loop is over with its queue.
    if subject != Subject::Raw {
        let pid = workers[0].pid();
        let cpu = probe::cpu_seconds(pid)? * per;
        report.add("worker cpu per 10k", name, cpu, "s", &at, &conditions);
        report.add(
            "rss after drain",
            name,
            probe::rss_mb(pid)?,
            "MB",
            &at,
            conditions,
        );
    }
    Ok(())
}

fn left(subject: Subject, connection: &mut Connection, jobs: usize) -> Result<u64> {
    match subject {
        Subject::Ours => ours::left(connection, jobs),
        Subject::Raw | Subject::Writes | Subject::Trip => raw::left(connection),
        Subject::ApalisDefaults | Subject::ApalisBest => {
            apalis_redis_subject::left(connection, jobs)
        }
    }
}
