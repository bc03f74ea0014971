//! apalis-redis as a subject: as it comes, and with the settings found to be its fastest.

use anyhow::{Result, anyhow};
use apalis::prelude::*;
use apalis_redis::{Config, RedisStorage};
use redis::Connection;
use serde::{Deserialize, Serialize};

use crate::subject::Subject;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Noop {
    number: usize,
}

async fn run(_job: Noop) -> Result<(), BoxDynError> {
    Ok(())
}

fn config(subject: Subject) -> Config {
    let config = Config::default().queue("bench");
    if subject == Subject::ApalisBest {
        config.batch_size(100).lock_tasks(false).emit_events(false)
    } else {
        config
    }
}

async fn storage(url: &str, subject: Subject) -> Result<RedisStorage<Noop>> {
    let connection = apalis_redis::connect(url).await?;
    Ok(RedisStorage::new(connection).with_config(config(subject)))
}

pub(crate) async fn enqueue(url: &str, subject: Subject, jobs: usize, chunk: usize) -> Result<()> {
    let mut storage = storage(url, subject).await?;
    for start in (0..jobs).step_by(chunk) {
        let batch: Vec<Noop> = (start..(start + chunk).min(jobs))
            .map(|number| Noop { number })
            .collect();
        if chunk == 1 {
            for job in batch {
                storage.push(job).await?;
            }
        } else {
            storage.push_bulk(batch).await?;
        }
    }
    Ok(())
}

/// A worker; runs until it is killed.
pub(crate) async fn work(url: &str, subject: Subject) -> Result<()> {
    let worker = WorkerBuilder::new(format!("bench-{}", std::process::id()))
        .backend(storage(url, subject).await?);
    if subject == Subject::ApalisBest {
        worker
            .concurrency(100)
            .build(run)
            .run()
            .await
            .map_err(|error| anyhow!("{error}"))
    } else {
        worker
            .build(run)
            .run()
            .await
            .map_err(|error| anyhow!("{error}"))
    }
}

pub(crate) fn left(connection: &mut Connection, jobs: usize) -> Result<u64> {
    let done: u64 = redis::cmd("SCARD").arg("bench:done").query(connection)?;
    Ok((jobs as u64).saturating_sub(done))
}
