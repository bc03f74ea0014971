//! `bench http`: jobs put in over HTTP at a steady rate, by the real binary.
//!
//! The requests have their times, whatever became of those before: a late one is measured from when
//! it was due, so that a server that stalls cannot hide it. The client writes and reads bytes itself,
//! on connections that are kept.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use devkit::{Persistence, PostgresServer, RedisServer, Template};
use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::options::Options;
use crate::report::Report;
use crate::subject::Subject;

/// Requests per second.
const RATE: u32 = 1000;
/// How long they go on.
const SECONDS: usize = 20;
/// Connections that are kept.
const CONNECTIONS: usize = 64;
/// Requests before those that are measured, to open connections and caches.
const WARM_UP: usize = 500;
/// The process must be ready, and an answer there, within this time.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest latency that is told apart, in µs.
const LONGEST_US: u64 = 60_000_000;

/// Two figures for requests without a key and two for those with one.
pub(crate) fn measure(report: &mut Report, options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let redis = RedisServer::start(Persistence::Aof)?;
        let postgres = PostgresServer::start().await?;
        let database = postgres.database(Template::Empty).await?;
        let api = Api::start(&redis.url(), &database).await?;
        for (with_key, subject) in [(false, "without a key"), (true, "with Idempotency-Key")] {
            let requests = options.few(SECONDS * RATE as usize);
            let latencies = api.ask(requests, with_key).await?;
            let ms = |quantile| latencies.value_at_quantile(quantile) as f64 / 1000.0;
            let conditions = format!(
                "{requests} requests at {RATE}/s, one job each, {subject}, {CONNECTIONS} connections"
            );
            let (p50, p99) = if with_key {
                ("http with key p50", "http with key p99")
            } else {
                ("http p50", "http p99")
            };
            for (bench, quantile) in [(p50, 0.5), (p99, 0.99)] {
                let ours = Subject::Ours.name();
                report.add(bench, ours, ms(quantile), "ms", "aof everysec", conditions.clone());
            }
        }
        Ok(())
    })
}

/// The binary, serving.
struct Api {
    child: Child,
    address: String,
    token: String,
}

impl Api {
    async fn start(redis: &str, database: &str) -> Result<Self> {
        let binary = std::env::current_exe()?.with_file_name("crm-worker");
        if !binary.exists() {
            bail!(
                "{} is not built; hint: make bench builds it",
                binary.display()
            );
        }
        let address = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .to_string();
        let command = |arguments: &[&str]| command(&binary, redis, database, &address, arguments);
        if !command(&["migrate"])
            .stdout(Stdio::null())
            .status()?
            .success()
        {
            bail!("crm-worker migrate failed");
        }
        let created = command(&[
            "tokens",
            "create",
            "--name",
            "bench",
            "--scope",
            "jobs:enqueue",
        ])
        .output()
        .context("create a token")?;
        let token = String::from_utf8(created.stdout)?.trim().to_owned();
        let child = command(&["run", "--roles", "panel"])
            .stdout(Stdio::null())
            .spawn()?;
        let api = Self {
            child,
            address,
            token,
        };
        let since = Instant::now();
        while TcpStream::connect(&api.address).await.is_err() {
            if since.elapsed() > PATIENCE {
                bail!("the API did not get ready");
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(api)
    }

    /// Sends them all at their times; how long each took from when it was due.
    async fn ask(&self, requests: usize, with_key: bool) -> Result<Histogram<u64>> {
        let start = Instant::now() + Duration::from_millis(200);
        let mut lanes = JoinSet::new();
        for lane in 0..CONNECTIONS {
            let stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            let (address, token) = (self.address.clone(), self.token.clone());
            let mine = (lane..requests + WARM_UP).step_by(CONNECTIONS);
            lanes.spawn(async move {
                let request = |number| request(&address, &token, number, with_key);
                drive(stream, mine, start, request).await
            });
        }
        let mut all = Histogram::new_with_bounds(1, LONGEST_US, 3)?;
        while let Some(lane) = lanes.join_next().await {
            all.add(lane??)?;
        }
        Ok(all)
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

fn command(
    binary: &PathBuf,
    redis: &str,
    database: &str,
    address: &str,
    arguments: &[&str],
) -> Command {
    let mut command = Command::new(binary);
    command.args(arguments).stderr(Stdio::null()).envs([
        ("REDIS_URL", redis),
        ("DATABASE_URL", database),
        ("CRM_WORKER__HTTP__BIND", ""),
        ("CRM_WORKER__PANEL__BIND", address),
        ("CRM_WORKER__PANEL__REQUESTS_PER_SECOND", "0"),
    ]);
    command
}

fn request(address: &str, token: &str, number: usize, with_key: bool) -> Vec<u8> {
    let body = format!(r#"{{"kind":"debug.echo","payload":{{"value":{number}}}}}"#);
    let key = if with_key {
        format!("Idempotency-Key: bench-{number}\r\n")
    } else {
        String::new()
    };
    format!(
        "POST /api/v1/jobs HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n{key}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// One connection's requests, one after another, each at its time or as soon after as it is free.
async fn drive(
    mut stream: TcpStream,
    numbers: impl Iterator<Item = usize>,
    start: Instant,
    request: impl Fn(usize) -> Vec<u8>,
) -> Result<Histogram<u64>> {
    let mut latencies = Histogram::new_with_bounds(1, LONGEST_US, 3)?;
    for number in numbers {
        let due = start + Duration::from_secs(1) / RATE * number as u32;
        let bytes = request(number);
        sleep_until(due).await;
        stream.write_all(&bytes).await?;
        timeout(PATIENCE, answer(&mut stream)).await??;
        if number >= WARM_UP {
            latencies.saturating_record(due.elapsed().as_micros() as u64);
        }
    }
    Ok(latencies)
}

/// Reads an answer to its end; it must say that the job was stored.
async fn answer(stream: &mut TcpStream) -> Result<()> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            bail!("the connection was closed");
        }
        let text = std::str::from_utf8(&bytes)?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let mut lengths = head
            .lines()
            .filter_map(|line| line.strip_prefix("content-length: "));
        let length: usize = lengths.next().context("an answer has a length")?.parse()?;
        if body.len() < length {
            continue;
        }
        if head.starts_with("HTTP/1.1 201") {
            return Ok(());
        }
        bail!("a job was not stored: {text}");
    }
}
