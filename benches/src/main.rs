//! `make bench` and `make soak`: what the engine does per second, per job, while idle, for long.
//!
//! Every subject runs in processes of its own against a fresh redis-server, one after another,
//! so that CPU and memory can be told apart. The physical limits and apalis-redis run in the same
//! session: only ratios travel between machines. Each figure is the median of several runs, in
//! turns, so that a machine that slows down slows everybody down. Other job systems are measured
//! with `make bench-peers`.

mod apalis_redis_subject;
mod bars;
mod child;
mod delay;
mod export;
mod fair;
mod fsck;
mod http;
mod layout;
mod machine;
mod measured;
mod options;
mod ours;
mod outbox;
mod pickup;
mod place;
mod probe;
mod producer;
mod raw;
mod recovery;
mod report;
mod soak;
mod subject;
mod throughput;
mod worker;

use std::io::Write;

use anyhow::{Context, Result};

use crate::machine::Machine;
use crate::options::{Bench, Options, USAGE};
use crate::report::Report;

/// As in the worker's binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["child", role, subject, url, rest @ ..] => child::main(role, subject.parse()?, url, rest),
        _ if words.contains(&"--help") => {
            writeln!(std::io::stdout().lock(), "{USAGE}").context("print the usage")
        }
        _ => measure(&Machine::here(&arguments)?, &Options::parse(&words)?),
    }
}

/// Runs what was asked for, in turns, and tells it.
fn measure(machine: &Machine, options: &Options) -> Result<()> {
    let mut report = Report::default();
    for run in 0..options.runs {
        for &bench in &options.what {
            if run == 0 || !bench.takes_long() {
                one(bench, &mut report, options).with_context(|| format!("measure {bench:?}"))?;
            }
        }
        if let Some(path) = &options.json {
            report.save(path, machine)?;
        }
    }
    report.print(machine)
}

fn one(bench: Bench, report: &mut Report, options: &Options) -> Result<()> {
    match bench {
        Bench::Enqueue => throughput::enqueue(report, options),
        Bench::Drain => throughput::drain(report, options),
        Bench::Load => pickup::load(report, options),
        Bench::Idle => pickup::idle(report, options),
        Bench::Fair => fair::measure(report, options),
        Bench::Fsck => fsck::measure(report, options),
        Bench::Recovery => recovery::measure(report),
        Bench::Http => http::measure(report, options),
        Bench::Export => export::measure(report),
        Bench::Outbox => outbox::measure(report, options),
        Bench::Layout => layout::measure(report),
        Bench::Soak => soak::measure(report, options),
    }
}
