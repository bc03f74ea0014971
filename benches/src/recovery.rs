//! `bench recovery`: how long work stands still after a fault.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use devkit::{Persistence, RedisServer};
use redis::Connection;

use crate::measured::Measured;
use crate::ours;
use crate::report::Report;
use crate::subject::Subject;

/// Jobs that keep the worker busy during the fault: more than it does in that time.
const JOBS: usize = 400_000;
const PATIENCE: Duration = Duration::from_secs(40);
const SLOTS: &str = "100";

/// Both faults.
pub(crate) fn measure(report: &mut Report) -> Result<()> {
    redis_restart(report)?;
    worker_killed(report)
}

/// From Redis answering again to the next job that is completed.
fn redis_restart(report: &mut Report) -> Result<()> {
    let mut redis = RedisServer::start(Persistence::Aof)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(ours::enqueue(&redis.url(), JOBS, 1000))?;
    let mut worker = Measured::start(&["work", Subject::Ours.name(), &redis.url(), SLOTS])?;
    worker.go()?;
    wait(&redis, |left| left < JOBS as u64)?;
    redis.stop_gracefully()?;
    redis.restart()?;
    let back = Instant::now();
    let before = left(&redis)?;
    wait(&redis, |left| left < before)?;
    let conditions =
        format!("{JOBS} no-op jobs waiting, AOF, SIGTERM and start, from its first PONG");
    report.add(
        "redis restart",
        Subject::Ours.name(),
        back.elapsed().as_secs_f64(),
        "s",
        "aof everysec",
        conditions,
    );
    worker.kill()
}

/// From SIGKILL of a worker to the first of its jobs that runs again elsewhere.
fn worker_killed(report: &mut Report) -> Result<()> {
    let redis = RedisServer::start(Persistence::None)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut victim = Measured::start(&["work", Subject::Ours.name(), &redis.url(), SLOTS])?;
    let mut heir = Measured::start(&["work", Subject::Ours.name(), &redis.url(), SLOTS])?;
    victim.go()?;
    runtime.block_on(ours::enqueue_naps(&redis.url(), 100))?;
    let running = || -> Result<u64> {
        Ok(redis::cmd("ZCARD")
            .arg("bench:{bench}:lease")
            .query(&mut connect(&redis)?)?)
    };
    until(|| Ok(running()? == 100))?;
    Command::new("kill")
        .args(["-KILL", &victim.pid().to_string()])
        .status()?;
    let killed = Instant::now();
    heir.go()?;
    until(|| Ok(ours::counted(&mut connect(&redis)?, "lease_lost")? > 0))?;
    let conditions = "100 jobs in flight, lease 15 s, beat 5 s, another worker idle";
    report.add(
        "first re-run",
        Subject::Ours.name(),
        killed.elapsed().as_secs_f64(),
        "s",
        "aof off",
        conditions,
    );
    victim.kill()?;
    heir.kill()
}

fn connect(redis: &RedisServer) -> Result<Connection> {
    Ok(redis::Client::open(redis.url())?.get_connection()?)
}

fn left(redis: &RedisServer) -> Result<u64> {
    ours::left(&mut connect(redis)?, JOBS)
}

fn wait(redis: &RedisServer, enough: impl Fn(u64) -> bool) -> Result<()> {
    until(|| Ok(enough(left(redis)?)))
}

fn until(mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let since = Instant::now();
    while !done().context("look at redis")? {
        if since.elapsed() > PATIENCE {
            bail!("nothing happened for {PATIENCE:?}");
        }
        sleep(Duration::from_millis(2));
    }
    Ok(())
}
