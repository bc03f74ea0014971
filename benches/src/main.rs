//! `make bench`: what the engine does per second, per job and while idle.
//!
//! Every subject runs in processes of its own against a fresh redis-server, one after another,
//! so that CPU and memory can be told apart. The physical limit and apalis-redis run in the same
//! session: only ratios travel between machines. Figures go to standard output as a table and
//! to `target/bench/latest.json`, one object a line.

mod apalis_redis_subject;
mod child;
mod export;
mod layout;
mod ours;
mod probe;
mod raw;
mod recovery;
mod report;
mod run;
mod subject;

use anyhow::{Result, bail};

/// As in the worker's binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use crate::report::Report;
use crate::subject::Subject;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => all(),
        ["layout"] => layout::measure(),
        ["drain", subject, jobs] => {
            let mut report = Report::default();
            run::drain(&mut report, subject.parse()?, 1, jobs.parse()?)?;
            report.print()
        }
        ["idle"] => {
            let mut report = Report::default();
            run::idle(&mut report)?;
            report.print()
        }
        ["export"] => {
            let mut report = Report::default();
            export::measure(&mut report)?;
            report.print()
        }
        ["recovery"] => {
            let mut report = Report::default();
            recovery::measure(&mut report)?;
            report.print()
        }
        ["child", role, subject, url, rest @ ..] => child::main(role, subject.parse()?, url, rest),
        _ => bail!("usage: bench [layout | idle | recovery | export | drain SUBJECT JOBS]"),
    }
}

/// The whole set.
fn all() -> Result<()> {
    let mut report = Report::default();
    run::enqueue(&mut report)?;
    for subject in Subject::ALL {
        run::drain(&mut report, subject, 1, subject.drain_jobs())?;
    }
    run::drain(&mut report, Subject::Ours, 2, Subject::Ours.drain_jobs())?;
    run::idle(&mut report)?;
    recovery::measure(&mut report)?;
    export::measure(&mut report)?;
    report.save("target/bench/latest.json")?;
    report.print()
}
