//! Starts both servers for a person or a script, prints their addresses, waits.
//!
//! The one argument is the size of the data set: `small`, `medium` or `large`. The servers end and
//! their data vanishes when standard input closes or the process ends in any way.
#![expect(
    clippy::print_stdout,
    reason = "the addresses and timings are the output"
)]

use std::error::Error;
use std::io::{self, Read};
use std::time::Instant;

use devkit::crm::{self, Size};
use devkit::{Persistence, PostgresServer, RedisServer, Template};
use sqlx::PgPool;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let size = match std::env::args().nth(1).as_deref() {
        None | Some("small") => Size::Small,
        Some("medium") => Size::Medium,
        Some("large") => Size::Large,
        Some(other) => {
            return Err(format!("unknown size {other:?}; hint: small, medium, large").into());
        }
    };
    let start = Instant::now();
    let redis = RedisServer::start(Persistence::Aof)?;
    println!("REDIS_URL={}", redis.url());
    println!("# redis ready after {:?}", start.elapsed());

    let start = Instant::now();
    let postgres = PostgresServer::start().await?;
    println!("# postgres ready after {:?}", start.elapsed());

    let start = Instant::now();
    let url = postgres.named_database(Template::Empty, "crm").await?;
    println!("# database created after {:?}", start.elapsed());
    let pool = PgPool::connect(&url).await?;
    let start = Instant::now();
    let summary = crm::seed(&pool, size).await?;
    pool.close().await;
    println!("# seeded after {:?}: {summary:?}", start.elapsed());
    println!("DATABASE_URL={url}");

    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
