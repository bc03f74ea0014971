//! `soak`: half load with 1 % failures for long, to see whether anything grows.
//!
//! Growth is the slope of a straight line by least squares through the samples after the warm-up,
//! in which caches, the allocator and the kept jobs fill. Errors are what must not happen at this
//! load: a producer that ends, a worker that ends, leases that ran out, jobs that are held.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::measured::Measured;
use crate::options::Options;
use crate::ours;
use crate::place::{Place, Server};
use crate::probe;
use crate::report::Report;
use crate::subject::Subject;
use crate::throughput::{SLOTS, drain_once};

/// Between two looks at everything.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The share of the time that is warm-up, and the most of it.
const WARM_UP: (f64, f64) = (0.2, 300.0);
/// Retries of what failed last are waited for.
const TAIL: Duration = Duration::from_secs(8);

/// One look.
#[derive(Debug, Clone, Copy)]
struct Sample {
    hours: f64,
    rss_mb: f64,
    keys: f64,
    jobs: f64,
    redis_mb: f64,
}

/// Soaks, and reports slopes and counts.
pub(crate) fn measure(report: &mut Report, options: &Options) -> Result<()> {
    let place = Place {
        aof: true,
        ..Place::NEAR
    };
    let rate = if let Some(rate) = options.rate {
        rate
    } else {
        let jobs = options.drain_jobs(Subject::Ours);
        drain_once(&mut Report::default(), Subject::Ours, place, 1, jobs)? / 2.0
    };
    let mut server = Server::start(place)?;
    let mut worker = Measured::worker(&server.url(), SLOTS)?;
    let length = Duration::from_secs(options.minutes * 60);
    let (samples, failed) = soak(&mut server, &mut worker, rate, length)?;
    let lost = ours::counted(&mut server.connection, "lease_lost")?;
    let held: u64 = redis::cmd("ZCARD")
        .arg("bench:{bench}:held")
        .query(&mut server.connection)?;
    let pickup = worker.finish()?;
    let conditions = format!(
        "{} min at {rate:.0} jobs/s, 1 % failing at first, {SLOTS} slots",
        options.minutes
    );
    let (name, at) = (Subject::Ours.name(), place.name());
    let mut add = |bench, value, unit| report.add(bench, name, value, unit, &at, &conditions);
    let errors = u64::from(failed) + lost + held;
    add("soak errors", errors as f64, "errors");
    add("soak jobs", pickup.jobs as f64, "jobs");
    add("soak pickup p50", pickup.p50, "ms");
    add("soak pickup p99", pickup.p99, "ms");
    add("soak pickup max", pickup.max, "ms");
    for (bench, value, unit) in slopes(after_warm_up(&samples)) {
        add(bench, value, unit);
    }
    Ok(())
}

/// Keeps the load up and looks now and then; also whether the producer failed.
fn soak(
    server: &mut Server,
    worker: &mut Measured,
    rate: f64,
    length: Duration,
) -> Result<(Vec<Sample>, bool)> {
    let (rate, seconds) = (rate.to_string(), length.as_secs().to_string());
    let url = server.url();
    let mut producer = Measured::start(&["produce", "rouage", &url, &rate, &seconds, "1"])?;
    producer.go()?;
    let start = Instant::now();
    let mut samples = Vec::new();
    while start.elapsed() < length {
        sleep(LOOK_EVERY);
        samples.push(look(server, worker, start)?);
        if !worker.is_alive()? {
            bail!("the worker ended after {:?}", start.elapsed());
        }
    }
    let failed = producer.wait().is_err();
    sleep(TAIL);
    Ok((samples, failed))
}

fn slopes(samples: &[Sample]) -> [(&'static str, f64, &'static str); 6] {
    let end = |value: fn(&Sample) -> f64| samples.last().map_or(f64::NAN, value);
    [
        ("soak rss slope", slope(samples, |s| s.rss_mb), "MB/h"),
        ("soak rss at end", end(|s| s.rss_mb), "MB"),
        ("soak key slope", slope(samples, |s| s.keys), "keys/h"),
        (
            "soak stored job slope",
            slope(samples, |s| s.jobs),
            "jobs/h",
        ),
        (
            "soak redis memory slope",
            slope(samples, |s| s.redis_mb),
            "MB/h",
        ),
        ("soak redis memory at end", end(|s| s.redis_mb), "MB"),
    ]
}

fn look(server: &mut Server, worker: &Measured, start: Instant) -> Result<Sample> {
    let (keys, jobs): (f64, f64) = redis::pipe()
        .cmd("DBSIZE")
        .cmd("HLEN")
        .arg("bench:{bench}:job")
        .query(&mut server.connection)?;
    Ok(Sample {
        hours: start.elapsed().as_secs_f64() / 3600.0,
        rss_mb: probe::rss_mb(worker.pid())?,
        keys,
        jobs,
        redis_mb: server.number("memory", "used_memory")? / 1_048_576.0,
    })
}

fn after_warm_up(samples: &[Sample]) -> &[Sample] {
    let (share, most) = WARM_UP;
    let all = samples.last().map_or(0.0, |sample| sample.hours);
    let from = (all * share).min(most / 3600.0);
    &samples[samples.partition_point(|sample| sample.hours < from)..]
}

/// By how much a value grows an hour, by least squares.
fn slope(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    let count = samples.len() as f64;
    let mean = |of: &dyn Fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (hours, values) = (mean(&|sample| sample.hours), mean(&value));
    let (mut above, mut below) = (0.0, 0.0);
    for sample in samples {
        above += (sample.hours - hours) * (value(sample) - values);
        below += (sample.hours - hours).powi(2);
    }
    above / below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(rss: impl Fn(f64) -> f64) -> Vec<Sample> {
        let at = |number: u32| {
            let hours = f64::from(number) / 100.0;
            Sample {
                hours,
                rss_mb: rss(hours),
                keys: 9.0,
                jobs: 0.0,
                redis_mb: 0.0,
            }
        };
        (0..100).map(at).collect()
    }

    #[test]
    fn a_straight_line_has_its_slope() {
        let line = samples(|hours| 3.0f64.mul_add(hours, 20.0));
        assert!((slope(&line, |sample| sample.rss_mb) - 3.0).abs() < 1e-6);
        assert!(slope(&line, |sample| sample.keys).abs() < 1e-6);
    }

    #[test]
    fn what_fills_during_the_warm_up_is_no_growth() {
        let filling = samples(|hours| 20.0 + 100.0 * hours.min(0.05));
        let warm = after_warm_up(&filling);
        assert!(slope(warm, |sample| sample.rss_mb).abs() < 1e-6);
        assert!(slope(&filling, |sample| sample.rss_mb) > 1.0);
    }
}
