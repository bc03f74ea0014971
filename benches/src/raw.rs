//! The physical limits: a list to put into, to move out of and to remove from, nothing else.

use std::time::Duration;

use anyhow::Result;
use redis::{Connection, pipe};

/// Jobs per round trip.
const BATCH: usize = 64;
const QUEUE: &str = "raw:queue";
const PROCESSING: &str = "raw:processing";

fn connect(url: &str) -> Result<Connection> {
    Ok(redis::Client::open(url)?.get_connection()?)
}

/// About as large as one of our no-op envelopes.
fn payload(number: usize) -> String {
    format!(
        r#"{{"v":1,"kind":"bench.noop","enqueued_at":1767600000000,"priority":5,"payload":{{"number":{number:08}}}}}"#
    )
}

pub(crate) fn enqueue(url: &str, jobs: usize, chunk: usize) -> Result<()> {
    let mut connection = connect(url)?;
    for start in (0..jobs).step_by(chunk) {
        let mut pipeline = pipe();
        for number in start..(start + chunk).min(jobs) {
            pipeline
                .cmd("LPUSH")
                .arg(QUEUE)
                .arg(payload(number))
                .ignore();
        }
        pipeline.exec(&mut connection)?;
    }
    Ok(())
}

/// A field of a hash and a member of a sorted set a job: what any layout with an order writes.
pub(crate) fn writes(url: &str, jobs: usize, chunk: usize) -> Result<()> {
    let mut connection = connect(url)?;
    for start in (0..jobs).step_by(chunk) {
        let mut pipeline = pipe();
        for number in start..(start + chunk).min(jobs) {
            let id = format!("01JD000000000000000{number:07}");
            pipeline
                .cmd("HSET")
                .arg("raw:job")
                .arg(&id)
                .arg(payload(number))
                .ignore()
                .cmd("ZADD")
                .arg("raw:ready")
                .arg(number)
                .arg(&id)
                .ignore();
        }
        pipeline.exec(&mut connection)?;
    }
    Ok(())
}

/// One command a job over the engine's own kind of connection, each awaited.
pub(crate) async fn trips(url: &str, jobs: usize) -> Result<()> {
    let link = rouage::Link::connect(url, Duration::from_secs(60)).await?;
    for number in 0..jobs {
        let mut push = redis::cmd("LPUSH");
        push.arg(QUEUE).arg(payload(number));
        let _length: u64 = link.command(&push).await?;
    }
    Ok(())
}

/// Pops and removes until the queue is empty.
pub(crate) fn work(url: &str) -> Result<()> {
    let mut connection = connect(url)?;
    let mut done: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut pipeline = pipe();
        for job in done.drain(..) {
            pipeline
                .cmd("LREM")
                .arg(PROCESSING)
                .arg(1)
                .arg(job)
                .ignore();
        }
        for _ in 0..BATCH {
            pipeline
                .cmd("LMOVE")
                .arg(QUEUE)
                .arg(PROCESSING)
                .arg("RIGHT")
                .arg("LEFT");
        }
        let jobs: Vec<Option<Vec<u8>>> = pipeline.query(&mut connection)?;
        done.extend(jobs.into_iter().flatten());
        if done.is_empty() {
            return Ok(());
        }
    }
}

pub(crate) fn left(connection: &mut Connection) -> Result<u64> {
    let (queue, processing): (u64, u64) = pipe()
        .cmd("LLEN")
        .arg(QUEUE)
        .cmd("LLEN")
        .arg(PROCESSING)
        .query(connection)?;
    Ok(queue + processing)
}
