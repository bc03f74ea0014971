//! The measured side: a process per producer or worker, driven over its standard streams.
//!
//! `ready` is written once everything is connected; a line on standard input starts it; the
//! end of standard input stops it.

use std::io::{BufRead, Write};

use anyhow::{Context, Result, bail};
use rouage::Shutdown;

use crate::subject::Subject;
use crate::{apalis_redis_subject, ours, producer, raw, worker};

pub(crate) fn main(role: &str, subject: Subject, url: &str, rest: &[&str]) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    match (role, rest) {
        ("enqueue", [jobs, chunk]) => {
            wait_for_go()?;
            enqueue(&runtime, subject, url, jobs.parse()?, chunk.parse()?)
        }
        ("work", [slots]) => {
            wait_for_go()?;
            work(&runtime, subject, url, slots.parse()?)
        }
        ("produce", [rate, seconds, failures]) => {
            wait_for_go()?;
            let failures = *failures == "1";
            let produced = producer::produce(url, rate.parse()?, seconds.parse()?, failures);
            runtime.block_on(produced)
        }
        _ => bail!(
            "usage: bench child enqueue SUBJECT URL JOBS CHUNK | work SUBJECT URL SLOTS | \
             produce SUBJECT URL RATE SECONDS FAILURES"
        ),
    }
}

fn wait_for_go() -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready")?;
    out.flush()?;
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("wait for go")?;
    Ok(())
}

fn enqueue(
    runtime: &tokio::runtime::Runtime,
    subject: Subject,
    url: &str,
    jobs: usize,
    chunk: usize,
) -> Result<()> {
    match subject {
        Subject::Raw => raw::enqueue(url, jobs, chunk),
        Subject::Writes => raw::writes(url, jobs, chunk),
        Subject::Trip => runtime.block_on(raw::trips(url, jobs)),
        Subject::Ours => runtime.block_on(ours::enqueue(url, jobs, chunk)),
        _ => runtime.block_on(apalis_redis_subject::enqueue(url, subject, jobs, chunk)),
    }
}

fn work(
    runtime: &tokio::runtime::Runtime,
    subject: Subject,
    url: &str,
    slots: usize,
) -> Result<()> {
    match subject {
        Subject::Raw | Subject::Writes | Subject::Trip => raw::work(url),
        Subject::ApalisDefaults | Subject::ApalisBest => {
            runtime.block_on(apalis_redis_subject::work(url, subject))
        }
        Subject::Ours => {
            let shutdown = Shutdown::default();
            let drain = shutdown.drain.clone();
            std::thread::spawn(move || {
                // End of input, or an error on it: the parent is done with us.
                drop(std::io::stdin().lock().read_line(&mut String::new()));
                drain.cancel();
            });
            let pickup = runtime.block_on(worker::work(url, slots, shutdown))?;
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}", serde_json::to_string(&pickup)?)?;
            Ok(())
        }
    }
}
