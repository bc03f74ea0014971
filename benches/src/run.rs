//! The measuring side: starts Redis and children, watches, computes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use devkit::{Persistence, RedisServer};
use redis::Connection;

use crate::report::Report;
use crate::subject::Subject;
use crate::{apalis_redis_subject, ours, probe, raw};

/// Slots of a measured worker.
const SLOTS: usize = 500;
/// A drain that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long an idle worker is watched.
const IDLE_WATCH: Duration = Duration::from_secs(20);
/// Latency samples, and the pause between them.
const SAMPLES: usize = 300;
const SAMPLE_GAP: Duration = Duration::from_millis(15);

/// A measured process.
pub(crate) struct Measured {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Measured {
    /// Starts a child and waits until it is connected.
    pub(crate) fn start(arguments: &[&str]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("child")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start a measured process")?;
        let output = child.stdout.take().context("no output of the child")?;
        let mut measured = Self {
            child,
            output: BufReader::new(output),
        };
        measured.read_line()?;
        Ok(measured)
    }

    pub(crate) fn go(&mut self) -> Result<()> {
        let input = self.child.stdin.as_mut().context("no input of the child")?;
        writeln!(input, "go")?;
        input.flush().context("start the child")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn read_line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line)
    }

    /// Ends a worker of ours and reads what it has to say.
    fn finish(mut self) -> Result<String> {
        drop(self.child.stdin.take());
        let line = self.read_line()?;
        self.child.wait()?;
        Ok(line)
    }

    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

struct Server {
    redis: RedisServer,
    connection: Connection,
}

impl Server {
    fn start() -> Result<Self> {
        let redis = RedisServer::start(Persistence::None)?;
        let connection = redis::Client::open(redis.url())?.get_connection()?;
        Ok(Self { redis, connection })
    }

    fn number(&mut self, section: &str, field: &str) -> Result<f64> {
        let info: String = redis::cmd("INFO")
            .arg(section)
            .query(&mut self.connection)?;
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.and_then(|text| text.trim().parse().ok())
            .with_context(|| format!("INFO has no {field}"))
    }

