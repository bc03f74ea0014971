//! `make demo`: the worker's main jobs on real data, on servers of its own.
//!
//! Starts a private Redis and PostgreSQL with a CRM of 20,000 people, runs the real binary
//! against them with its own commands, shows the jobs while they run and what they leave
//! behind, and takes everything down again. With `--keep` it stays until it is interrupted.
//! The files stay in `demo-out/` either way.

#![expect(clippy::print_stdout, reason = "a program for a terminal")]

mod backups;
mod exports;
mod producers;
mod worker;

use std::path::Path;
use std::time::{Duration, Instant};

use devkit::crm::{self, Size};
use devkit::{Persistence, PostgresServer, RedisServer, Template};

use crate::worker::{Settings, Worker};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let keep = std::env::args().any(|argument| argument == "--keep");
    println!("\ncrm-worker, on servers of its own\n");

    let clock = Instant::now();
    let redis = RedisServer::start(Persistence::Aof)?;
    let postgres = PostgresServer::start().await?;
    step("a private redis-server and PostgreSQL", clock);

    let clock = Instant::now();
    let database = postgres.database(Template::Empty).await?;
    let pool = sqlx::PgPool::connect(&database).await?;
    let crm = crm::seed(&pool, Size::Medium).await?;
    pool.close().await;
    step(
        &format!(
            "a CRM with {} people and {} organisations",
            crm.people, crm.organisations
        ),
        clock,
    );

    let out = Path::new("demo-out");
    std::fs::create_dir_all(out)?;
    let settings = Settings::new(
        &redis.url(),
        &database,
        &broker(&redis),
        &out.canonicalize()?,
    )?;
    let clock = Instant::now();
    settings.command(&["migrate"])?;
    settings.command(&["doctor"])?;
    step("crm-worker migrate, crm-worker doctor", clock);

    let clock = Instant::now();
    let worker = Worker::start(&settings).await?;
    step("crm-worker run", clock);

    exports::show(&settings).await?;
    producers::show(&settings, &database, &broker(&redis)).await?;
    backups::show(&settings)?;

    println!(
        "\n  panel    http://{}/   name {}, password {}",
        settings.api,
        worker::NAME,
        worker::PASSWORD
    );
    println!("  api      http://{}/api/v1/openapi.json", settings.api);
    println!("  health   http://{}/readyz", settings.bind);
    println!("  metrics  http://{}/metrics", settings.bind);
    if keep {
        println!("  redis    {}", redis.url());
        println!("  database {database}");
        println!(
            "\n  Everything goes on until you press ctrl-C. To try more, in another terminal:\n"
        );
        println!("{}", settings.exports());
        println!("    target/debug/crm-worker enqueue debug.sleep --json '{{\"ms\":20000}}'");
        println!("    target/debug/crm-worker jobs list");
        tokio::signal::ctrl_c().await?;
    }
    let clock = Instant::now();
    println!();
    worker.stop().await?;
    step("SIGTERM: the worker drained and ended", clock);
    Ok(())
}

/// Where Celery's messages are: the same server, another database.
fn broker(redis: &RedisServer) -> String {
    format!("redis://127.0.0.1:{}/1", redis.port())
}

fn step(what: &str, since: Instant) {
    println!("  {what:.<64} {:>5.1} s", since.elapsed().as_secs_f64());
}

/// How often what is shown is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(150);