    fn cpu(&self) -> Result<f64> {
        probe::cpu_seconds(self.redis.pid().context("redis is gone")?)
    }
}

fn left(subject: Subject, connection: &mut Connection, jobs: usize) -> Result<u64> {
    match subject {
        Subject::Ours => ours::left(connection, jobs),
        Subject::Raw => raw::left(connection),
        Subject::ApalisDefaults | Subject::ApalisBest => {
            apalis_redis_subject::left(connection, jobs)
        }
    }
}

fn fill(subject: Subject, url: &str, jobs: usize, chunk: usize) -> Result<Duration> {
    let (jobs, chunk) = (jobs.to_string(), chunk.to_string());
    let mut producer = Measured::start(&["enqueue", subject.name(), url, &jobs, &chunk])?;
    let start = Instant::now();
    producer.go()?;
    if !producer.child.wait()?.success() {
        bail!("{} could not enqueue", subject.name());
    }
    Ok(start.elapsed())
}

/// Enqueueing one by one and in bulk, and the memory a waiting job takes.
pub(crate) fn enqueue(report: &mut Report) -> Result<()> {
    for subject in [Subject::Raw, Subject::Ours, Subject::ApalisDefaults] {
        for (bench, jobs, chunk) in [
            ("enqueue one by one", 20_000, 1),
            ("enqueue bulk", 100_000, 1000),
        ] {
            let mut server = Server::start()?;
            let before = server.number("memory", "used_memory")?;
            let took = fill(subject, &server.redis.url(), jobs, chunk)?;
            let rate = jobs as f64 / took.as_secs_f64();
            report.add(
                bench,
                subject.name(),
                rate,
                "jobs/s",
                format!("{jobs} jobs, chunks of {chunk}, one connection"),
            );
            if chunk > 1 {
                let bytes = (server.number("memory", "used_memory")? - before) / jobs as f64;
                report.add(
                    "redis per job",
                    subject.name(),
                    bytes,
                    "bytes",
                    "waiting no-op job",
                );
            }
        }
    }
    Ok(())
}

/// Draining no-op jobs that wait already.
pub(crate) fn drain(
    report: &mut Report,
    subject: Subject,
    processes: usize,
    jobs: usize,
) -> Result<()> {
    let mut server = Server::start()?;
    let url = server.redis.url();
    fill(subject, &url, jobs, 1000)?;
    let slots = SLOTS.to_string();
    let mut workers = Vec::new();
    for _ in 0..processes {
        workers.push(Measured::start(&["work", subject.name(), &url, &slots])?);
    }
    let redis_before = server.cpu()?;
    let start = Instant::now();
    for worker in &mut workers {
        worker.go()?;
    }
    while left(subject, &mut server.connection, jobs)? > 0 {
        if start.elapsed() > PATIENCE {
            bail!(
                "{} did not drain {jobs} jobs within {PATIENCE:?}",
                subject.name()
            );
        }
        sleep(Duration::from_millis(2));
    }
    let took = start.elapsed().as_secs_f64();
    let conditions = format!("{jobs} no-op jobs, {processes} process(es), {slots} slots");
    report.add(
        "drain",
        subject.name(),
        jobs as f64 / took,
        "jobs/s",
        &conditions,
    );
    let ten_thousands = jobs as f64 / 10_000.0;
    report.add(
        "redis cpu per 10k",
        subject.name(),
        (server.cpu()? - redis_before) / ten_thousands,
        "s",
        &conditions,
    );
    if subject == Subject::Raw {
        return Ok(());
    }
    let mut cpu = 0.0;
    for worker in &workers {
        cpu += probe::cpu_seconds(worker.pid())?;
    }
    report.add(
        "worker cpu per 10k",
        subject.name(),
        cpu / ten_thousands,
        "s",
        &conditions,
    );
    report.add(
        "rss after drain",
        subject.name(),
        probe::rss_mb(workers[0].pid())?,
        "MB",
        &conditions,
    );
    workers.into_iter().try_for_each(Measured::kill)
}

/// What a worker without work costs, and how soon it starts a job.
pub(crate) fn idle(report: &mut Report) -> Result<()> {
    let mut server = Server::start()?;
    let url = server.redis.url();
    let mut worker = Measured::start(&["work", Subject::Ours.name(), &url, "100"])?;
    worker.go()?;
    sleep(Duration::from_secs(3));
    let (commands, cpu) = (
        server.number("stats", "total_commands_processed")?,
        probe::cpu_seconds(worker.pid())?,
    );
    sleep(IDLE_WATCH);
    let seconds = IDLE_WATCH.as_secs_f64();
    // The reading itself is one command.
    let rate = (server.number("stats", "total_commands_processed")? - commands - 1.0) / seconds;
    let load = (probe::cpu_seconds(worker.pid())? - cpu) / seconds * 100.0;
    let name = Subject::Ours.name();
    report.add(
        "idle redis commands",
        name,
        rate,
        "per s",
        "one queue, commands inside scripts included",
    );
    report.add("idle cpu", name, load, "% of core", "one queue");
    report.add(
        "idle rss",
        name,
        probe::rss_mb(worker.pid())?,
        "MB",
        "one queue, 100 slots",
    );

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = ours::client(&url).await?;
        for _ in 0..SAMPLES {
            tokio::time::sleep(SAMPLE_GAP).await;
            client
                .enqueue(&ours::Stamp {
                    sent_ns: ours::now_ns(),
                })
                .await?;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        anyhow::Ok(())
    })?;
    let mut latencies: Vec<u64> = serde_json::from_str(&worker.finish()?)?;
    latencies.sort_unstable();
    if latencies.len() != SAMPLES {
        bail!("{} of {SAMPLES} samples arrived", latencies.len());
    }
    for (bench, share) in [("idle pickup p50", 50), ("idle pickup p99", 99)] {
        let micros = latencies[latencies.len() * share / 100];
        report.add(
            bench,
            name,
            micros as f64 / 1000.0,
            "ms",
            format!("{SAMPLES} jobs, one each {SAMPLE_GAP:?}, from enqueue to handler"),
        );
    }
    Ok(())
}
